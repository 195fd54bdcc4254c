#include "mpi/adapt/calibrate.h"

#include <string.h>

#include "compute/base/memory.h"
#include "compute/data/held_back.h"
#include "modules/judgement.h"
#include "mpi/ranks.h"
#include "mpi/score_images.h"

/* Margins that are kept in memory, on every rank; beyond, fewer images of each class are used. */
enum { MARGINS_MAX = 1 << 26 };

struct calibrator {
    const struct calibrating *job;
    struct classifier *classifier; /* owns the set */
    struct joined_run *run;
    struct judgement *judgement; /* finds the labels' classes */
    float *scales, *offsets;     /* (label_count) */
    float *margins;              /* (images, label_count) */
    int32_t *truth;              /* (images) */
    int32_t *groups;             /* (label_count): modules that have one scale and offset in common */
    int64_t images;
};

static void keep_margins(void *context, int32_t class, int64_t first, int64_t n, const float *scores)
{
    struct calibrator *calibrator = context;
    size_t labels = (size_t)calibrator->classifier->label_count;
    memcpy(calibrator->margins + (size_t)first * labels, scores, (size_t)n * labels * sizeof(float));
    for (int64_t i = first; i < first + n; i++)
        calibrator->truth[i] = class;
}

/* Every module's class is in the data, with images. */
static enum status check_classes(const struct calibrator *calibrator)
{
    const struct calibrating *job = calibrator->job;
    const struct judgement *judgement = calibrator->judgement;
    char paths[512];
    dataset_join_describe(job->join, paths, sizeof paths);
    for (int32_t label = 0, judged = 0; label < calibrator->classifier->label_count; label++) {
        const char *name = calibrator->classifier->labels[label];
        if (judged == judgement->label_count || judgement->classifier_label[judged] != label)
            return error_set(
                STATUS_NOT_FOUND,
                "%s: there is no class \"%s\" in %s to calibrate its module with; give data that has "
                "it, too",
                job->where, name, paths);
        if (dataset_join_class_images(job->join, judgement->classes[judged]) == 0)
            return error_set(STATUS_NOT_FOUND,
                             "%s: class \"%s\" of %s has no images to calibrate its module with", job->where,
                             name, paths);
        judged++;
    }
    return STATUS_OK;
}

/* Of maps over one network the first one's; of any other module, its own. */
static void find_groups(struct calibrator *calibrator)
{
    const struct module_set *set = calibrator->classifier->modules;
    int32_t count = 0;
    for (int32_t i = 0; i < set->module_count; i++) {
        const struct module *module = &set->modules[i];
        int32_t first = 0;
        while (first < i &&
               !(calibrator->job->by_network && module->kind == MODULE_MAP &&
                 set->modules[first].kind == MODULE_MAP && set->modules[first].parent == module->parent))
            first++;
        calibrator->groups[i] = first < i ? calibrator->groups[first] : count++;
    }
}

/* Takes the modules' own calibration away, so that scores are margins. */
static void bare_margins(struct calibrator *calibrator)
{
    struct module_set *set = calibrator->classifier->modules;
    for (int32_t i = 0; i < set->module_count; i++) {
        calibrator->scales[i] = set->modules[i].scale;
        calibrator->offsets[i] = set->modules[i].offset;
        set->modules[i].scale = 1;
        set->modules[i].offset = 0;
    }
}

static struct image_scoring scoring_of(struct calibrator *calibrator)
{
    const struct calibrating *job = calibrator->job;
    int64_t labels = calibrator->classifier->label_count, most = MARGINS_MAX / (labels * labels);
    return (struct image_scoring){.comm = job->comm,
                                  .classifier = calibrator->classifier,
                                  .run = calibrator->run,
                                  .join = job->join,
                                  .class_count = calibrator->judgement->label_count,
                                  .classes = calibrator->judgement->classes,
                                  .stride = HELD_BACK_STRIDE,
                                  .class_most = most > 1 ? most : 1,
                                  .activity = "calibrating",
                                  .stop = job->stop,
                                  .progress = job->progress,
                                  .take = keep_margins,
                                  .context = calibrator};
}

