#include <omp.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/data/image_adapt.h"
#include "compute/network/pass.h"
#include "modules/classifier/classifier.h"
#include "modules/classifier/map_run.h"
#include "modules/classifier/network_groups.h"

/* One thread's own. */
struct lane {
    struct pass **sources; /* (source_count) */
    struct map_run **maps; /* (source_count): of parents that modules are maps over; NULL for the others */
    struct pass **groups;  /* (groups->count): of modules that stand on a stem; NULL for the others */
    uint8_t *adapted;      /* (chunk, largest input of a source that needs adapting) */
    float *images;         /* (chunk, largest input of a source) */
    float *keep;           /* (units of the network with the most): the map of the network at hand */
    int32_t prepared;      /* the source whose images `images` has; −1: none */
};

/* A network that takes images: the classifier's only one, a parent, or a group's. */
struct source {
    const struct network *network; /* borrowed */
    struct image_adapt *adapt;     /* NULL where images fit as they are */
    int32_t like;                  /* the first source that is fed the same: itself, or one before it */
    int32_t parent;                /* −1: not a parent */
    int32_t group;                 /* −1: not a group's */
};

struct classifier_run {
    const struct classifier *classifier;
    struct shape image_shape;
    int32_t source_count;
    struct source *sources;
    struct network_groups *groups; /* NULL without modules */
    bool any_adapted, one_scaling;
    int32_t lane_count;
    struct lane *lanes;
};

/* --- making --- */

/* Groups of modules that are networks; 0 without modules. */
static int32_t group_count(const struct classifier_run *run)
{
    return run->groups == NULL ? 0 : run->groups->count;
}

/* Units of the largest map of a network of its own. */
static size_t most_units(const struct classifier_run *run)
{
    size_t units = 0;
    for (int32_t i = 0; i < group_count(run); i++) {
        const struct unit_layout *layout = run->groups->groups[i].layout;
        if (layout != NULL && layout->unit_count > units)
            units = layout->unit_count;
    }
    return units;
}

static enum status lane_allocate(const struct classifier_run *run, struct lane *lane)
{
    size_t input = 0, adapted = 0;
    for (int32_t i = 0; i < run->source_count; i++) {
        size_t count = shape_count(network_input_shape(run->sources[i].network));
        input = count > input ? count : input;
        if (run->sources[i].adapt != NULL)
            adapted = count > adapted ? count : adapted;
    }
    enum status status =
        memory_allocate(&lane->sources, (size_t)run->source_count, sizeof(struct pass *), "passes");
    if (status == STATUS_OK)
        status = memory_allocate(&lane->maps, (size_t)run->source_count, sizeof(struct map_run *), "passes");
    if (status == STATUS_OK)
        status = memory_allocate(&lane->groups, (size_t)group_count(run), sizeof(struct pass *), "passes");
    if (status == STATUS_OK)
        status = memory_allocate(&lane->adapted, CLASSIFIER_CHUNK * adapted, 1, "adapted images");
    if (status == STATUS_OK)
        status = memory_allocate(&lane->images, CLASSIFIER_CHUNK * input, sizeof(float), "scaled images");
    if (status == STATUS_OK)
        status = memory_allocate(&lane->keep, most_units(run), sizeof(float), "unit mask");
    return status;
}

static enum status lane_add_source(const struct classifier_run *run, struct lane *lane, int32_t index)
{
    const struct source *source = &run->sources[index];
    const struct forward_plan *plan = run->classifier->plan;
    const struct parent_plan *maps = source->parent < 0 ? NULL : &plan->parents[source->parent];
    struct pass **pass = &lane->sources[index];
    if (maps == NULL || maps->forward_count == 0)
        return pass_create(source->network, CLASSIFIER_CHUNK, PASS_INFER, pass);
    enum status status = map_run_pass(source->network, maps, CLASSIFIER_CHUNK, pass);
    if (status == STATUS_OK)
        status = map_run_create(run->classifier->modules, plan, maps, source->network, CLASSIFIER_CHUNK,
                                *pass, &lane->maps[index]);
    return status;
}

static enum status lane_create(const struct classifier_run *run, struct lane *lane)
{
    enum status status = lane_allocate(run, lane);
    for (int32_t i = 0; i < run->source_count && status == STATUS_OK; i++)
        status = lane_add_source(run, lane, i);
    for (int32_t i = 0; i < group_count(run) && status == STATUS_OK; i++)
        if (run->groups->groups[i].parent >= 0)
            status =
                pass_create(run->groups->groups[i].network, CLASSIFIER_CHUNK, PASS_INFER, &lane->groups[i]);
    return status;
}

