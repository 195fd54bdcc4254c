#include "compute/network/chain_finding.h"

/* A chain's layers come in the order of these ranks. */
enum { RANK_NONE, RANK_CONVOLUTION, RANK_BATCHNORM, RANK_ADD, RANK_RELU };

static int rank_of(enum layer_kind kind)
{
    switch (kind) {
    case LAYER_CONVOLUTION:
        return RANK_CONVOLUTION;
    case LAYER_BATCHNORM:
        return RANK_BATCHNORM;
    case LAYER_ADD:
        return RANK_ADD;
    case LAYER_RELU:
        return RANK_RELU;
    default:
        return RANK_NONE;
    }
}

static bool can_lead(enum layer_kind kind, enum pass_mode mode)
{
    switch (mode) {
    case PASS_INFER:
        return kind == LAYER_CONVOLUTION || kind == LAYER_BATCHNORM;
    case PASS_OBSERVE:
        return kind == LAYER_CONVOLUTION;
    default:
        return kind == LAYER_BATCHNORM;
    }
}

/* The one layer that reads each; NO_LAYER when none does, or several do (or one twice). */
static void find_only_readers(const struct network *network, int32_t *only_reader)
{
    enum { SEVERAL = -2 };
    for (int32_t i = 0; i < network->layer_count; i++) {
        only_reader[i] = NO_LAYER;
        for (int32_t k = 0; k < network->layers[i].input_count; k++) {
            int32_t *reader = &only_reader[network->layers[i].inputs[k]];
            *reader = *reader == NO_LAYER ? i : SEVERAL;
        }
    }
    for (int32_t i = 0; i < network->layer_count; i++)
        if (only_reader[i] == SEVERAL)
            only_reader[i] = NO_LAYER;
}

/* Whether `next`, the only reader of `at`, goes on with the chain of `head`. */
static bool goes_on(const struct network *network, enum pass_mode mode, const struct plan_layer *layers,
                    int32_t head, int32_t at, int32_t next)
{
    const struct layer *layer = &network->layers[next];
    if (rank_of(layer->kind) <= rank_of(network->layers[at].kind) || layers[next].chain_head != next)
        return false;
    if (mode == PASS_OBSERVE)
        return layer->kind == LAYER_BATCHNORM;
    if (layer->kind != LAYER_ADD)
        return true;
    /* Going backward, the batch norm's kernel cannot give one gradient both its parts. */
    int32_t other = layer->inputs[0] == at ? layer->inputs[1] : layer->inputs[0];
    return mode != PASS_TRAIN || other != network->layers[head].inputs[0];
}

void chains_find(const struct network *network, enum pass_mode mode, int32_t *only_reader,
                 struct plan_layer *layers)
{
    find_only_readers(network, only_reader);
    for (int32_t i = 0; i < network->layer_count; i++) {
        layers[i].chain_head = i;
        layers[i].chain_next = NO_LAYER;
    }
    for (int32_t head = 1; head < network->layer_count; head++) {
        if (!can_lead(network->layers[head].kind, mode) || layers[head].chain_head != head)
            continue;
        for (int32_t at = head, next = only_reader[at];
             next != NO_LAYER && goes_on(network, mode, layers, head, at, next); next = only_reader[at]) {
            layers[at].chain_next = next;
            layers[next].chain_head = head;
            at = next;
        }
    }
}
