#include "jobs/report/judged.h"

#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "modules/file/modules_file.h"
#include "mpi/evaluate.h"
#include "mpi/ranks.h"

/* For the gallery: how many images are looked at. */
enum { LOOKED_AT_MAX = 4096, LOOKED_AT_OF_CLASS_MAX = 256 };

void judged_clear(struct judged *judged)
{
    for (int i = 0; i < JUDGED_COUNT; i++) {
        judgement_destroy(&judged->one[i].judgement);
        joined_run_destroy(&judged->one[i].run);
        classifier_destroy(&judged->one[i].classifier);
    }
    dataset_join_destroy(&judged->join);
}

int32_t judged_label(const struct judgement *judgement, struct joined_class truth)
{
    for (int32_t i = 0; i < judgement->label_count; i++)
        if (judgement->classes[i].dataset == truth.dataset &&
            judgement->classes[i].class_index == truth.class_index)
            return i;
    return -1;
}

const char *judged_label_name(const struct judged_one *one, int32_t label)
{
    return one->classifier->labels[one->judgement->classifier_label[label]];
}

/* --- opening --- */

/* The network that the modules are maps over; *classifier stays NULL when they are not. */
static enum status open_parent(const char *modules, struct classifier **classifier)
{
    struct module_set *set = NULL;
    enum status status = modules_file_load(modules, NULL, &set);
    if (status == STATUS_OK && set->parent_count == 1 && set->modules[0].kind == MODULE_MAP) {
        struct network *parent = set->parents[0];
        set->parents[0] = NULL;
        status = classifier_from_network(parent, classifier);
    }
    module_set_destroy(&set);
    return status;
}

static enum status prepare(struct judged *judged, struct judged_one *one, const char *classes)
{
    enum status status = judgement_create(one->classifier, one->name, judged->join, classes, &one->judgement);
    if (status == STATUS_OK)
        status = judgement_keep_confusion(one->judgement);
    if (status == STATUS_OK)
        status = joined_run_create(one->classifier, judged->join, &one->run);
    return status;
}

/* The parent judged on the classes of the modules alone, as a list of "#label". */
static enum status restrict_parent(struct judged *judged)
{
    struct judged_one *parent = &judged->one[JUDGED_PARENT];
    const struct judgement *modules = judged->one[JUDGED_MODULES].judgement;
    int32_t label_count = parent->judgement->label_count, kept = 0;
    enum { ENTRY_BYTES = 16 };
    char *list = NULL;
    enum status status = memory_allocate(&list, (size_t)label_count + 1, ENTRY_BYTES, "list of classes");
    if (status != STATUS_OK)
        return status;
    for (int32_t label = 0, used = 0; label < label_count; label++)
        if (judged_label(modules, parent->judgement->classes[label]) >= 0) {
            used += snprintf(list + used, ENTRY_BYTES, "%s#%d", kept > 0 ? "," : "",
                             (int)parent->judgement->classifier_label[label]);
            kept++;
        }
    if (kept == 0)
        status = error_set(STATUS_MISMATCH, "the network %s and the modules have no class in common",
                           parent->name);
    if (status == STATUS_OK && kept < label_count) {
        judgement_destroy(&parent->judgement);
        joined_run_destroy(&parent->run);
        status = prepare(judged, parent, list);
    }
    memory_free(&list);
    return status;
}

static enum status load(struct judged *judged, char *test, const char *network, const char *modules)
{
    struct judged_one *parent = &judged->one[JUDGED_PARENT], *composed = &judged->one[JUDGED_MODULES];
    enum status status = dataset_join_open(&test, 1, &judged->join);
    if (status == STATUS_OK && modules != NULL) {
        composed->name = modules;
        status = classifier_open(modules, &composed->classifier);
        if (status == STATUS_OK)
            status = prepare(judged, composed, NULL);
    }
    parent->name = network != NULL ? network : modules;
    parent->from_modules = network == NULL;
    if (status == STATUS_OK && network != NULL)
        status = classifier_open(network, &parent->classifier);
    else if (status == STATUS_OK && modules != NULL && composed->classifier->modules != NULL)
        status = open_parent(modules, &parent->classifier);
    if (status == STATUS_OK && parent->classifier != NULL)
        status = prepare(judged, parent, NULL);
    if (status == STATUS_OK && parent->classifier != NULL && composed->classifier != NULL)
        status = restrict_parent(judged);
    return status;
}

/* --- the gallery --- */

/* What the classifier says of images, among the labels that are judged. */
static int32_t best_label(const struct judged_one *one, const float *scores)
{
    const struct judgement *judgement = one->judgement;
    int32_t best = 0;
    for (int32_t i = 1; i < judgement->label_count; i++)
        if (scores[judgement->classifier_label[i]] > scores[judgement->classifier_label[best]])
            best = i;
    return best;
}