/* Each thread creates its own lane, so that its memory is near it. */
static enum status lanes_create(struct classifier_run *run)
{
    run->lane_count = omp_get_max_threads();
    enum status status =
        memory_allocate(&run->lanes, (size_t)run->lane_count, sizeof *run->lanes, "classifying threads");
    if (status != STATUS_OK)
        return status;
    struct error_carried carried = {STATUS_OK, ""};
#pragma omp parallel for schedule(static, 1) num_threads(run->lane_count)
    for (int32_t i = 0; i < run->lane_count; i++)
        error_keep_first(&carried, lane_create(run, &run->lanes[i]));
    return error_raise(&carried);
}

/* How the images come to source `index`. */
static enum status source_adapt(struct classifier_run *run, int32_t index)
{
    struct source *source = &run->sources[index];
    const struct network *network = source->network, *first = run->sources[0].network;
    struct shape wanted = network_input_shape(network);
    if (wanted.c > SCALING_CHANNELS_MAX)
        return error_set(STATUS_SHAPE, "network %s takes images of %d channels; at most %d can be scaled",
                         network->architecture, (int)wanted.c, SCALING_CHANNELS_MAX);
    if (!networks_take_alike(first, network))
        run->one_scaling = false;
    source->like = 0;
    while (source->like < index && !networks_take_alike(run->sources[source->like].network, network))
        source->like++;
    if (image_adapt_is_identity(run->image_shape, wanted))
        return STATUS_OK;
    run->any_adapted = true;
    enum status status = image_adapt_create(run->image_shape, wanted, &source->adapt);
    return status == STATUS_OK ? status : error_prefix(status, "network %s: ", network->architecture);
}

static void add_source(struct classifier_run *run, const struct network *network, int32_t parent,
                       int32_t group)
{
    run->sources[run->source_count++] = (struct source){.network = network, .parent = parent, .group = group};
}

static enum status sources_create(struct classifier_run *run)
{
    const struct classifier *classifier = run->classifier;
    const struct module_set *set = classifier->modules;
    const struct forward_plan *plan = classifier->plan;
    size_t most = plan == NULL ? 1 : (size_t)plan->parent_count + (size_t)plan->direct_count;
    enum status status = memory_allocate(&run->sources, most, sizeof *run->sources, "networks to run");
    if (status != STATUS_OK)
        return status;
    if (plan == NULL)
        add_source(run, classifier->network, -1, -1);
    for (int32_t p = 0; plan != NULL && p < plan->parent_count; p++)
        add_source(run, set->parents[p], p, -1);
    for (int32_t i = 0; i < group_count(run); i++)
        if (run->groups->groups[i].parent < 0)
            add_source(run, run->groups->groups[i].network, -1, i);
    run->one_scaling = true;
    for (int32_t i = 0; i < run->source_count && status == STATUS_OK; i++)
        status = source_adapt(run, i);
    return status;
}

enum status classifier_run_create(const struct classifier *classifier, struct shape image_shape,
                                  struct classifier_run **run, bool *adapted)
{
    enum status status = memory_allocate(run, 1, sizeof **run, "classifier run");
    if (status != STATUS_OK)
        return status;
    struct classifier_run *made = *run;
    made->classifier = classifier;
    made->image_shape = image_shape;
    if (classifier->plan != NULL)
        status = network_groups_create(classifier->modules, classifier->plan, &made->groups);
    if (status == STATUS_OK)
        status = sources_create(made);
    if (status == STATUS_OK)
        status = lanes_create(made);
    if (status != STATUS_OK) {
        classifier_run_destroy(run);
        return status;
    }
    if (adapted != NULL)
        *adapted = made->any_adapted;
    return STATUS_OK;
}

static void lane_clear(const struct classifier_run *run, struct lane *lane)
{
    for (int32_t i = 0; lane->sources != NULL && i < run->source_count; i++)
        pass_destroy(&lane->sources[i]);
    for (int32_t i = 0; lane->maps != NULL && i < run->source_count; i++)
        map_run_destroy(&lane->maps[i]);
    for (int32_t i = 0; lane->groups != NULL && i < group_count(run); i++)
        pass_destroy(&lane->groups[i]);
    memory_free(&lane->sources);
    memory_free(&lane->maps);
    memory_free(&lane->groups);
    memory_free(&lane->adapted);
    memory_free(&lane->images);
    memory_free(&lane->keep);
}

