#include "compute/network/pass.h"

#include <assert.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/kernels/softmax.h"
#include "compute/network/pass_internal.h"

static enum status create(const struct network *network, int32_t max_images, enum pass_mode mode,
                          const bool *resumes, struct pass **pass)
{
    const char *what = "the buffers of a pass";
    size_t layers = (size_t)network->layer_count;
    struct pass *made = NULL;
    *pass = NULL;
    if (network->parameters == NULL)
        return error_set(STATUS_USAGE, "network \"%s\" is not finished; finish it before running it",
                         network->architecture);
    if (max_images < 1)
        return error_set(STATUS_USAGE, "a pass of %d images; it must be 1 or more", max_images);
    enum status status = memory_allocate(&made, 1, sizeof *made, what);
    if (status != STATUS_OK)
        return status;
    made->network = network;
    made->max_images = max_images;
    made->mode = mode;
    status = pass_plan_make(network, max_images, mode, resumes, &made->plan);
    if (status == STATUS_OK)
        status = memory_allocate(&made->arena, made->plan.arena_floats, sizeof(float), what);
    if (status == STATUS_OK)
        status = memory_allocate(&made->scratch, made->plan.scratch_floats, sizeof(float), what);
    if (status == STATUS_OK)
        status = memory_allocate(&made->fold, made->plan.fold_floats, sizeof(float), what);
    if (status == STATUS_OK && mode == PASS_TRAIN)
        status = memory_allocate(&made->slice_statistics, network->statistic_count, sizeof(float), what);
    if (status == STATUS_OK)
        status = memory_allocate(&made->masks, layers, sizeof *made->masks, what);
    if (status == STATUS_OK)
        status = memory_allocate(&made->needed, layers, sizeof *made->needed, what);
    if (status != STATUS_OK) {
        pass_destroy(&made);
        return status;
    }
    made->last_layer = network->layer_count - 1;
    memset(made->needed, true, layers * sizeof *made->needed); /* network_finish made sure of it */
    *pass = made;
    return STATUS_OK;
}

enum status pass_create(const struct network *network, int32_t max_images, enum pass_mode mode,
                        struct pass **pass)
{
    return create(network, max_images, mode, NULL, pass);
}

enum status pass_create_resuming(const struct network *network, int32_t max_images, const bool *resumes,
                                 struct pass **pass)
{
    return create(network, max_images, PASS_INFER, resumes, pass);
}

void pass_destroy(struct pass **pass)
{
    struct pass *gone = *pass;
    if (gone == NULL)
        return;
    pass_plan_clear(&gone->plan);
    memory_free(&gone->arena);
    memory_free(&gone->scratch);
    memory_free(&gone->fold);
    memory_free(&gone->slice_statistics);
    memory_free(&gone->masks);
    memory_free(&gone->needed);
    memory_free(pass);
}

size_t pass_memory_bytes(const struct pass *pass)
{
    size_t statistics = pass->mode == PASS_TRAIN ? pass->network->statistic_count : 0;
    return (pass->plan.arena_floats + pass->plan.scratch_floats + pass->plan.fold_floats + statistics) *
           sizeof(float);
}

void pass_set_mask(struct pass *pass, int32_t layer, const float *keep)
{
    assert(pass->mode != PASS_TRAIN);
    assert(layer >= 0 && layer < pass->network->layer_count);
    assert(layer_has_units(&pass->network->layers[layer]));
    pass->masks[layer] = keep;
}

void pass_set_last_layer(struct pass *pass, int32_t layer)
{
    assert(pass->mode != PASS_TRAIN);
    assert(layer >= 0 && layer < pass->network->layer_count);
    pass->last_layer = layer;
    memset(pass->needed, false, (size_t)pass->network->layer_count * sizeof *pass->needed);
    pass->needed[layer] = true;
    for (int32_t i = layer; i > 0; i--)
        for (int32_t k = 0; pass->needed[i] && k < pass->network->layers[i].input_count; k++)
            pass->needed[pass->network->layers[i].inputs[k]] = true;
}

