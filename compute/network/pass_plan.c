#include "compute/network/pass_plan.h"

#include "compute/base/memory.h"
#include "compute/kernels/batchnorm.h"
#include "compute/network/buffer_placement.h"

/* Three buffers a layer at most: value, gradient, winners of a maxpool. Layers that share memory share one
 * buffer. */
struct planner {
    const struct network *network;
    size_t images;
    enum pass_mode mode;
    struct pass_plan *plan;

    struct buffer *buffers;
    int32_t buffer_count;
    int32_t *value_buffer, *gradient_buffer, *winner_buffer; /* by layer; −1: none */
};

enum { NO_BUFFER = -1 };

static int32_t backward_step(const struct planner *planner, int32_t layer)
{
    return 2 * planner->network->layer_count - 1 - layer;
}

/* A step after all others. */
static int32_t end_step(const struct planner *planner)
{
    return 2 * planner->network->layer_count;
}

static enum status add_buffer(struct planner *planner, size_t floats, int32_t first, int32_t last,
                              int32_t *which)
{
    struct buffer buffer = {.first = first, .last = last};
    if (!size_multiply(floats, planner->images, &buffer.floats))
        return error_set(STATUS_NO_MEMORY, "a pass of %zu images needs more memory than can be addressed",
                         planner->images);
    *which = planner->buffer_count;
    planner->buffers[planner->buffer_count++] = buffer;
    return STATUS_OK;
}

/* --- the kernels' own descriptions of layers --- */

static struct convolution describe_convolution(struct shape in, const struct layer *layer)
{
    const struct layer_options *o = &layer->options;
    return (struct convolution){.in_h = in.h,
                                .in_w = in.w,
                                .in_c = in.c,
                                .out_h = layer->shape.h,
                                .out_w = layer->shape.w,
                                .out_c = layer->shape.c,
                                .kernel_h = o->kernel_h,
                                .kernel_w = o->kernel_w,
                                .stride_h = o->stride_h,
                                .stride_w = o->stride_w,
                                .pad_top = o->pad_top,
                                .pad_left = o->pad_left,
                                .pad_bottom = o->pad_bottom,
                                .pad_right = o->pad_right,
                                .dilation_h = o->dilation_h,
                                .dilation_w = o->dilation_w,
                                .groups = o->groups};
}

static struct pooling describe_pooling(struct shape in, const struct layer *layer)
{
    const struct layer_options *o = &layer->options;
    return (struct pooling){.in_h = in.h,
                            .in_w = in.w,
                            .c = in.c,
                            .out_h = layer->shape.h,
                            .out_w = layer->shape.w,
                            .kernel_h = o->kernel_h,
                            .kernel_w = o->kernel_w,
                            .stride_h = o->stride_h,
                            .stride_w = o->stride_w,
                            .pad_top = o->pad_top,
                            .pad_left = o->pad_left,
                            .count_padding = o->count_padding,
                            .pad_bottom = o->pad_bottom,
                            .pad_right = o->pad_right};
}

static struct window describe_window(struct shape in, const struct layer *layer)
{
    const struct layer_options *o = &layer->options;
    return (struct window){.in_h = in.h,
                           .in_w = in.w,
                           .in_c = in.c,
                           .out_h = layer->shape.h,
                           .out_w = layer->shape.w,
                           .out_c = layer->shape.c,
                           .from_h = o->from_h,
                           .from_w = o->from_w,
                           .from_c = o->from_c,
                           .step_h = o->step_h,
                           .step_w = o->step_w};
}

