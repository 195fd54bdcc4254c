#include "modules/composition/calibration.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "compute/base/memory.h"
#include "modules/composition/lbfgs.h"

enum {
    BLOCK_IMAGES = 256
}; /* summed by themselves, then in order: the same bytes for any number of threads */
static const double pull = 1e-3; /* of all labels together, beside a mean cross-entropy */

/* Parameters are log s (group_count), then t, each of all labels of a group. */
struct objective {
    const struct calibration_images *images;
    int32_t group_count;
    double log_scale; /* where log s_j is pulled to */
    int64_t blocks;
    double *partials; /* (blocks, 1 + 2·label_count): loss and gradient of each */
    double *scores;   /* (blocks, label_count): scratch */
    double *scales;   /* (label_count): s_j of the parameters at hand */
    double *offsets;  /* (label_count): t_j likewise */
    double *slopes;   /* (2·label_count): the loss's derivatives by log s_j and t_j */
    double *weights;  /* (label_count): of an image of each label */
};

/* weights (label_count): of an image of each label, so that labels weigh the same and all images 1. */
static enum status weigh_labels(const struct calibration_images *images, double **weights)
{
    enum status status =
        memory_allocate(weights, (size_t)images->label_count, sizeof(double), "weights of labels");
    if (status != STATUS_OK)
        return status;
    for (int64_t i = 0; i < images->count; i++)
        (*weights)[images->truth[i]] += 1;
    for (int32_t j = 0; j < images->label_count; j++)
        (*weights)[j] = 1 / (images->label_count * (*weights)[j]);
    return STATUS_OK;
}

/* Adds −log softmax(scores)[truth]; scores become the derivative, softmax − one-hot. */
static double cross_entropy(double *scores, int32_t count, int32_t truth)
{
    double largest = scores[0], sum = 0;
    for (int32_t j = 1; j < count; j++)
        largest = scores[j] > largest ? scores[j] : largest;
    double loss = largest - scores[truth];
    for (int32_t j = 0; j < count; j++) {
        scores[j] = exp(scores[j] - largest);
        sum += scores[j];
    }
    for (int32_t j = 0; j < count; j++)
        scores[j] /= sum;
    scores[truth] -= 1;
    return loss + log(sum);
}

/* Loss and gradient of one block's images, each with its label's weight. */
static void add_block(const struct objective *objective, int64_t block)
{
    const struct calibration_images *images = objective->images;
    int32_t labels = images->label_count;
    double *loss = objective->partials + (size_t)block * (1 + 2 * (size_t)labels);
    double *by_scale = loss + 1, *by_offset = by_scale + labels;
    double *scores = objective->scores + (size_t)block * (size_t)labels;
    int64_t end = (block + 1) * BLOCK_IMAGES < images->count ? (block + 1) * BLOCK_IMAGES : images->count;
    memset(loss, 0, (1 + 2 * (size_t)labels) * sizeof *loss);
    for (int64_t i = block * BLOCK_IMAGES; i < end; i++) {
        const float *margins = images->margins + (size_t)i * (size_t)labels;
        for (int32_t j = 0; j < labels; j++)
            scores[j] = objective->scales[j] * (double)margins[j] + objective->offsets[j];
        double weight = objective->weights[images->truth[i]];
        *loss += weight * cross_entropy(scores, labels, images->truth[i]);
        for (int32_t j = 0; j < labels; j++) {
            by_scale[j] += weight * scores[j] * (double)margins[j] * objective->scales[j];
            by_offset[j] += weight * scores[j];
        }
    }
}

static int32_t group_of(const struct calibration_images *images, int32_t label)
{
    return images->groups != NULL ? images->groups[label] : label;
}

static double objective_value(void *context, const double *parameters, double *gradient)
{
    const struct objective *objective = context;
    int32_t labels = objective->images->label_count, groups = objective->group_count;
    double loss = 0, weight = pull / labels;
    for (int32_t j = 0; j < labels; j++) {
        objective->scales[j] = exp(parameters[group_of(objective->images, j)]);
        objective->offsets[j] = parameters[groups + group_of(objective->images, j)];
    }
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t block = 0; block < objective->blocks; block++)
        add_block(objective, block);
    memset(objective->slopes, 0, 2 * (size_t)labels * sizeof *objective->slopes);
    for (int64_t block = 0; block < objective->blocks; block++) {
        const double *partial = objective->partials + (size_t)block * (1 + 2 * (size_t)labels);
        loss += partial[0];
        for (int32_t i = 0; i < 2 * labels; i++)
            objective->slopes[i] += partial[1 + i];
    }
    memset(gradient, 0, 2 * (size_t)groups * sizeof *gradient);
    for (int32_t i = 0; i < 2 * labels; i++) {
        bool is_scale = i < labels;
        int32_t group = group_of(objective->images, is_scale ? i : i - labels) + (is_scale ? 0 : groups);
        double distance = parameters[group] - (is_scale ? objective->log_scale : 0.0);
        loss += 0.5 * weight * distance * distance;
        gradient[group] += objective->slopes[i] + weight * distance;
    }
    return loss;
}

