#include "compute/network/pass_chain.h"

#include <math.h>

#include "compute/kernels/batchnorm.h"
#include "compute/kernels/convolution_infer.h"

/* What the layers behind a chain's head ask of its kernel. */
struct tail {
    const struct layer *batchnorm; /* NULL: none */
    const struct layer *add;
    int32_t residual;          /* the layer that is added; NO_LAYER: none */
    struct gradient_edge edge; /* to it; PASS_TRAIN */
    bool relu;
};

/* From behind the head up to layer `last`. */
static struct tail tail_of(const struct pass *pass, int32_t last)
{
    struct tail tail = {.residual = NO_LAYER};
    int32_t before = pass->plan.layers[last].chain_head;
    while (before != last) {
        int32_t at = pass->plan.layers[before].chain_next;
        const struct layer *layer = &pass->network->layers[at];
        if (layer->kind == LAYER_BATCHNORM) {
            tail.batchnorm = layer;
        } else if (layer->kind == LAYER_ADD) {
            int32_t other = layer->inputs[0] == before ? 1 : 0;
            tail.residual = layer->inputs[other];
            tail.edge = pass->plan.layers[at].edges[other];
        } else {
            tail.relu = true;
        }
        before = at;
    }
    return tail;
}

static size_t pixels_of(const struct layer *layer, int32_t n)
{
    return (size_t)n * (size_t)layer->shape.h * (size_t)layer->shape.w;
}

void pass_fold_batchnorm(const struct network *network, const struct layer *batchnorm, const float *bias,
                         float *scale, float *shift)
{
    size_t c = (size_t)batchnorm->shape.c;
    const float *gamma = network->parameters + batchnorm->parameter_offset, *beta = gamma + c;
    const float *mean = network->statistics + batchnorm->statistic_offset, *variance = mean + c;
    for (size_t j = 0; j < c; j++) {
        double factor = (double)gamma[j] / sqrt((double)variance[j] + (double)batchnorm->options.epsilon);
        double centre = (double)mean[j] - (bias != NULL ? (double)bias[j] : 0);
        scale[j] = (float)factor;
        shift[j] = (float)((double)beta[j] - centre * factor);
    }
}

static void convolution_chain(struct pass *pass, const struct layer *head, const struct plan_layer *planned,
                              const struct tail *tail, int32_t n, float *y)
{
    const float *w = pass->network->parameters + head->parameter_offset;
    const float *bias = head->options.bias ? w + head->weight_count : NULL;
    struct convolution_epilogue epilogue = {.shift = bias, .relu = tail->relu};
    if (tail->batchnorm != NULL) {
        float *scale = pass->fold, *shift = scale + head->shape.c;
        pass_fold_batchnorm(pass->network, tail->batchnorm, bias, scale, shift);
        epilogue.scale = scale;
        epilogue.shift = shift;
    }
    if (tail->residual != NO_LAYER)
        epilogue.residual = pass_input_of(pass, tail->residual);
    convolution_infer(&planned->convolution, n, pass_input_of(pass, head->inputs[0]), w, &epilogue, y,
                      pass->scratch);
}

static void batchnorm_chain(struct pass *pass, const struct layer *head, const struct tail *tail, int32_t n,
                            float *y)
{
    size_t c = (size_t)head->shape.c;
    const float *x = pass_input_of(pass, head->inputs[0]);
    const float *gamma = pass->network->parameters + head->parameter_offset;
    struct batchnorm_epilogue epilogue = {.relu = tail->relu};
    if (tail->residual != NO_LAYER)
        epilogue.residual = pass_input_of(pass, tail->residual);
    if (pass->mode == PASS_TRAIN) {
        float *mean = pass->slice_statistics + head->statistic_offset;
        batchnorm_forward_training(pixels_of(head, n), head->shape.c, x, gamma, gamma + c,
                                   head->options.epsilon, &epilogue, mean, mean + c, y, pass->scratch);
    } else {
        const float *mean = pass->network->statistics + head->statistic_offset;
        batchnorm_forward_inference(pixels_of(head, n), head->shape.c, x, gamma, gamma + c,
                                    head->options.epsilon, &epilogue, mean, mean + c, y, pass->scratch);
    }
}

void pass_chain_forward(struct pass *pass, int32_t last, int32_t n)
{
    int32_t first = pass->plan.layers[last].chain_head;
    const struct layer *head = &pass->network->layers[first];
    struct tail tail = tail_of(pass, last);
    float *y = pass_output_of(pass, last);
    if (head->kind == LAYER_CONVOLUTION)
        convolution_chain(pass, head, &pass->plan.layers[first], &tail, n, y);
    else
        batchnorm_chain(pass, head, &tail, n, y);
    if (pass->masks[last] != NULL)
        mask_apply(n, pass->plan.layers[last].units, pass->masks[last], y);
}

void pass_chain_backward(struct pass *pass, int32_t end, int32_t n, float *gradient)
{
    int32_t first = pass->plan.layers[end].chain_head;
    const struct layer *head = &pass->network->layers[first];
    struct gradient_edge edge = pass->plan.layers[first].edges[0];
    struct tail tail = tail_of(pass, end);
    size_t c = (size_t)head->shape.c;
    const float *mean = pass->slice_statistics + head->statistic_offset;
    float *dgamma = gradient + head->parameter_offset, *dy = pass_gradient_of(pass, end);
    bool residual_wanted = tail.residual != NO_LAYER && tail.edge.wanted;
    const struct batchnorm_epilogue_gradient epilogue = {
        .y = tail.relu ? pass_output_of(pass, end) : NULL,
        .dresidual = residual_wanted ? pass_gradient_of(pass, tail.residual) : NULL,
        .accumulate_residual = residual_wanted && tail.edge.accumulate};
    /* The kernel always writes dx; where nobody wants it, over dy, which is read no more. */
    float *dx = edge.wanted ? pass_gradient_of(pass, head->inputs[0]) : dy;
    batchnorm_backward(pixels_of(head, n), head->shape.c, pass_input_of(pass, head->inputs[0]),
                       pass->network->parameters + head->parameter_offset, head->options.epsilon, &epilogue,
                       mean, mean + c, dy, dgamma, dgamma + c, dx, edge.accumulate, pass->scratch);
}