static struct activation describe_activation(const struct layer *layer)
{
    const struct layer_options *o = &layer->options;
    switch (layer->kind) {
    case LAYER_CLIP:
        return (struct activation){ACTIVATION_CLIP, o->low, o->high};
    case LAYER_LEAKY_RELU:
        return (struct activation){ACTIVATION_LEAKY_RELU, o->slope, 0};
    case LAYER_TANH:
        return (struct activation){ACTIVATION_TANH, 0, 0};
    case LAYER_HARD_SIGMOID:
        return (struct activation){ACTIVATION_HARD_SIGMOID, o->slope, o->offset};
    case LAYER_HARD_SWISH:
        return (struct activation){ACTIVATION_HARD_SWISH, 0, 0};
    default:
        return (struct activation){ACTIVATION_SIGMOID, 0, 0};
    }
}

static void describe_layers(struct planner *planner)
{
    struct pass_plan *plan = planner->plan;
    size_t edge = 0;
    for (int32_t i = 0; i < planner->network->layer_count; i++) {
        const struct layer *layer = &planner->network->layers[i];
        struct plan_layer *planned = &plan->layers[i];
        size_t scratch = 0;
        planned->units = shape_count(layer->shape);
        planned->edges = &plan->edges[edge];
        edge += (size_t)layer->input_count;
        if (layer->kind == LAYER_INPUT)
            continue;
        struct shape in = planner->network->layers[layer->inputs[0]].shape;
        if (layer->kind == LAYER_CONVOLUTION) {
            planned->convolution = describe_convolution(in, layer);
            scratch = convolution_scratch_floats(&planned->convolution);
        } else if (layer->kind == LAYER_BATCHNORM) {
            scratch = batchnorm_scratch_floats(layer->shape.c);
        } else if (layer->kind == LAYER_MAXPOOL || layer->kind == LAYER_AVGPOOL) {
            planned->pooling = describe_pooling(in, layer);
        } else if (layer->kind == LAYER_WINDOW) {
            planned->window = describe_window(in, layer);
        } else if (layer->kind == LAYER_LRN) {
            planned->lrn = (struct response_normalisation){layer->options.size, layer->options.alpha,
                                                           layer->options.beta, layer->options.constant};
        } else if (layer->kind != LAYER_RELU && layer_kind_is_activation(layer->kind)) {
            planned->activation = describe_activation(layer);
        }
        if (scratch > plan->scratch_floats)
            plan->scratch_floats = scratch;
    }
}

static void mark_trained(struct planner *planner)
{
    for (int32_t i = 0; i < planner->network->layer_count; i++) {
        const struct layer *layer = &planner->network->layers[i];
        struct plan_layer *planned = &planner->plan->layers[i];
        planned->trained = layer->parameter_count > 0;
        for (int32_t k = 0; k < layer->input_count; k++) {
            planned->edges[k].wanted = planner->plan->layers[layer->inputs[k]].trained;
            planned->trained = planned->trained || planned->edges[k].wanted;
        }
    }
}

/* --- values --- */

/* Going backward, relu and softmax read their own result, others their input. */
static bool reads_output_again(const struct layer *layer)
{
    return layer->kind == LAYER_RELU || layer->kind == LAYER_SOFTMAX || layer->kind == LAYER_LOG_SOFTMAX;
}

static bool reads_input_again(const struct layer *layer)
{
    return layer->parameter_count > 0 || layer->kind == LAYER_LRN ||
           (layer->kind != LAYER_RELU && layer_kind_is_activation(layer->kind));
}

/* The last step that reads the output of each layer. */
static void find_last_reads(const struct planner *planner, int32_t *last_read)
{
    const struct network *network = planner->network;
    for (int32_t i = 0; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        last_read[i] = i;
        if (planner->mode == PASS_OBSERVE || i == network->layer_count - 1)
            last_read[i] = end_step(planner);
        else if (planner->mode == PASS_TRAIN && reads_output_again(layer))
            last_read[i] = backward_step(planner, i);
        for (int32_t k = 0; k < layer->input_count; k++) {
            bool again = planner->mode == PASS_TRAIN && reads_input_again(layer);
            int32_t read = again ? backward_step(planner, i) : i;
            if (last_read[layer->inputs[k]] < read)
                last_read[layer->inputs[k]] = read;
        }
    }
}