/* All margins finite; *deviation = their root mean square about their mean. */
static enum status examine(const struct calibration_images *images, double *deviation)
{
    size_t labels = (size_t)images->label_count, count = (size_t)images->count * labels;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(images->margins[i]))
            return error_set(STATUS_MISMATCH,
                             "the score of module #%d is %g for image %lld of those it is calibrated on; a "
                             "score must be a finite number",
                             (int)(i % labels), (double)images->margins[i], (long long)(i / labels));
        sum += (double)images->margins[i];
    }
    double mean = sum / (double)count;
    for (size_t i = 0; i < count; i++)
        squares += ((double)images->margins[i] - mean) * ((double)images->margins[i] - mean);
    *deviation = sqrt(squares / (double)count);
    return STATUS_OK;
}

static enum status objective_create(const struct calibration_images *images, struct objective *objective)
{
    size_t labels = (size_t)images->label_count;
    objective->images = images;
    for (int32_t j = 0; j < images->label_count; j++)
        if (group_of(images, j) >= objective->group_count)
            objective->group_count = group_of(images, j) + 1;
    objective->blocks = (images->count + BLOCK_IMAGES - 1) / BLOCK_IMAGES;
    size_t blocks = (size_t)objective->blocks;
    enum status status = memory_allocate(&objective->partials, blocks * (1 + 2 * labels), sizeof(double),
                                         "sums of a calibration");
    if (status == STATUS_OK)
        status =
            memory_allocate(&objective->scores, blocks * labels, sizeof(double), "scores of a calibration");
    if (status == STATUS_OK)
        status = memory_allocate(&objective->scales, labels, sizeof(double), "scales of a calibration");
    if (status == STATUS_OK)
        status = memory_allocate(&objective->offsets, labels, sizeof(double), "offsets of a calibration");
    if (status == STATUS_OK)
        status = memory_allocate(&objective->slopes, 2 * labels, sizeof(double), "gradient of a calibration");
    if (status == STATUS_OK)
        status = weigh_labels(images, &objective->weights);
    return status;
}

static enum status fit(const struct calibration_images *images, double deviation, float *scales,
                       float *offsets)
{
    struct objective objective = {.log_scale = deviation > 0 ? -log(deviation) : 0.0};
    int32_t labels = images->label_count;
    double *parameters = NULL, mean_offset = 0;
    enum status status = objective_create(images, &objective);
    int32_t groups = objective.group_count;
    if (status == STATUS_OK)
        status =
            memory_allocate(&parameters, 2 * (size_t)groups, sizeof(double), "parameters of a calibration");
    for (int32_t g = 0; g < groups && status == STATUS_OK; g++)
        parameters[g] = objective.log_scale;
    if (status == STATUS_OK)
        status = lbfgs_minimise(2 * (size_t)groups, parameters, objective_value, &objective);
    for (int32_t j = 0; j < labels && status == STATUS_OK; j++)
        mean_offset += parameters[groups + group_of(images, j)] / labels;
    for (int32_t j = 0; j < labels && status == STATUS_OK; j++) {
        scales[j] = (float)exp(parameters[group_of(images, j)]);
        offsets[j] = (float)(parameters[groups + group_of(images, j)] - mean_offset);
    }
    memory_free(&parameters);
    memory_free(&objective.partials);
    memory_free(&objective.scores);
    memory_free(&objective.scales);
    memory_free(&objective.offsets);
    memory_free(&objective.slopes);
    memory_free(&objective.weights);
    return status;
}

enum status calibration_run(const struct calibration_images *images, float *scales, float *offsets)
{
    double deviation = 0;
    enum status status = examine(images, &deviation);
    if (status != STATUS_OK)
        return status;
    if (images->label_count > 1)
        return fit(images, deviation, scales, offsets);
    scales[0] = 1;
    offsets[0] = 0;
    return STATUS_OK;
}

enum status calibration_measure(const struct calibration_images *images, const float *scales,
                                const float *offsets, struct calibration_fit *fit)
{
    int32_t labels = images->label_count;
    struct label_fit {
        double loss, right, count; /* sums over its images */
    } *sums = NULL;
    double *scores = NULL;
    *fit = (struct calibration_fit){0, 0};
    enum status status = memory_allocate(&scores, (size_t)labels, sizeof(double), "scores of a calibration");
    if (status == STATUS_OK)
        status = memory_allocate(&sums, (size_t)labels, sizeof *sums, "sums of labels");
    for (int64_t i = 0; i < images->count && status == STATUS_OK; i++) {
        const float *margins = images->margins + (size_t)i * (size_t)labels;
        int32_t best = 0, truth = images->truth[i];
        for (int32_t j = 0; j < labels; j++) {
            scores[j] = (double)scales[j] * (double)margins[j] + (double)offsets[j];
            best = scores[j] > scores[best] ? j : best;
        }
        sums[truth].right += best == truth;
        sums[truth].loss += cross_entropy(scores, labels, truth);
        sums[truth].count += 1;
    }
    for (int32_t j = 0; j < labels && status == STATUS_OK; j++) {
        fit->loss += sums[j].loss / sums[j].count;
        fit->top1 += sums[j].right / sums[j].count;
    }
    fit->loss /= labels;
    fit->top1 /= labels;
    memory_free(&scores);
    memory_free(&sums);
    return status;
}