void classifier_run_destroy(struct classifier_run **run)
{
    if (*run == NULL)
        return;
    for (int32_t i = 0; (*run)->lanes != NULL && i < (*run)->lane_count; i++)
        lane_clear(*run, &(*run)->lanes[i]);
    for (int32_t i = 0; i < (*run)->source_count; i++)
        image_adapt_destroy(&(*run)->sources[i].adapt);
    network_groups_destroy(&(*run)->groups);
    memory_free(&(*run)->lanes);
    memory_free(&(*run)->sources);
    memory_free(run);
}

/* --- running --- */

/* Brings n images to what source `index` is fed. */
static const float *lane_prepare(const struct classifier_run *run, struct lane *lane, int32_t index,
                                 int32_t n, const uint8_t *pixels)
{
    const struct source *source = &run->sources[index];
    struct shape shape = network_input_shape(source->network);
    if (lane->prepared == source->like)
        return lane->images;
    if (source->adapt != NULL) {
        image_adapt_run(source->adapt, n, pixels, lane->adapted);
        pixels = lane->adapted;
    }
    scaling_apply(&source->network->scaling, (size_t)n * (size_t)shape.h * (size_t)shape.w, shape.c, pixels,
                  lane->images);
    lane->prepared = source->like;
    return lane->images;
}

static float calibrated(const struct module *module, double margin)
{
    return (float)((double)module->scale * margin + (double)module->offset);
}

/* Scores of n images from their features (n, F) into a column of scores. */
static void map_score(const struct module *module, int32_t feature_count, int32_t n, const float *features,
                      float *scores, size_t scores_stride)
{
    for (int32_t i = 0; i < n; i++) {
        const float *x = features + (size_t)i * (size_t)feature_count;
        double own = (double)module->head_bias[0], rest = (double)module->head_bias[1];
        for (int32_t f = 0; f < feature_count; f++) {
            own += (double)x[f] * (double)module->head_weights[2 * f];
            rest += (double)x[f] * (double)module->head_weights[2 * f + 1];
        }
        scores[(size_t)i * scores_stride] = calibrated(module, own - rest);
    }
}

struct map_scores {
    const struct classifier_run *run;
    float *scores;
};

/* A map_run_use: the scores of the modules that have that map. */
static void score_forward(void *context, const struct forward *forward, int32_t first, int32_t count,
                          const float *features)
{
    const struct map_scores *of = context;
    const struct classifier *classifier = of->run->classifier;
    const int32_t *members = classifier->plan->module_order + forward->first;
    size_t labels = (size_t)classifier->label_count;
    for (int32_t k = 0; k < forward->count; k++) {
        const struct module *module = &classifier->modules->modules[members[k]];
        map_score(module, classifier->plan->parents[module->parent].features, count, features,
                  of->scores + (size_t)first * labels + members[k], labels);
    }
}

/* The modules of a group, from what their network takes. */
static void lane_score_group(const struct classifier_run *run, struct lane *lane,
                             const struct network_group *group, struct pass *pass, int32_t n,
                             const float *input, float *scores)
{
    const struct classifier *classifier = run->classifier;
    const int32_t *members = classifier->plan->network_order + group->first;
    const struct module *modules = classifier->modules->modules;
    size_t stride = (size_t)classifier->label_count;
    if (group->layout != NULL)
        map_mask_pass(pass, group->layout, modules[members[0]].map, 0, lane->keep);
    const float *margins = pass_forward(pass, n, input);
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = 0; k < group->count; k++)
            scores[(size_t)i * stride + (size_t)members[k]] =
                calibrated(&modules[members[k]], (double)*margins++);
}

/* Modules that stand on the parent as their stem. */
static void lane_score_on_stem(const struct classifier_run *run, struct lane *lane, struct pass *stem,
                               const struct source *source, int32_t n, const float *images, float *scores)
{
    const struct parent_plan *plan_of = &run->classifier->plan->parents[source->parent];
    if (plan_of->network_count == 0)
        return;
    if (plan_of->layout != NULL)
        map_mask_pass(stem, plan_of->layout, NULL, 0, NULL);
    pass_set_last_layer(stem, source->network->layer_count - 1);
    const float *given = pass_forward(stem, n, images);
    for (int32_t i = 0; i < group_count(run); i++)
        if (run->groups->groups[i].parent == source->parent)
            lane_score_group(run, lane, &run->groups->groups[i], lane->groups[i], n, given, scores);
}

