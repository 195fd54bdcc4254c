#include "compute/kernels/batchnorm.h"
#include "compute/kernels/convolution_infer.h"
#include "compute/kernels/dense.h"
#include "compute/kernels/epilogue.h"
#include "compute/kernels/softmax.h"
#include "compute/network/pass_chain.h"

/* One layer about to run. */
struct forward {
    struct pass *pass;
    const struct layer *layer;
    const struct plan_layer *planned;
    int32_t index, n;
    const float *x;          /* (n, first input's units) */
    const float *parameters; /* the layer's own */
    float *y;                /* (n, units); may be x where the plan says so */
};

static const float *convolution_bias(const struct pass *pass, const struct layer *layer)
{
    return layer->options.bias ? pass->network->parameters + layer->parameter_offset + layer->weight_count
                               : NULL;
}

/* Whether the pass goes on with the layer's chain behind it. */
static bool goes_on(const struct pass *pass, const struct plan_layer *planned)
{
    return planned->chain_next != NO_LAYER && pass->needed[planned->chain_next];
}

/* Observed, a convolution with a batch norm behind it leaves its bias to that: both values come from the same
 * sums then, as in a chain. */
static void forward_convolution(const struct forward *f)
{
    struct convolution_epilogue bias = {.shift = convolution_bias(f->pass, f->layer)};
    bool later = bias.shift == NULL || goes_on(f->pass, f->planned);
    bool training = f->pass->mode == PASS_TRAIN;
    (training ? convolution_forward : convolution_infer)(&f->planned->convolution, f->n, f->x, f->parameters,
                                                         later ? NULL : &bias, f->y, f->pass->scratch);
}

static size_t pixels_of(const struct forward *f)
{
    return (size_t)f->n * (size_t)f->layer->shape.h * (size_t)f->layer->shape.w;
}

/* Observed, behind a convolution that left its bias. */
static void forward_folded_batchnorm(const struct forward *f)
{
    size_t c = (size_t)f->layer->shape.c;
    struct pass *pass = f->pass;
    int32_t head = f->planned->chain_head;
    struct convolution_epilogue fold = {.scale = pass->fold, .shift = pass->fold + c};
    struct convolution_epilogue bias = {.shift = convolution_bias(pass, &pass->network->layers[head])};
    float *sums = pass_output_of(pass, head);
    pass_fold_batchnorm(pass->network, f->layer, bias.shift, pass->fold, pass->fold + c);
    epilogue_apply(&fold, 0, pixels_of(f), c, sums, f->y);
    if (bias.shift != NULL)
        epilogue_apply(&bias, 0, pixels_of(f), c, sums, sums);
}

static void forward_batchnorm(const struct forward *f)
{
    size_t c = (size_t)f->layer->shape.c, at = f->layer->statistic_offset;
    const float *gamma = f->parameters, *beta = f->parameters + c;
    if (f->planned->chain_head != f->index) {
        forward_folded_batchnorm(f);
    } else if (f->pass->mode == PASS_TRAIN) {
        float *mean = f->pass->slice_statistics + at;
        batchnorm_forward_training(pixels_of(f), f->layer->shape.c, f->x, gamma, beta,
                                   f->layer->options.epsilon, NULL, mean, mean + c, f->y, f->pass->scratch);
    } else {
        const float *mean = f->pass->network->statistics + at;
        batchnorm_forward_inference(pixels_of(f), f->layer->shape.c, f->x, gamma, beta,
                                    f->layer->options.epsilon, NULL, mean, mean + c, f->y, f->pass->scratch);
    }
}

static void forward_relu(const struct forward *f)
{
    relu_forward((size_t)f->n * f->planned->units, f->x, f->y);
    if (f->pass->masks[f->index] != NULL)
        mask_apply(f->n, f->planned->units, f->pass->masks[f->index], f->y);
}

static void forward_maxpool(const struct forward *f)
{
    uint16_t *winner = f->planned->trained ? pass_winners_of(f->pass, f->index) : NULL;
    maxpool_forward(&f->planned->pooling, f->n, f->x, f->y, winner);
}

static void forward_avgpool(const struct forward *f)
{
    avgpool_forward(&f->planned->pooling, f->n, f->x, f->y);
}

static void forward_global_avgpool(const struct forward *f)
{
    const struct shape in = f->pass->network->layers[f->layer->inputs[0]].shape;
    global_avgpool_forward(f->n, in.h, in.w, in.c, f->x, f->y);
}

static void forward_dense(const struct forward *f)
{
    int32_t c = f->pass->network->layers[f->layer->inputs[0]].shape.c;
    const float *bias = f->layer->options.bias ? f->parameters + f->layer->weight_count : NULL;
    bool narrow = f->pass->mode != PASS_TRAIN && dense_is_narrow(c, f->layer->shape.c);
    (narrow ? dense_forward_narrow : dense_forward)(f->n, c, f->layer->shape.c, f->x, f->parameters, bias,
                                                    f->y);
}

static void forward_add(const struct forward *f)
{
    const float *other = pass_input_of(f->pass, f->layer->inputs[1]);
    add_forward((size_t)f->n * f->planned->units, f->x, other, f->y);
}

static size_t area_of(const struct forward *f, int32_t layer)
{
    const struct shape shape = f->pass->network->layers[layer].shape;
    return (size_t)shape.h * (size_t)shape.w;
}

