#include "modules/kept_channels.h"

#include <string.h>

#include "compute/base/memory.h"

enum { WORD_BITS = 64 };

enum status channel_bits_create(const struct network *network, struct channel_bits *bits)
{
    size_t layers = (size_t)network->layer_count;
    *bits = (struct channel_bits){.network = network};
    enum status status = memory_allocate(&bits->first_word, layers + 1, sizeof(size_t), "channels of layers");
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < layers; i++)
        bits->first_word[i + 1] =
            bits->first_word[i] + ((size_t)network->layers[i].shape.c + WORD_BITS - 1) / WORD_BITS;
    bits->words = bits->first_word[layers];
    return STATUS_OK;
}

void channel_bits_clear(struct channel_bits *bits)
{
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
        count.weights += weights + once * out;
        count.multiply_adds += weights * (uint64_t)layer->shape.h * (uint64_t)layer->shape.w;
    }
    return count;
}
