#include "compute/kernels/batchnorm.h"
#include "compute/kernels/dense.h"
#include "compute/kernels/softmax.h"
#include "compute/network/pass_chain.h"

/* One trained layer about to run backward. */
struct backward {
    struct pass *pass;
    const struct layer *layer;
    const struct plan_layer *planned;
    int32_t index, n;
    const float *parameters;   /* the layer's own */
    float *dparameters;        /* their gradient, to be written */
    const float *dy;           /* (n, units): gradient with respect to the layer's output, complete */
    struct gradient_edge edge; /* to the first input */
    float *dx;                 /* gradient with respect to the first input, when edge.wanted */
};

static const float *first_input(const struct backward *b)
{
    return pass_input_of(b->pass, b->layer->inputs[0]);
}

static struct shape first_input_shape(const struct backward *b)
{
    return b->pass->network->layers[b->layer->inputs[0]].shape;
}

static void backward_convolution(const struct backward *b)
{
    const struct convolution *convolution = &b->planned->convolution;
    float *dbias = b->layer->options.bias ? b->dparameters + b->layer->weight_count : NULL;
    convolution_backward_weights(convolution, b->n, first_input(b), b->dy, b->dparameters, dbias,
                                 b->pass->scratch);
    if (b->edge.wanted)
        convolution_backward_data(convolution, b->n, b->parameters, b->dy, b->dx, b->edge.accumulate,
                                  b->pass->scratch);
}

static void backward_dense(const struct backward *b)
{
    int32_t c = first_input_shape(b).c, k = b->layer->shape.c;
    float *dbias = b->layer->options.bias ? b->dparameters + b->layer->weight_count : NULL;
    dense_backward_weights(b->n, c, k, first_input(b), b->dy, b->dparameters, dbias);
    if (b->edge.wanted)
        dense_backward_data(b->n, c, k, b->parameters, b->dy, b->dx, b->edge.accumulate);
}

static void backward_batchnorm(const struct backward *b)
{
    const struct shape shape = b->layer->shape;
    size_t pixels = (size_t)b->n * (size_t)shape.h * (size_t)shape.w, c = (size_t)shape.c;
    const float *mean = b->pass->slice_statistics + b->layer->statistic_offset;
    /* The kernel always writes dx; where nobody wants it, over dy, which is read no more. */
    float *dx = b->edge.wanted ? b->dx : pass_gradient_of(b->pass, b->index);
    batchnorm_backward(pixels, shape.c, first_input(b), b->parameters, b->layer->options.epsilon, NULL, mean,
                       mean + c, b->dy, b->dparameters, b->dparameters + c, dx, b->edge.accumulate,
                       b->pass->scratch);
}

static void backward_relu(const struct backward *b)
{
    const float *y = pass_output_of(b->pass, b->index);
    relu_backward((size_t)b->n * b->planned->units, y, b->dy, b->dx, b->edge.accumulate);
}

static void backward_maxpool(const struct backward *b)
{
    maxpool_backward(&b->planned->pooling, b->n, pass_winners_of(b->pass, b->index), b->dy, b->dx,
                     b->edge.accumulate);
}

static void backward_avgpool(const struct backward *b)
{
    avgpool_backward(&b->planned->pooling, b->n, b->dy, b->dx, b->edge.accumulate);
}

static void backward_global_avgpool(const struct backward *b)
{
    const struct shape in = first_input_shape(b);
    global_avgpool_backward(b->n, in.h, in.w, in.c, b->dy, b->dx, b->edge.accumulate);
}

static void backward_add(const struct backward *b)
{
    for (int32_t k = 0; k < b->layer->input_count; k++) {
        struct gradient_edge edge = b->planned->edges[k];
        if (edge.wanted && !edge.in_place)
            copy_or_add((size_t)b->n * b->planned->units, b->dy,
                        pass_gradient_of(b->pass, b->layer->inputs[k]), edge.accumulate);
    }
}

static void backward_multiply(const struct backward *b)
{
    const struct shape shape = b->layer->shape;
    int32_t factor = b->layer->inputs[1];
    const struct shape factors = b->pass->network->layers[factor].shape;
    const struct gradient_edge *edges = b->planned->edges;
    multiply_backward(b->n, (size_t)shape.h * (size_t)shape.w, (size_t)factors.h * (size_t)factors.w,
                      (size_t)shape.c, first_input(b), pass_input_of(b->pass, factor), b->dy,
                      edges[0].wanted ? b->dx : NULL, edges[0].accumulate,
                      edges[1].wanted ? pass_gradient_of(b->pass, factor) : NULL, edges[1].accumulate);
}

static void backward_concat(const struct backward *b)
{
    size_t pixels = (size_t)b->n * (size_t)b->layer->shape.h * (size_t)b->layer->shape.w;
    size_t width = (size_t)b->layer->shape.c, at = 0;
    for (int32_t k = 0; k < b->layer->input_count; k++) {
        struct gradient_edge edge = b->planned->edges[k];
        int32_t input = b->layer->inputs[k];
        size_t c = (size_t)b->pass->network->layers[input].shape.c;
        if (edge.wanted)
            copy_rows(pixels, c, b->dy + at, width, pass_gradient_of(b->pass, input), c, edge.accumulate);
        at += c;
    }
}

