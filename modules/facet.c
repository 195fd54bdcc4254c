#include "modules/facet.h"

#include "compute/base/memory.h"
#include "modules/classifier/classifier.h"

struct facet_model {
    struct classifier *classifier;
    struct classifier_run *run;
};

_Static_assert((int)FACET_OK == (int)STATUS_OK && (int)FACET_USAGE == (int)STATUS_USAGE &&
                   (int)FACET_NO_MEMORY == (int)STATUS_NO_MEMORY && (int)FACET_IO == (int)STATUS_IO &&
                   (int)FACET_FORMAT == (int)STATUS_FORMAT && (int)FACET_SHAPE == (int)STATUS_SHAPE &&
                   (int)FACET_NOT_FOUND == (int)STATUS_NOT_FOUND &&
                   (int)FACET_MISMATCH == (int)STATUS_MISMATCH && (int)FACET_STOPPED == (int)STATUS_STOPPED &&
                   (int)FACET_INTERNAL == (int)STATUS_INTERNAL,
               "public and internal status codes agree");

int facet_open(const char *path, struct facet_model **model)
{
    if (model == NULL || path == NULL)
        return (int)error_set(STATUS_USAGE, "facet_open needs a path and a place for the model");
    enum status status = memory_allocate(model, 1, sizeof **model, "model");
    if (status != STATUS_OK)
        return (int)status;
    status = classifier_open(path, &(*model)->classifier);
    if (status == STATUS_OK)
        status = classifier_run_create((*model)->classifier, classifier_input_shape((*model)->classifier),
                                       &(*model)->run, NULL);
    if (status != STATUS_OK)
        facet_close(model);
    return (int)status;
}

void facet_close(struct facet_model **model)
{
    if (model == NULL || *model == NULL)
        return;
    classifier_run_destroy(&(*model)->run);
    classifier_destroy(&(*model)->classifier);
    memory_free(model);
}

const char *facet_kind(const struct facet_model *model)
{
    return model->classifier->kind;
}

int32_t facet_label_count(const struct facet_model *model)
{
    return model->classifier->label_count;
}

const char *facet_label(const struct facet_model *model, int32_t index)
{
    if (index < 0 || index >= model->classifier->label_count)
        return NULL;
    return model->classifier->labels[index];
}

struct facet_shape facet_input_shape(const struct facet_model *model)
{
    struct shape shape = classifier_input_shape(model->classifier);
    return (struct facet_shape){.height = shape.h, .width = shape.w, .channels = shape.c};
}

int facet_classify(struct facet_model *model, const uint8_t *images, size_t count, float *scores)
{
    if (count > INT64_MAX || (count > 0 && (images == NULL || scores == NULL)))
        return (int)error_set(STATUS_USAGE, "facet_classify needs images and a place for their scores");
    return (int)classifier_scores(model->run, (int64_t)count, images, scores);
}

const char *facet_error(void)
{
    return error_message();
}
