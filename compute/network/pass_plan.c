#include "compute/network/pass_plan.h"

#include "compute/base/memory.h"
#include "compute/kernels/batchnorm.h"
#include "compute/kernels/convolution_infer.h"
#include "compute/network/buffer_placement.h"
#include "compute/network/chain_finding.h"

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

/* The last layer of the chain that layer i is in: what runs when its turn comes. When observing every layer
 * runs by itself. */
static int32_t run_by(const struct planner *planner, int32_t i)
{
    const struct plan_layer *layers = planner->plan->layers;
    while (planner->mode != PASS_OBSERVE && layers[i].chain_next != NO_LAYER)
        i = layers[i].chain_next;
    return i;
}

static bool same_chain(const struct planner *planner, int32_t a, int32_t b)
{
    const struct plan_layer *layers = planner->plan->layers;
    return planner->mode != PASS_OBSERVE && layers[a].chain_head == layers[b].chain_head;
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
        if (layer->kind == LAYER_CONVOLUTION) {
            planned->convolution = layer_convolution(planner->network, i);
            scratch = (planner->mode == PASS_TRAIN ? convolution_scratch_floats
                                                   : convolution_infer_scratch_floats)(&planned->convolution);
        } else if (layer->kind == LAYER_BATCHNORM) {
            scratch = batchnorm_scratch_floats(layer->shape.c);
            size_t fold = planned->chain_head != i ? 2 * (size_t)layer->shape.c : 0;
            if (fold > plan->fold_floats)
                plan->fold_floats = fold;
        } else if (layer->kind == LAYER_MAXPOOL || layer->kind == LAYER_AVGPOOL) {
            planned->pooling = layer_pooling(planner->network, i);
        } else if (layer->kind == LAYER_WINDOW) {
            planned->window = layer_window(planner->network, i);
        } else if (layer->kind == LAYER_LRN) {
            planned->lrn = layer_lrn(layer);
        } else if (layer->kind != LAYER_RELU && layer_kind_is_activation(layer->kind)) {
            planned->activation = layer_activation(layer);
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
    return layer->parameter_count > 0 || layer->kind == LAYER_LRN || layer->kind == LAYER_MULTIPLY ||
           (layer->kind != LAYER_RELU && layer_kind_is_activation(layer->kind));
}

/* The last step that reads the output of each layer. What a chain's own layers read of one another is no
 * reading: it stays in the kernel. */
static void find_last_reads(const struct planner *planner, int32_t *last_read)
{
    const struct network *network = planner->network;
    for (int32_t i = 0; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        int32_t runs = run_by(planner, i);
        last_read[i] = i;
        if (planner->mode == PASS_OBSERVE || i == network->layer_count - 1)
            last_read[i] = end_step(planner);
        else if (planner->mode == PASS_TRAIN && reads_output_again(layer))
            last_read[i] = backward_step(planner, i);
        for (int32_t k = 0; k < layer->input_count; k++) {
            bool again = planner->mode == PASS_TRAIN && reads_input_again(layer);
            int32_t read = again ? backward_step(planner, runs) : runs;
            if (!same_chain(planner, i, layer->inputs[k]) && last_read[layer->inputs[k]] < read)
                last_read[layer->inputs[k]] = read;
        }
    }
}

/* What was computed before a layer that a pass may be resumed at, and is read at it or behind, is never
 * written over. */
static void hold_across(const struct planner *planner, const bool *resumes, int32_t *last_read)
{
    for (int32_t i = 0; i < planner->network->layer_count; i++) {
        int32_t runs = run_by(planner, i);
        for (int32_t first = runs + 1; first <= last_read[i] && first < planner->network->layer_count;
             first++)
            if (resumes[first]) {
                last_read[i] = end_step(planner);
                break;
            }
    }
}

static bool may_write_over(const struct planner *planner, int32_t layer, int32_t step)
{
    int32_t buffer = planner->value_buffer[layer];
    return buffer != NO_BUFFER && planner->buffers[buffer].last <= step;
}

/* Layers of one input whose kernels may write their result where they read, forward and backward. */
static bool can_work_in_place(enum layer_kind kind)
{
    return layer_kind_is_activation(kind) || kind == LAYER_SOFTMAX || kind == LAYER_LOG_SOFTMAX ||
           kind == LAYER_SCALE || kind == LAYER_UNIT_SCALE || kind == LAYER_BATCHNORM;
}

/* The input whose memory layer i may write its own output to, or NO_LAYER. */
static int32_t find_overwritable_input(const struct planner *planner, int32_t i)
{
    const struct layer *layer = &planner->network->layers[i];
    bool reads_later = layer->kind == LAYER_BATCHNORM && planner->mode == PASS_TRAIN;
    bool in_place = (can_work_in_place(layer->kind) && !reads_later) || layer->kind == LAYER_ADD ||
                    layer->kind == LAYER_MULTIPLY;
    for (int32_t k = 0; in_place && k < layer->input_count; k++) {
        int32_t input = layer->inputs[k];
        bool fits = planner->plan->layers[input].units == planner->plan->layers[i].units;
        if (fits && may_write_over(planner, input, i))
            return input;
    }
    return NO_LAYER;
}

/* Input `k` of layer `add` is what the chain that ends with layer `end` adds; false when it adds nothing. */
static bool find_chain_sum(const struct planner *planner, int32_t end, int32_t *add, int32_t *k)
{
    const struct plan_layer *layers = planner->plan->layers;
    for (int32_t i = layers[end].chain_head; i != end; i = layers[i].chain_next) {
        const struct layer *next = &planner->network->layers[layers[i].chain_next];
        *add = layers[i].chain_next;
        *k = next->inputs[0] == i ? 1 : 0;
        if (next->kind == LAYER_ADD)
            return true;
    }
    return false;
}

/* The same for the chain that ends with layer `end`: what it adds may be written over, unless it lies where a
 * convolution still reads its input; a batch norm's input, too. */
static int32_t find_overwritable_by_chain(const struct planner *planner, int32_t end)
{
    const struct layer *head = &planner->network->layers[planner->plan->layers[end].chain_head];
    int32_t input = head->inputs[0], add, k;
    if (find_chain_sum(planner, end, &add, &k)) {
        int32_t added = planner->network->layers[add].inputs[k];
        bool read = planner->value_buffer[added] == planner->value_buffer[input];
        if (may_write_over(planner, added, end) && !(head->kind == LAYER_CONVOLUTION && read))
            return added;
    }
    return head->kind == LAYER_BATCHNORM && may_write_over(planner, input, end) ? input : NO_LAYER;
}

/* The layer whose memory layer i's value is written over, or NO_LAYER. */
static int32_t find_shared(const struct planner *planner, int32_t i)
{
    if (planner->network->layers[i].kind == LAYER_FLATTEN)
        return planner->network->layers[i].inputs[0];
    if (planner->mode != PASS_OBSERVE && planner->plan->layers[i].chain_head != i)
        return find_overwritable_by_chain(planner, i);
    return find_overwritable_input(planner, i);
}

static enum status plan_value(struct planner *planner, int32_t i, int32_t last_read)
{
    struct plan_layer *planned = &planner->plan->layers[i];
    int32_t shared = find_shared(planner, i);
    if (shared == NO_LAYER)
        return add_buffer(planner, planned->units, i, last_read, &planner->value_buffer[i]);
    int32_t buffer = planner->value_buffer[shared];
    planner->value_buffer[i] = buffer;
    planned->value_borrowed = buffer == NO_BUFFER;
    if (buffer != NO_BUFFER && planner->buffers[buffer].last < last_read)
        planner->buffers[buffer].last = last_read;
    return STATUS_OK;
}

static enum status plan_values(struct planner *planner, const bool *resumes, int32_t *last_read)
{
    const struct network *network = planner->network;
    enum status status = STATUS_OK;
    find_last_reads(planner, last_read);
    if (resumes != NULL)
        hold_across(planner, resumes, last_read);
    planner->value_buffer[0] = NO_BUFFER;
    planner->plan->layers[0].value_borrowed = true;
    for (int32_t i = 1; status == STATUS_OK && i < network->layer_count; i++)
        if (run_by(planner, i) == i)
            status = plan_value(planner, i, last_read[i]);
    /* A pass may be told to stop inside a chain: that value lies where the chain's would. */
    for (int32_t i = 1; status == STATUS_OK && i < network->layer_count; i++)
        planner->value_buffer[i] = planner->value_buffer[run_by(planner, i)];
    return status;
}

/* --- gradients --- */

/* Whether the layer may turn the gradient of its output into that of input k where it lies. */
static bool can_pass_gradient_on(const struct layer *layer, int32_t k)
{
    if (layer->kind == LAYER_ADD) /* both gradients are the same; the first can stay where it is */
        return k == 0 && layer->inputs[0] != layer->inputs[1];
    return can_work_in_place(layer->kind) || layer->kind == LAYER_FLATTEN;
}

/* The gradient of layer `input`, when layer `by` is the first to write it: where `by` has its own if it lies
 * `in_place`, else in a new buffer. */
static enum status plan_gradient(struct planner *planner, int32_t by, int32_t input, bool in_place)
{
    int32_t own = planner->gradient_buffer[by], *buffer = &planner->gradient_buffer[input];
    if (!in_place)
        return add_buffer(planner, planner->plan->layers[input].units, backward_step(planner, by),
                          backward_step(planner, input), buffer);
    *buffer = own;
    planner->buffers[own].last = backward_step(planner, input);
    return STATUS_OK;
}

static enum status plan_layer_gradients(struct planner *planner, int32_t i)
{
    const struct layer *layer = &planner->network->layers[i];
    enum status status = STATUS_OK;
    for (int32_t k = 0; status == STATUS_OK && k < layer->input_count; k++) {
        struct gradient_edge *edge = &planner->plan->layers[i].edges[k];
        if (!edge->wanted)
            continue;
        edge->accumulate = planner->gradient_buffer[layer->inputs[k]] != NO_BUFFER;
        edge->in_place = !edge->accumulate && can_pass_gradient_on(layer, k);
        if (!edge->accumulate)
            status = plan_gradient(planner, i, layer->inputs[k], edge->in_place);
    }
    return status;
}

/* The chain that ends with layer `end` gives its gradient to what it adds and to its head's input, in this
 * order. The first may have it in place, unless the second is not wanted: the kernel writes that in any case,
 * and then there. */
static enum status plan_chain_gradients(struct planner *planner, int32_t end)
{
    struct plan_layer *layers = planner->plan->layers;
    int32_t head = layers[end].chain_head, input = planner->network->layers[head].inputs[0], add, k;
    struct gradient_edge *edge = &layers[head].edges[0];
    bool passed_on = false;
    enum status status = STATUS_OK;
    if (find_chain_sum(planner, end, &add, &k) && layers[add].edges[k].wanted) {
        int32_t added = planner->network->layers[add].inputs[k];
        struct gradient_edge *added_edge = &layers[add].edges[k];
        added_edge->accumulate = planner->gradient_buffer[added] != NO_BUFFER;
        added_edge->in_place = !added_edge->accumulate && edge->wanted;
        passed_on = added_edge->in_place;
        if (!added_edge->accumulate)
            status = plan_gradient(planner, end, added, added_edge->in_place);
    }
    if (status != STATUS_OK || !edge->wanted)
        return status;
    edge->accumulate = planner->gradient_buffer[input] != NO_BUFFER;
    edge->in_place = !edge->accumulate && !passed_on;
    return edge->accumulate ? STATUS_OK : plan_gradient(planner, end, input, edge->in_place);
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
    for (int32_t i = last; status == STATUS_OK && i > 0; i--) {
        const struct plan_layer *planned = &planner->plan->layers[i];
        if (!planned->trained || planned->chain_next != NO_LAYER)
            continue;
        status =
            planned->chain_head != i ? plan_chain_gradients(planner, i) : plan_layer_gradients(planner, i);
    }
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
                           const bool *resumes, struct pass_plan *plan)
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

    chains_find(network, mode, last_read, plan->layers);
    describe_layers(&planner);
    status = plan_values(&planner, resumes, last_read);
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