/* Takes ownership of the set, also after a failure. */
static enum status prepare(struct calibrator *calibrator, struct module_set *set)
{
    const struct calibrating *job = calibrator->job;
    size_t labels = (size_t)set->module_count;
    enum status status = classifier_from_modules(set, "composition", &calibrator->classifier);
    if (status == STATUS_OK)
        status =
            judgement_create(calibrator->classifier, job->where, job->join, NULL, &calibrator->judgement);
    if (status == STATUS_OK)
        status = check_classes(calibrator);
    if (status == STATUS_OK)
        status = joined_run_create(calibrator->classifier, job->join, &calibrator->run);
    if (status == STATUS_OK)
        status = memory_allocate(&calibrator->scales, labels, sizeof(float), "scales");
    if (status == STATUS_OK)
        status = memory_allocate(&calibrator->offsets, labels, sizeof(float), "offsets");
    if (status == STATUS_OK)
        status = memory_allocate(&calibrator->groups, labels, sizeof(int32_t), "calibrated together");
    if (status != STATUS_OK)
        return status;
    find_groups(calibrator);
    struct image_scoring scoring = scoring_of(calibrator);
    calibrator->images = image_scoring_total(&scoring);
    size_t images = (size_t)calibrator->images;
    status = memory_allocate(&calibrator->truth, images, sizeof(int32_t), "labels of held-back images");
    if (status == STATUS_OK)
        status = memory_allocate(&calibrator->margins, images * labels, sizeof(float),
                                 "margins of held-back images");
    return status;
}

/* On rank 0. */
static enum status fit(struct calibrator *calibrator, struct calibration_result *result)
{
    const struct calibration_images images = {calibrator->classifier->label_count, calibrator->images,
                                              calibrator->margins, calibrator->truth, calibrator->groups};
    result->images = images.count;
    enum status status =
        calibration_measure(&images, calibrator->scales, calibrator->offsets, &result->before);
    if (status == STATUS_OK)
        status = calibration_run(&images, calibrator->scales, calibrator->offsets);
    if (status == STATUS_OK)
        status = calibration_measure(&images, calibrator->scales, calibrator->offsets, &result->after);
    return status;
}

/* Collective. */
static enum status calibrate(struct calibrator *calibrator, struct calibration_result *result)
{
    const struct calibrating *job = calibrator->job;
    struct module_set *set = calibrator->classifier->modules;
    struct image_scoring scoring = scoring_of(calibrator);
    if (job->on_run != NULL)
        job->on_run(job->context, calibrator->run);
    bare_margins(calibrator);
    enum status status = score_images(&scoring);
    if (status != STATUS_OK)
        return status;
    /* Every entry is one rank's, and 0 elsewhere. */
    ranks_sum(job->comm, calibrator->margins, (size_t)calibrator->images * (size_t)set->module_count,
              MPI_FLOAT);
    ranks_sum(job->comm, calibrator->truth, (size_t)calibrator->images, MPI_INT32_T);
    if (ranks_rank(job->comm) == 0)
        status = fit(calibrator, result);
    status = ranks_agree(job->comm, status);
    if (status != STATUS_OK)
        return status;
    MPI_Bcast(calibrator->scales, set->module_count, MPI_FLOAT, 0, job->comm);
    MPI_Bcast(calibrator->offsets, set->module_count, MPI_FLOAT, 0, job->comm);
    MPI_Bcast(result, (int)sizeof *result, MPI_BYTE, 0, job->comm);
    for (int32_t i = 0; i < set->module_count; i++) {
        set->modules[i].scale = calibrator->scales[i];
        set->modules[i].offset = calibrator->offsets[i];
    }
    return STATUS_OK;
}

enum status calibrate_modules(const struct calibrating *calibrating, struct module_set **set,
                              struct calibration_result *result)
{
    struct calibrator calibrator = {.job = calibrating};
    enum status status = ranks_agree(calibrating->comm, prepare(&calibrator, *set));
    *set = NULL;
    if (status == STATUS_OK)
        status = calibrate(&calibrator, result);
    if (status == STATUS_OK) {
        *set = calibrator.classifier->modules;
        calibrator.classifier->modules = NULL;
    }
    joined_run_destroy(&calibrator.run);
    judgement_destroy(&calibrator.judgement);
    classifier_destroy(&calibrator.classifier);
    memory_free(&calibrator.scales);
    memory_free(&calibrator.offsets);
    memory_free(&calibrator.groups);
    memory_free(&calibrator.margins);
    memory_free(&calibrator.truth);
    return status;
}