/* The input whose memory layer i may write its own output to, or −1. */
static int32_t find_overwritable_input(const struct planner *planner, int32_t i)
{
    const struct layer *layer = &planner->network->layers[i];
    bool in_place = layer_kind_is_activation(layer->kind) || layer->kind == LAYER_ADD ||
                    layer->kind == LAYER_SOFTMAX || layer->kind == LAYER_LOG_SOFTMAX ||
                    layer->kind == LAYER_SCALE ||
                    (layer->kind == LAYER_BATCHNORM && planner->mode != PASS_TRAIN);
    for (int32_t k = 0; in_place && k < layer->input_count; k++) {
        int32_t buffer = planner->value_buffer[layer->inputs[k]];
        if (buffer != NO_BUFFER && planner->buffers[buffer].last <= i)
            return layer->inputs[k];
    }
    return -1;
}

static enum status plan_values(struct planner *planner, int32_t *last_read)
{
    const struct network *network = planner->network;
    find_last_reads(planner, last_read);
    planner->value_buffer[0] = NO_BUFFER;
    planner->plan->layers[0].value_borrowed = true;
    for (int32_t i = 1; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        struct plan_layer *planned = &planner->plan->layers[i];
        int32_t shared =
            layer->kind == LAYER_FLATTEN ? layer->inputs[0] : find_overwritable_input(planner, i);
        if (shared >= 0) {
            int32_t buffer = planner->value_buffer[shared];
            planner->value_buffer[i] = buffer;
            planned->value_borrowed = buffer == NO_BUFFER;
            if (buffer != NO_BUFFER && planner->buffers[buffer].last < last_read[i])
                planner->buffers[buffer].last = last_read[i];
            continue;
        }
        enum status status = add_buffer(planner, planned->units, i, last_read[i], &planner->value_buffer[i]);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* --- gradients --- */

/* Whether the layer may turn the gradient of its output into that of input k where it lies. */
static bool can_pass_gradient_on(const struct layer *layer, int32_t k)
{
    switch (layer->kind) {
    case LAYER_RELU:
    case LAYER_CLIP:
    case LAYER_LEAKY_RELU:
    case LAYER_SIGMOID:
    case LAYER_TANH:
    case LAYER_HARD_SIGMOID:
    case LAYER_HARD_SWISH:
    case LAYER_SOFTMAX:
    case LAYER_LOG_SOFTMAX:
    case LAYER_SCALE:
    case LAYER_BATCHNORM:
    case LAYER_FLATTEN:
        return true;
    case LAYER_ADD: /* both gradients are the same; the first can stay where it is */
        return k == 0 && layer->inputs[0] != layer->inputs[1];
    default:
        return false;
    }
}

static enum status plan_layer_gradients(struct planner *planner, int32_t i)
{
    const struct layer *layer = &planner->network->layers[i];
    struct plan_layer *planned = &planner->plan->layers[i];
    int32_t step = backward_step(planner, i), own = planner->gradient_buffer[i];
    for (int32_t k = 0; k < layer->input_count; k++) {
        struct gradient_edge *edge = &planned->edges[k];
        int32_t input = layer->inputs[k], *buffer = &planner->gradient_buffer[input];
        if (!edge->wanted)
            continue;
        edge->accumulate = *buffer != NO_BUFFER;
        if (edge->accumulate)
            continue;
        edge->in_place = can_pass_gradient_on(layer, k);
        if (edge->in_place) {
            *buffer = own;
            planner->buffers[own].last = backward_step(planner, input);
            continue;
        }
        enum status status = add_buffer(planner, planner->plan->layers[input].units, step,
                                        backward_step(planner, input), buffer);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status plan_gradients(struct planner *planner)
{
    int32_t last = planner->network->layer_count - 1;
    mark_trained(planner);
    for (int32_t i = 0; i <= last; i++)
        planner->gradient_buffer[i] = NO_BUFFER;
    if (!planner->plan->layers[last].trained)
        return STATUS_OK;
    int32_t step = backward_step(planner, last);
    enum status status =
        add_buffer(planner, planner->plan->layers[last].units, step, step, &planner->gradient_buffer[last]);
    for (int32_t i = last; status == STATUS_OK && i > 0; i--)
        if (planner->plan->layers[i].trained)
            status = plan_layer_gradients(planner, i);
    return status;
}

static enum status plan_winners(struct planner *planner)
{
    for (int32_t i = 0; i < planner->network->layer_count; i++) {
        const struct plan_layer *planned = &planner->plan->layers[i];
        planner->winner_buffer[i] = NO_BUFFER;
        if (planner->network->layers[i].kind != LAYER_MAXPOOL || !planned->trained)
            continue;
        /* two to a float; an odd number of units is rounded up for every image */
        enum status status = add_buffer(planner, (planned->units + 1) / 2, i, backward_step(planner, i),
                                        &planner->winner_buffer[i]);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static void store_offsets(struct planner *planner)
{
    bool train = planner->mode == PASS_TRAIN;
    for (int32_t i = 0; i < planner->network->layer_count; i++) {
        struct plan_layer *planned = &planner->plan->layers[i];
        if (planner->value_buffer[i] != NO_BUFFER)
            planned->value_offset = planner->buffers[planner->value_buffer[i]].offset;
        if (train && planner->gradient_buffer[i] != NO_BUFFER)
            planned->gradient_offset = planner->buffers[planner->gradient_buffer[i]].offset;
        if (train && planner->winner_buffer[i] != NO_BUFFER)
            planned->winner_offset = planner->buffers[planner->winner_buffer[i]].offset;
    }
}

enum status pass_plan_make(const struct network *network, int32_t max_images, enum pass_mode mode,
                           struct pass_plan *plan)
{
    const char *what = "the plan of a pass";
    size_t layers = (size_t)network->layer_count, edges = 0;
    struct planner planner = {.network = network, .images = (size_t)max_images, .mode = mode, .plan = plan};
    int32_t *last_read = NULL;
    for (size_t i = 0; i < layers; i++)
        edges += (size_t)network->layers[i].input_count;
    *plan = (struct pass_plan){0};

    enum status status = memory_allocate(&plan->layers, layers, sizeof *plan->layers, what);
    if (status == STATUS_OK)
        status = memory_allocate(&plan->edges, edges, sizeof *plan->edges, what);
    if (status == STATUS_OK)
        status = memory_allocate(&planner.buffers, 3 * layers, sizeof *planner.buffers, what);
    if (status == STATUS_OK)
        status = memory_allocate(&planner.value_buffer, layers, sizeof *planner.value_buffer, what);
    if (status == STATUS_OK)
        status = memory_allocate(&planner.gradient_buffer, layers, sizeof *planner.gradient_buffer, what);
    if (status == STATUS_OK)
        status = memory_allocate(&planner.winner_buffer, layers, sizeof *planner.winner_buffer, what);
    if (status == STATUS_OK)
        status = memory_allocate(&last_read, layers, sizeof *last_read, what);
    if (status != STATUS_OK)
        goto done;

    describe_layers(&planner);
    status = plan_values(&planner, last_read);
    if (status == STATUS_OK && mode == PASS_TRAIN) {
        status = plan_gradients(&planner);
        if (status == STATUS_OK)
            status = plan_winners(&planner);
    }
    if (status == STATUS_OK)
        status = buffers_place(planner.buffers, planner.buffer_count, &plan->arena_floats);
    if (status == STATUS_OK)
        store_offsets(&planner);
done:
    memory_free(&planner.buffers);
    memory_free(&planner.value_buffer);
    memory_free(&planner.gradient_buffer);
    memory_free(&planner.winner_buffer);
    memory_free(&last_read);
    return status;
}

void pass_plan_clear(struct pass_plan *plan)
{
    memory_free(&plan->layers);
    memory_free(&plan->edges);
}