static void forward_multiply(const struct forward *f)
{
    int32_t factor = f->layer->inputs[1];
    multiply_forward(f->n, area_of(f, f->index), area_of(f, factor), (size_t)f->layer->shape.c, f->x,
                     pass_input_of(f->pass, factor), f->y);
}

static void forward_concat(const struct forward *f)
{
    size_t pixels = (size_t)f->n * (size_t)f->layer->shape.h * (size_t)f->layer->shape.w;
    size_t width = (size_t)f->layer->shape.c, at = 0;
    for (int32_t k = 0; k < f->layer->input_count; k++) {
        int32_t input = f->layer->inputs[k];
        size_t c = (size_t)f->pass->network->layers[input].shape.c;
        copy_rows(pixels, c, pass_input_of(f->pass, input), c, f->y + at, width, false);
        at += c;
    }
}

static void forward_window(const struct forward *f)
{
    window_forward(&f->planned->window, f->n, f->x, f->y);
}

static void forward_activation(const struct forward *f)
{
    activation_forward(&f->planned->activation, (size_t)f->n * f->planned->units, f->x, f->y);
    if (f->pass->masks[f->index] != NULL)
        mask_apply(f->n, f->planned->units, f->pass->masks[f->index], f->y);
}

static void forward_softmax(const struct forward *f)
{
    softmax_layer_forward(pixels_of(f), (size_t)f->layer->shape.c, f->layer->kind == LAYER_LOG_SOFTMAX, f->x,
                          f->y);
}

static void forward_scale(const struct forward *f)
{
    size_t c = (size_t)f->layer->shape.c;
    scale_forward(pixels_of(f), c, f->x, f->parameters, f->parameters + c, f->y);
}

static void forward_unit_scale(const struct forward *f)
{
    size_t units = f->planned->units;
    scale_forward((size_t)f->n, units, f->x, f->parameters, f->parameters + units, f->y);
}

static void forward_lrn(const struct forward *f)
{
    lrn_forward(&f->planned->lrn, pixels_of(f), f->layer->shape.c, f->x, f->y);
}

static void forward_shuffle(const struct forward *f)
{
    shuffle_channels(pixels_of(f), (size_t)f->layer->shape.c, (size_t)f->layer->options.groups, f->x, f->y,
                     false);
}

/* Each writes the layer's output for f->n images from its inputs' outputs, entirely. NULL: nothing to do (the
 * input layer is the caller's, flatten shares its input's memory). */
static void (*const forwards[LAYER_KIND_COUNT])(const struct forward *f) = {
    [LAYER_CONVOLUTION] = forward_convolution,
    [LAYER_BATCHNORM] = forward_batchnorm,
    [LAYER_RELU] = forward_relu,
    [LAYER_MAXPOOL] = forward_maxpool,
    [LAYER_AVGPOOL] = forward_avgpool,
    [LAYER_GLOBAL_AVGPOOL] = forward_global_avgpool,
    [LAYER_DENSE] = forward_dense,
    [LAYER_ADD] = forward_add,
    [LAYER_CONCAT] = forward_concat,
    [LAYER_WINDOW] = forward_window,
    [LAYER_CLIP] = forward_activation,
    [LAYER_LEAKY_RELU] = forward_activation,
    [LAYER_SIGMOID] = forward_activation,
    [LAYER_TANH] = forward_activation,
    [LAYER_HARD_SIGMOID] = forward_activation,
    [LAYER_HARD_SWISH] = forward_activation,
    [LAYER_SOFTMAX] = forward_softmax,
    [LAYER_LOG_SOFTMAX] = forward_softmax,
    [LAYER_SCALE] = forward_scale,
    [LAYER_LRN] = forward_lrn,
    [LAYER_SHUFFLE] = forward_shuffle,
    [LAYER_MULTIPLY] = forward_multiply,
    [LAYER_UNIT_SCALE] = forward_unit_scale,
};

static void run_layer(struct pass *pass, int32_t i, int32_t n)
{
    const struct layer *layer = &pass->network->layers[i];
    struct forward f = {.pass = pass,
                        .layer = layer,
                        .planned = &pass->plan.layers[i],
                        .index = i,
                        .n = n,
                        .x = pass_input_of(pass, layer->inputs[0]),
                        .parameters = pass->network->parameters + layer->parameter_offset,
                        .y = pass_output_of(pass, i)};
    forwards[layer->kind](&f);
}

void pass_run_forward(struct pass *pass, int32_t first, int32_t n)
{
    for (int32_t i = first; i <= pass->last_layer; i++) {
        const struct plan_layer *planned = &pass->plan.layers[i];
        bool chains = pass->mode != PASS_OBSERVE;
        if (!pass->needed[i] || forwards[pass->network->layers[i].kind] == NULL ||
            (chains && goes_on(pass, planned)))
            continue;
        double started = pass->forward_seconds != NULL ? clock_seconds(CLOCK_MONOTONIC) : 0;
        bool chained = chains && planned->chain_head != i;
        if (chained)
            pass_chain_forward(pass, i, n);
        else
            run_layer(pass, i, n);
        if (pass->forward_seconds != NULL)
            pass->forward_seconds[chained ? planned->chain_head : i] +=
                clock_seconds(CLOCK_MONOTONIC) - started;
        if (pass->observer != NULL && layer_has_units(&pass->network->layers[i]) &&
            !pass->observer(pass->observer_context, i, n, pass_output_of(pass, i)))
            return;
    }
}