/* Answers to n images of one class; `modules` tells whose. */
static enum status ask(const struct judged_one *one, struct joined_class truth, int64_t n,
                       const uint8_t *pixels, bool modules, struct judged_image *images)
{
    float *scores = NULL;
    int32_t labels = one->classifier->label_count, right = judged_label(one->judgement, truth);
    if (right < 0)
        return STATUS_OK;
    enum status status =
        memory_allocate(&scores, (size_t)n, (size_t)labels * sizeof *scores, "scores of images");
    if (status == STATUS_OK)
        status = classifier_scores(one->run->run[truth.dataset], n, pixels, scores);
    for (int64_t i = 0; status == STATUS_OK && i < n; i++) {
        int32_t said = best_label(one, scores + i * labels);
        memcpy(modules ? images[i].modules_say : images[i].parent_says, judged_label_name(one, said),
               CLASS_NAME_BYTES);
        *(modules ? &images[i].modules_right : &images[i].parent_right) = said == right;
    }
    memory_free(&scores);
    return status;
}

/* The first n images of a class, and what is said of them. */
static enum status look_at_class(struct judged *judged, struct joined_class truth, int64_t n,
                                 struct judged_image *images)
{
    uint8_t *pixels = NULL;
    size_t bytes = 0;
    enum status status = dataset_pixel_bytes(judged->join->sets[truth.dataset].dataset->shape, n, &bytes);
    if (status == STATUS_OK)
        status = memory_allocate(&pixels, bytes, 1, "images");
    if (status == STATUS_OK)
        status = dataset_join_read(judged->join, truth, 0, 1, n, pixels);
    for (int64_t i = 0; i < n; i++)
        images[i] = (struct judged_image){.truth = truth, .place = i};
    for (int who = 0; status == STATUS_OK && who < JUDGED_COUNT; who++)
        if (judged->one[who].classifier != NULL)
            status = ask(&judged->one[who], truth, n, pixels, who == JUDGED_MODULES, images);
    memory_free(&pixels);
    return status;
}

/* What an image shows: the kinds of the gallery, in its order. With one classifier alone the answer of the
 * other counts as its own. */
enum kind { MODULES_WRONG, PARENT_WRONG, BOTH_WRONG, BOTH_RIGHT, KIND_COUNT };

static enum kind kind_of(const struct judged *judged, const struct judged_image *image)
{
    bool parent = judged->one[JUDGED_PARENT].classifier != NULL ? image->parent_right : image->modules_right;
    bool modules =
        judged->one[JUDGED_MODULES].classifier != NULL ? image->modules_right : image->parent_right;
    if (parent == modules)
        return parent ? BOTH_RIGHT : BOTH_WRONG;
    return parent ? MODULES_WRONG : PARENT_WRONG;
}

/* Takes images of every kind, the first of each class before the second of any. */
static void choose(struct judged *judged, const struct judged_image *images, int32_t classes,
                   int64_t of_class)
{
    static const int most[KIND_COUNT] = {12, 6, 8, 6};
    for (enum kind kind = MODULES_WRONG; kind < KIND_COUNT; kind++) {
        int taken = 0;
        for (int64_t place = 0; place < of_class && taken < most[kind]; place++)
            for (int32_t c = 0; c < classes && taken < most[kind]; c++) {
                const struct judged_image *image = &images[c * of_class + place];
                if (image->truth.dataset < 0 || kind_of(judged, image) != kind)
                    continue;
                judged->images[judged->image_count++] = *image;
                taken++;
            }
    }
}

static enum status gather_images(struct judged *judged)
{
    const struct judged_one *leading =
        &judged->one[judged->one[JUDGED_MODULES].classifier != NULL ? JUDGED_MODULES : JUDGED_PARENT];
    int32_t classes = leading->judgement->label_count;
    int64_t of_class = LOOKED_AT_MAX / classes;
    struct judged_image *images = NULL;
    of_class = of_class < 1 ? 1 : of_class > LOOKED_AT_OF_CLASS_MAX ? LOOKED_AT_OF_CLASS_MAX : of_class;
    if (classes > LOOKED_AT_MAX)
        classes = LOOKED_AT_MAX;
    enum status status =
        memory_allocate(&images, (size_t)classes * (size_t)of_class, sizeof *images, "images looked at");
    for (int32_t c = 0; status == STATUS_OK && c < classes; c++) {
        struct joined_class truth = leading->judgement->classes[c];
        int64_t n = dataset_join_class_images(judged->join, truth);
        for (int64_t i = n; i < of_class; i++)
            images[c * of_class + i].truth.dataset = -1;
        status = look_at_class(judged, truth, n < of_class ? n : of_class, images + c * of_class);
    }
    if (status == STATUS_OK)
        choose(judged, images, classes, of_class);
    memory_free(&images);
    return status;
}

enum status judged_make(struct job *job, char *test, const char *network, const char *modules,
                        struct run_progress *progress, struct judged *judged)
{
    enum status status = ranks_agree(job->comm, load(judged, test, network, modules));
    for (int who = 0; who < JUDGED_COUNT; who++) {
        struct judged_one *one = &judged->one[who];
        if (status == STATUS_OK && one->classifier != NULL)
            status = evaluate_classifier(job->comm, one->classifier, one->run, judged->join, one->judgement,
                                         job->stop, progress);
    }
    if (status == STATUS_OK)
        status = ranks_agree(job->comm, job->rank == 0 ? gather_images(judged) : STATUS_OK);
    return status;
}