static void backward_flatten(const struct backward *b)
{
    if (!b->edge.in_place)
        copy_or_add((size_t)b->n * b->planned->units, b->dy, b->dx, b->edge.accumulate);
}

static void backward_window(const struct backward *b)
{
    window_backward(&b->planned->window, b->n, b->dy, b->dx, b->edge.accumulate);
}

static void backward_activation(const struct backward *b)
{
    activation_backward(&b->planned->activation, (size_t)b->n * b->planned->units, first_input(b), b->dy,
                        b->dx, b->edge.accumulate);
}

static size_t pixels_of(const struct backward *b)
{
    return (size_t)b->n * (size_t)b->layer->shape.h * (size_t)b->layer->shape.w;
}

static void backward_softmax(const struct backward *b)
{
    softmax_layer_backward(pixels_of(b), (size_t)b->layer->shape.c, b->layer->kind == LAYER_LOG_SOFTMAX,
                           pass_output_of(b->pass, b->index), b->dy, b->dx, b->edge.accumulate);
}

static void backward_scale(const struct backward *b)
{
    size_t c = (size_t)b->layer->shape.c;
    scale_backward_parameters(pixels_of(b), c, first_input(b), b->dy, b->dparameters, b->dparameters + c);
    if (b->edge.wanted)
        scale_backward_data(pixels_of(b), c, b->parameters, b->dy, b->dx, b->edge.accumulate);
}

static void backward_unit_scale(const struct backward *b)
{
    size_t images = (size_t)b->n, units = b->planned->units;
    scale_backward_parameters(images, units, first_input(b), b->dy, b->dparameters, b->dparameters + units);
    if (b->edge.wanted)
        scale_backward_data(images, units, b->parameters, b->dy, b->dx, b->edge.accumulate);
}

static void backward_lrn(const struct backward *b)
{
    lrn_backward(&b->planned->lrn, pixels_of(b), b->layer->shape.c, first_input(b), b->dy, b->dx,
                 b->edge.accumulate);
}

static void backward_shuffle(const struct backward *b)
{
    size_t c = (size_t)b->layer->shape.c;
    shuffle_channels(pixels_of(b), c, c / (size_t)b->layer->options.groups, b->dy, b->dx, b->edge.accumulate);
}

/* Each writes the gradient of the layer's parameters, all of it, and gives every input whose gradient is
 * wanted its share, overwriting or adding as the edge says. Only layers without parameters may take for
 * granted that their first input's is wanted (if they have but one): they would not be trained otherwise. */
static void (*const backwards[LAYER_KIND_COUNT])(const struct backward *b) = {
    [LAYER_CONVOLUTION] = backward_convolution,
    [LAYER_BATCHNORM] = backward_batchnorm,
    [LAYER_RELU] = backward_relu,
    [LAYER_MAXPOOL] = backward_maxpool,
    [LAYER_AVGPOOL] = backward_avgpool,
    [LAYER_GLOBAL_AVGPOOL] = backward_global_avgpool,
    [LAYER_DENSE] = backward_dense,
    [LAYER_ADD] = backward_add,
    [LAYER_CONCAT] = backward_concat,
    [LAYER_FLATTEN] = backward_flatten,
    [LAYER_WINDOW] = backward_window,
    [LAYER_CLIP] = backward_activation,
    [LAYER_LEAKY_RELU] = backward_activation,
    [LAYER_SIGMOID] = backward_activation,
    [LAYER_TANH] = backward_activation,
    [LAYER_HARD_SIGMOID] = backward_activation,
    [LAYER_HARD_SWISH] = backward_activation,
    [LAYER_SOFTMAX] = backward_softmax,
    [LAYER_LOG_SOFTMAX] = backward_softmax,
    [LAYER_SCALE] = backward_scale,
    [LAYER_LRN] = backward_lrn,
    [LAYER_SHUFFLE] = backward_shuffle,
    [LAYER_MULTIPLY] = backward_multiply,
    [LAYER_UNIT_SCALE] = backward_unit_scale,
};

static void run_layer(struct pass *pass, int32_t i, int32_t n, float *gradient)
{
    const struct layer *layer = &pass->network->layers[i];
    const struct plan_layer *planned = &pass->plan.layers[i];
    struct backward b = {.pass = pass,
                         .layer = layer,
                         .planned = planned,
                         .index = i,
                         .n = n,
                         .parameters = pass->network->parameters + layer->parameter_offset,
                         .dparameters = gradient + layer->parameter_offset,
                         .dy = pass_gradient_of(pass, i),
                         .edge = planned->edges[0],
                         .dx = pass_gradient_of(pass, layer->inputs[0])};
    backwards[layer->kind](&b);
}

void pass_run_backward(struct pass *pass, int32_t n, float *gradient)
{
    for (int32_t i = pass->network->layer_count - 1; i > 0; i--) {
        const struct plan_layer *planned = &pass->plan.layers[i];
        if (!planned->trained || planned->chain_next != NO_LAYER)
            continue;
        double started = pass->backward_seconds != NULL ? clock_seconds(CLOCK_MONOTONIC) : 0;
        if (planned->chain_head != i)
            pass_chain_backward(pass, i, n, gradient);
        else
            run_layer(pass, i, n, gradient);
        if (pass->backward_seconds != NULL)
            pass->backward_seconds[planned->chain_head] += clock_seconds(CLOCK_MONOTONIC) - started;
    }
}
