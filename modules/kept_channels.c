#include "modules/kept_channels.h"

#include <stdbool.h>
#include <string.h>

#include "compute/base/memory.h"

enum { WORD_BITS = 64 };

static size_t words_of(int32_t channels)
{
    return ((size_t)channels + WORD_BITS - 1) / WORD_BITS;
}

static bool has_zeros(const float *weights, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (weights[i] == 0.0f)
            return true;
    return false;
}

static enum status mark_edges(const struct network *network, const struct layer *layer, uint64_t **edges)
{
    const float *weights = network->parameters + layer->parameter_offset;
    size_t nodes = (size_t)layer->shape.c, inputs = layer->weight_count / nodes;
    size_t words = words_of(layer->shape.c);
    if (!has_zeros(weights, layer->weight_count))
        return STATUS_OK;
    enum status status = memory_allocate(edges, inputs * words, sizeof **edges, "edges of a layer");
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < inputs; i++)
        for (size_t node = 0; node < nodes; node++)
            (*edges)[i * words + node / WORD_BITS] |= (uint64_t)(weights[i * nodes + node] != 0.0f)
                                                      << node % WORD_BITS;
    return STATUS_OK;
}

enum status channel_bits_create(const struct network *network, struct channel_bits *bits)
{
    size_t layers = (size_t)network->layer_count;
    *bits = (struct channel_bits){.network = network};
    enum status status = memory_allocate(&bits->first_word, layers + 1, sizeof(size_t), "channels of layers");
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < layers; i++)
        bits->first_word[i + 1] = bits->first_word[i] + words_of(network->layers[i].shape.c);
    bits->words = bits->first_word[layers];
    status = memory_allocate(&bits->edges, layers, sizeof *bits->edges, "edges of layers");
    for (size_t i = 0; i + 1 < layers && status == STATUS_OK; i++)
        if (network->layers[i].kind == LAYER_DENSE)
            status = mark_edges(network, &network->layers[i], &bits->edges[i]);
    return status;
}

void channel_bits_clear(struct channel_bits *bits)
{
    for (int32_t i = 0; bits->edges != NULL && i < bits->network->layer_count; i++)
        memory_free(&bits->edges[i]);
    memory_free(&bits->edges);
    memory_free(&bits->first_word);
    *bits = (struct channel_bits){0};
}

void channel_bits_pack(const struct channel_bits *bits, const struct channel_liveness *liveness,
                       uint64_t *kept)
{
    memset(kept, 0, bits->words * sizeof *kept);
    for (int32_t i = 0; i < bits->network->layer_count; i++) {
        const bool *of_layer = liveness->kept + liveness->first[i];
        for (size_t c = 0; c < (size_t)bits->network->layers[i].shape.c; c++)
            kept[bits->first_word[i] + c / WORD_BITS] |= (uint64_t)of_layer[c] << c % WORD_BITS;
    }
}

/* Channels of a layer that both keep. */
static uint64_t channels_shared(const struct channel_bits *bits, int32_t layer, const uint64_t *a,
                                const uint64_t *b)
{
    uint64_t count = 0;
    for (size_t word = bits->first_word[layer]; word < bits->first_word[layer + 1]; word++)
        count += (uint64_t)__builtin_popcountll(a[word] & b[word]);
    return count;
}

/* Edges of a dense layer that both keep. */
static uint64_t edges_shared(const struct channel_bits *bits, int32_t layer, const uint64_t *a,
                             const uint64_t *b)
{
    const struct layer *dense = &bits->network->layers[layer];
    size_t first_out = bits->first_word[layer], first_in = bits->first_word[dense->inputs[0]];
    size_t words = words_of(dense->shape.c), inputs = dense->weight_count / (size_t)dense->shape.c;
    size_t in_c = (size_t)bits->network->layers[dense->inputs[0]].shape.c;
    uint64_t count = 0;
    for (size_t i = 0; i < inputs; i++) {
        size_t word = first_in + i % in_c / WORD_BITS;
        if ((a[word] & b[word] & (uint64_t)1 << i % in_c % WORD_BITS) == 0)
            continue;
        for (size_t w = 0; w < words; w++)
            count += (uint64_t)__builtin_popcountll(bits->edges[layer][i * words + w] & a[first_out + w] &
                                                    b[first_out + w]);
    }
    return count;
}

struct kept_count channel_bits_shared(const struct channel_bits *bits, int32_t end, const uint64_t *a,
                                      const uint64_t *b)
{
    const struct network *network = bits->network;
    struct kept_count count = {0, 0};
    for (int32_t i = 1; i < end; i++) {
        const struct layer *layer = &network->layers[i];
        if (layer->parameter_count == 0)
            continue;
        uint64_t out = channels_shared(bits, i, a, b), weights = 0;
        if (layer->kind == LAYER_CONVOLUTION || layer->kind == LAYER_DENSE) {
            bool grouped = layer->kind == LAYER_CONVOLUTION && layer->options.groups > 1;
            uint64_t all = (uint64_t)layer->shape.c;
            uint64_t in_c = (uint64_t)network->layers[layer->inputs[0]].shape.c;
            weights = grouped ? out * ((uint64_t)layer->weight_count / all)
                              : out * channels_shared(bits, layer->inputs[0], a, b) *
                                    ((uint64_t)layer->weight_count / all / in_c);
        }
        /* What there is once a channel: bias, or factor and summand. */
        uint64_t once = (layer->parameter_count - layer->weight_count) / (uint64_t)layer->shape.c;
        count.weights += (bits->edges[i] != NULL ? edges_shared(bits, i, a, b) : weights) + once * out;
        count.multiply_adds += weights * (uint64_t)layer->shape.h * (uint64_t)layer->shape.w;
    }
    return count;
}