void pass_set_observer(struct pass *pass, pass_observer *observer, void *context)
{
    assert(pass->mode == PASS_INFER);
    pass->observer = observer;
    pass->observer_context = context;
}

void pass_set_timing(struct pass *pass, double *forward, double *backward)
{
    pass->forward_seconds = forward;
    pass->backward_seconds = backward;
}

const float *pass_forward(struct pass *pass, int32_t n, const float *images)
{
    assert(n >= 1 && n <= pass->max_images);
    pass->images = images;
    pass_run_forward(pass, 1, n);
    return pass_input_of(pass, pass->last_layer);
}

const float *pass_forward_from(struct pass *pass, int32_t first, int32_t at, int32_t count,
                               const float *images)
{
    assert(pass->mode == PASS_INFER && at >= 0 && count >= 1 && count <= pass->max_images - at);
    assert(first >= 1 && first <= pass->last_layer);
    pass->images = images;
    pass->first_image = at;
    pass_run_forward(pass, first, count);
    const float *output = pass_input_of(pass, pass->last_layer);
    pass->first_image = 0;
    return output;
}

const float *pass_value(const struct pass *pass, int32_t layer)
{
    assert(layer >= 0 && layer < pass->network->layer_count);
    assert(pass->mode == PASS_OBSERVE ||
           (pass->mode == PASS_TRAIN &&
            (layer == pass->network->layer_count - 1 || pass->network->layers[layer].kind == LAYER_RELU)));
    return pass_input_of(pass, layer);
}

/* The slice's statistics for the caller: the kernels need the biased variance, running averages the unbiased
 * (times P/(P − 1) for P values a channel). */
static void give_statistics(const struct pass *pass, int32_t n, float *statistics)
{
    for (int32_t i = 0; i < pass->network->layer_count; i++) {
        const struct layer *layer = &pass->network->layers[i];
        if (layer->kind != LAYER_BATCHNORM)
            continue;
        size_t c = (size_t)layer->shape.c;
        const float *mean = pass->slice_statistics + layer->statistic_offset, *variance = mean + c;
        float *mean_out = statistics + layer->statistic_offset, *variance_out = mean_out + c;
        double values = (double)n * layer->shape.h * layer->shape.w;
        double correction = values > 1 ? values / (values - 1) : 1;
        memcpy(mean_out, mean, c * sizeof *mean);
        for (size_t j = 0; j < c; j++)
            variance_out[j] = (float)(variance[j] * correction);
    }
}

void pass_backward(struct pass *pass, int32_t n, const float *images, const float *output_gradient,
                   float *gradient, float *statistics)
{
    assert(pass->mode == PASS_TRAIN && n >= 1 && n <= pass->max_images);
    const struct plan_layer *last = &pass->plan.layers[pass->last_layer];
    pass->images = images;
    if (last->trained) {
        memcpy(pass_gradient_of(pass, pass->last_layer), output_gradient,
               (size_t)n * last->units * sizeof(float));
        pass_run_backward(pass, n, gradient);
    }
    give_statistics(pass, n, statistics);
}

void pass_train(struct pass *pass, int32_t n, const float *images, const int32_t *labels,
                int32_t batch_images, struct slice_result *result)
{
    const struct plan_layer *last = &pass->plan.layers[pass->last_layer];
    int32_t classes = pass->network->class_count;
    assert(pass->mode == PASS_TRAIN && last->units == (size_t)classes && batch_images >= 1);
    const float *logits = pass_forward(pass, n, images);
    float *dlogits = last->trained ? pass_gradient_of(pass, pass->last_layer) : NULL;
    float factor = (float)(1.0 / batch_images);
    result->loss = softmax_cross_entropy(n, classes, logits, labels, factor, dlogits, &result->correct);
    if (last->trained)
        pass_run_backward(pass, n, result->gradient);
    give_statistics(pass, n, result->statistics);
}