/* Scores of n ≤ CLASSIFIER_CHUNK images, given as pixels or (pixels NULL) scaled. */
static void lane_score(const struct classifier_run *run, struct lane *lane, int32_t n, const uint8_t *pixels,
                       const float *scaled, float *scores)
{
    lane->prepared = -1;
    for (int32_t i = 0; i < run->source_count; i++) {
        const struct source *source = &run->sources[i];
        struct pass *pass = lane->sources[i];
        const float *images = pixels != NULL ? lane_prepare(run, lane, i, n, pixels) : scaled;
        if (source->parent >= 0) {
            struct map_scores of = {run, scores};
            if (lane->maps[i] != NULL)
                map_run_features(lane->maps[i], n, images, score_forward, &of);
            lane_score_on_stem(run, lane, pass, source, n, images, scores);
        } else if (source->group >= 0) {
            lane_score_group(run, lane, &run->groups->groups[source->group], pass, n, images, scores);
        } else {
            const float *logits = pass_forward(pass, n, images);
            memcpy(scores, logits,
                   (size_t)n * shape_count(classifier_output_shape(run->classifier)) * sizeof(float));
        }
    }
}

static void score_all(struct classifier_run *run, int64_t n, const uint8_t *pixels, const float *scaled,
                      float *scores)
{
    size_t image = shape_count(run->image_shape);
    size_t labels = shape_count(classifier_output_shape(run->classifier));
    int64_t chunks = (n + CLASSIFIER_CHUNK - 1) / CLASSIFIER_CHUNK;
#pragma omp parallel for schedule(dynamic, 1) num_threads(run->lane_count)
    for (int64_t i = 0; i < chunks; i++) {
        int64_t first = i * CLASSIFIER_CHUNK, left = n - first;
        lane_score(run, &run->lanes[omp_get_thread_num()],
                   (int32_t)(left < CLASSIFIER_CHUNK ? left : CLASSIFIER_CHUNK),
                   pixels == NULL ? NULL : pixels + (size_t)first * image,
                   scaled == NULL ? NULL : scaled + (size_t)first * image, scores + (size_t)first * labels);
    }
}

/* Scores are one a label. */
static enum status check_vector(const struct classifier_run *run)
{
    struct shape shape = classifier_output_shape(run->classifier);
    if (shape.h == 1 && shape.w == 1)
        return STATUS_OK;
    return error_set(STATUS_SHAPE,
                     "network %s gives %d×%d×%d numbers (H×W×C) for an image, not one score a class; facet "
                     "predict writes such outputs",
                     run->classifier->network->architecture, (int)shape.h, (int)shape.w, (int)shape.c);
}

enum status classifier_outputs(struct classifier_run *run, int64_t n, const uint8_t *pixels, float *outputs)
{
    if (n < 0)
        return error_set(STATUS_INTERNAL, "%lld images to classify", (long long)n);
    score_all(run, n, pixels, NULL, outputs);
    return STATUS_OK;
}

enum status classifier_outputs_scaled(struct classifier_run *run, int64_t n, const float *images,
                                      float *outputs)
{
    struct shape given = run->image_shape;
    if (n < 0)
        return error_set(STATUS_INTERNAL, "%lld images to classify", (long long)n);
    if (run->any_adapted)
        return error_set(STATUS_SHAPE,
                         "images of %d×%d×%d that are already scaled cannot be resized for a network that "
                         "takes another shape; give bytes (uint8)",
                         (int)given.h, (int)given.w, (int)given.c);
    if (!run->one_scaling)
        return error_set(STATUS_SHAPE, "the networks of this composition scale pixels differently, so images "
                                       "cannot come already scaled; give bytes (uint8)");
    score_all(run, n, NULL, images, outputs);
    return STATUS_OK;
}

enum status classifier_scores(struct classifier_run *run, int64_t n, const uint8_t *pixels, float *scores)
{
    enum status status = check_vector(run);
    return status == STATUS_OK ? classifier_outputs(run, n, pixels, scores) : status;
}

enum status classifier_scores_scaled(struct classifier_run *run, int64_t n, const float *images,
                                     float *scores)
{
    enum status status = check_vector(run);
    return status == STATUS_OK ? classifier_outputs_scaled(run, n, images, scores) : status;
}
