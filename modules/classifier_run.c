#include <omp.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/data/image_adapt.h"
#include "compute/network/pass.h"
#include "modules/classifier.h"

/* One thread's own. */
struct lane {
    struct pass **passes; /* (source_count) */
    uint8_t *adapted;     /* (chunk, largest input of a source that needs adapting) */
    float *images;        /* (chunk, largest input of a source) */
    float *keep;          /* (units of the source with the most): the map of the forward at hand */
};

struct classifier_run {
    const struct classifier *classifier;
    struct shape image_shape;
    int32_t source_count;                 /* the network, or the parents of the modules */
    const struct network *const *sources; /* (source_count), borrowed */
    struct image_adapt **adapts;          /* (source_count); NULL where images fit as they are */
    bool any_adapted, one_scaling;
    int32_t lane_count;
    struct lane *lanes;
};

/* --- making --- */

static enum status lane_create(const struct classifier_run *run, struct lane *lane)
{
    size_t input = 0, adapted = 0, units = 0;
    const struct forward_plan *plan = run->classifier->plan;
    enum status status =
        memory_allocate(&lane->passes, (size_t)run->source_count, sizeof(struct pass *), "passes");
    for (int32_t i = 0; i < run->source_count && status == STATUS_OK; i++) {
        status = pass_create(run->sources[i], CLASSIFIER_CHUNK, PASS_INFER, &lane->passes[i]);
        if (status == STATUS_OK && plan != NULL)
            pass_set_last_layer(lane->passes[i], plan->parents[i].features_layer);
        size_t count = shape_count(network_input_shape(run->sources[i]));
        input = count > input ? count : input;
        if (run->adapts[i] != NULL)
            adapted = count > adapted ? count : adapted;
        if (plan != NULL && plan->parents[i].layout->unit_count > units)
            units = plan->parents[i].layout->unit_count;
    }
    if (status == STATUS_OK)
        status = memory_allocate(&lane->adapted, CLASSIFIER_CHUNK * adapted, 1, "adapted images");
    if (status == STATUS_OK)
        status = memory_allocate(&lane->images, CLASSIFIER_CHUNK * input, sizeof(float), "scaled images");
    if (status == STATUS_OK)
        status = memory_allocate(&lane->keep, units, sizeof(float), "unit mask");
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

static bool scalings_agree(const struct network *a, const struct network *b)
{
    size_t bytes = (size_t)network_input_shape(a).c * sizeof(float);
    return a->scaling.scale == b->scaling.scale && memcmp(a->scaling.mean, b->scaling.mean, bytes) == 0 &&
           memcmp(a->scaling.std, b->scaling.std, bytes) == 0;
}

static enum status sources_adapt(struct classifier_run *run)
{
    enum status status = memory_allocate(&run->adapts, (size_t)run->source_count,
                                         sizeof(struct image_adapt *), "image adaptations");
    run->one_scaling = true;
    for (int32_t i = 0; i < run->source_count && status == STATUS_OK; i++) {
        const struct network *source = run->sources[i];
        struct shape wanted = network_input_shape(source);
        if (wanted.c > SCALING_CHANNELS_MAX)
            return error_set(STATUS_SHAPE, "network %s takes images of %d channels; at most %d can be scaled",
                             source->architecture, (int)wanted.c, SCALING_CHANNELS_MAX);
        run->one_scaling =
            run->one_scaling && (i == 0 || (wanted.c == network_input_shape(run->sources[0]).c &&
                                            scalings_agree(run->sources[0], source)));
        if (image_adapt_is_identity(run->image_shape, wanted))
            continue;
        run->any_adapted = true;
        status = image_adapt_create(run->image_shape, wanted, &run->adapts[i]);
        if (status != STATUS_OK)
            error_prefix(status, "network %s: ", source->architecture);
    }
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
    bool single = classifier->network != NULL;
    made->source_count = single ? 1 : classifier->modules->parent_count;
    made->sources =
        (const struct network *const *)(single ? &classifier->network : classifier->modules->parents);
    status = sources_adapt(made);
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
    for (int32_t i = 0; lane->passes != NULL && i < run->source_count; i++)
        pass_destroy(&lane->passes[i]);
    memory_free(&lane->passes);
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
    for (int32_t i = 0; (*run)->adapts != NULL && i < (*run)->source_count; i++)
        image_adapt_destroy(&(*run)->adapts[i]);
    memory_free(&(*run)->lanes);
    memory_free(&(*run)->adapts);
    memory_free(run);
}

/* --- running --- */

/* Brings n images to what source `index` is fed. */
static const float *lane_prepare(const struct classifier_run *run, struct lane *lane, int32_t index,
                                 int32_t n, const uint8_t *pixels)
{
    const struct network *source = run->sources[index];
    struct shape shape = network_input_shape(source);
    if (run->adapts[index] != NULL) {
        image_adapt_run(run->adapts[index], n, pixels, lane->adapted);
        pixels = lane->adapted;
    }
    scaling_apply(&source->scaling, (size_t)n * (size_t)shape.h * (size_t)shape.w, shape.c, pixels,
                  lane->images);
    return lane->images;
}

/* Masks the layers that the map cuts. */
static void lane_mask(struct lane *lane, struct pass *pass, const struct unit_layout *layout,
                      const uint8_t *map)
{
    for (int32_t i = 0; i < layout->layer_count; i++) {
        size_t first = layout->unit_offset[i], units = layout->unit_offset[i + 1] - first;
        size_t kept = unit_map_expand(map, first, units, lane->keep + first);
        pass_set_mask(pass, layout->layers[i], kept == units ? NULL : lane->keep + first);
    }
}

/* Scores of n images from their features (n, F) into a column of scores. */
static void module_score(const struct module *module, int32_t feature_count, int32_t n, const float *features,
                         float *scores, size_t scores_stride)
{
    for (int32_t i = 0; i < n; i++) {
        const float *x = features + (size_t)i * (size_t)feature_count;
        double own = (double)module->head_bias[0], rest = (double)module->head_bias[1];
        for (int32_t f = 0; f < feature_count; f++) {
            own += (double)x[f] * (double)module->head_weights[2 * f];
            rest += (double)x[f] * (double)module->head_weights[2 * f + 1];
        }
        scores[(size_t)i * scores_stride] =
            (float)((double)module->scale * (own - rest) + (double)module->offset);
    }
}

static void lane_score_modules(const struct classifier_run *run, struct lane *lane, int32_t parent, int32_t n,
                               const float *images, float *scores)
{
    const struct forward_plan *plan = run->classifier->plan;
    const struct module *modules = run->classifier->modules->modules;
    const struct parent_plan *plan_of = &plan->parents[parent];
    struct pass *pass = lane->passes[parent];
    for (int32_t i = 0; i < plan_of->forward_count; i++) {
        const struct forward *forward = &plan->forwards[plan_of->first_forward + i];
        const int32_t *members = plan->module_order + forward->first;
        lane_mask(lane, pass, plan_of->layout, modules[members[0]].map);
        const float *features = pass_forward(pass, n, images);
        for (int32_t k = 0; k < forward->count; k++)
            module_score(&modules[members[k]], plan_of->features, n, features, scores + members[k],
                         (size_t)run->classifier->label_count);
    }
}

/* Scores of n ≤ CLASSIFIER_CHUNK images, given as pixels or (pixels NULL) scaled. */
static void lane_score(const struct classifier_run *run, struct lane *lane, int32_t n, const uint8_t *pixels,
                       const float *scaled, float *scores)
{
    for (int32_t i = 0; i < run->source_count; i++) {
        const float *images = pixels != NULL ? lane_prepare(run, lane, i, n, pixels) : scaled;
        if (run->classifier->network == NULL) {
            lane_score_modules(run, lane, i, n, images, scores);
        } else {
            const float *logits = pass_forward(lane->passes[i], n, images);
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
        return error_set(STATUS_SHAPE, "the parents of this composition scale pixels differently, so images "
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
