#include "modules/activation/reading.h"

#include <string.h>

#include "compute/base/memory.h"

enum { WORD_BITS = 64 };

/* A convolution's (or dense layer's) weights as bits, one where a weight is not zero: for each group, tap and
 * input channel of the group, `words` words over the group's output channels. */
struct reading {
    const struct network *network;
    size_t *first_word; /* (layer_count + 1) */
    uint64_t *bits;
    uint64_t *marked; /* scratch: the marked outputs of one pixel and group */
};

/* How a layer with weights is cut up; a dense layer has one tap and one group. */
struct products {
    size_t taps, groups, in_each, out_each, words;
};

static struct products products_of(const struct network *network, const struct layer *layer)
{
    bool convolution = layer->kind == LAYER_CONVOLUTION;
    struct products p = {1, 1, (size_t)network->layers[layer->inputs[0]].shape.c, (size_t)layer->shape.c, 0};
    if (convolution) {
        p.taps = (size_t)layer->options.kernel_h * (size_t)layer->options.kernel_w;
        p.groups = (size_t)layer->options.groups;
    }
    p.in_each /= p.groups;
    p.out_each /= p.groups;
    p.words = (p.out_each + WORD_BITS - 1) / WORD_BITS;
    return p;
}

static bool has_products(const struct layer *layer)
{
    return layer->kind == LAYER_CONVOLUTION || layer->kind == LAYER_DENSE;
}

static void pack_layer(struct reading *reading, int32_t index)
{
    const struct layer *layer = &reading->network->layers[index];
    const struct products p = products_of(reading->network, layer);
    const float *row = reading->network->parameters + layer->parameter_offset;
    uint64_t *bits = reading->bits + reading->first_word[index];
    for (size_t tap = 0; tap < p.taps; tap++)
        for (size_t c = 0; c < p.in_each; c++, row += p.groups * p.out_each)
            for (size_t k = 0; k < p.groups * p.out_each; k++) {
                size_t group = k / p.out_each, bit = k % p.out_each;
                size_t word = ((group * p.taps + tap) * p.in_each + c) * p.words + bit / WORD_BITS;
                bits[word] |= (uint64_t)(row[k] != 0.0f) << bit % WORD_BITS;
            }
}

enum status reading_create(const struct network *network, struct reading **reading)
{
    size_t layers = (size_t)network->layer_count;
    enum status status = memory_allocate(reading, 1, sizeof **reading, "connections of a network");
    if (status != STATUS_OK)
        return status;
    (*reading)->network = network;
    status = memory_allocate(&(*reading)->first_word, layers + 1, sizeof(size_t), "connections of a network");
    size_t most = 1;
    for (size_t i = 0; status == STATUS_OK && i < layers; i++) {
        const struct layer *layer = &network->layers[i];
        struct products p = {0};
        if (has_products(layer))
            p = products_of(network, layer);
        (*reading)->first_word[i + 1] = (*reading)->first_word[i] + p.taps * p.groups * p.in_each * p.words;
        most = p.words > most ? p.words : most;
    }
    if (status == STATUS_OK)
        status = memory_allocate(&(*reading)->bits, (*reading)->first_word[layers], sizeof(uint64_t),
                                 "connections of a network");
    if (status == STATUS_OK)
        status = memory_allocate(&(*reading)->marked, most, sizeof(uint64_t), "marked outputs");
    if (status != STATUS_OK) {
        reading_destroy(reading);
        return status;
    }
    for (int32_t i = 0; i < network->layer_count; i++)
        if (has_products(&network->layers[i]))
            pack_layer(*reading, i);
    return STATUS_OK;
}

void reading_destroy(struct reading **reading)
{
    if (*reading == NULL)
        return;
    memory_free(&(*reading)->first_word);
    memory_free(&(*reading)->bits);
    memory_free(&(*reading)->marked);
    memory_free(reading);
}

/* --- one layer --- */

/* A layer and one of its inputs. */
struct edge {
    const struct layer *layer;
    struct shape from, to; /* input, output */
    const bool *out;
    bool *in;
};

static inline size_t element(struct shape shape, int64_t h, int64_t w)
{
    return ((size_t)h * (size_t)shape.w + (size_t)w) * (size_t)shape.c;
}

static inline size_t pixels_of(struct shape shape)
{
    return (size_t)shape.h * (size_t)shape.w;
}

/* The output channels of one pixel and group that are marked, as bits; false when none is. */
static bool marked_bits(const bool *out, size_t count, uint64_t *marked)
{
    uint64_t any = 0;
    for (size_t start = 0; start < count; start += WORD_BITS) {
        size_t end = count - start < WORD_BITS ? count - start : WORD_BITS;
        uint64_t word = 0;
        for (size_t k = 0; k < end; k++)
            word |= (uint64_t)out[start + k] << k;
        marked[start / WORD_BITS] = word;
        any |= word;
    }
    return any != 0;
}

/* Channels that marked outputs read through one tap: in (in_each) at one pixel, bits (in_each, words). */
static void mark_tap(const uint64_t *marked, const uint64_t *bits, const struct products *p, bool *in)
{
    for (size_t c = 0; c < p->in_each; c++) {
        uint64_t any = in[c];
        for (size_t word = 0; any == 0 && word < p->words; word++)
            any = marked[word] & bits[c * p->words + word];
        in[c] = any != 0;
    }
}

/* What one group's marked outputs at pixel (y, x) read; bits (R, S, in_each, words) are the group's. */
static void mark_window(const struct edge *edge, const struct products *p, const uint64_t *bits, size_t group,
                        int32_t y, int32_t x, const uint64_t *marked)
{
    const struct layer_options *o = &edge->layer->options;
    for (int32_t r = 0; r < o->kernel_h; r++) {
        int64_t h = (int64_t)y * o->stride_h - o->pad_top + (int64_t)r * o->dilation_h;
        for (int32_t s = 0; s < o->kernel_w; s++, bits += p->in_each * p->words) {
            int64_t w = (int64_t)x * o->stride_w - o->pad_left + (int64_t)s * o->dilation_w;
            if (h >= 0 && h < edge->from.h && w >= 0 && w < edge->from.w)
                mark_tap(marked, bits, p, edge->in + element(edge->from, h, w) + group * p->in_each);
        }
    }
}

static void mark_convolution(const struct edge *edge, const struct products *p, const uint64_t *bits,
                             uint64_t *marked)
{
    for (int32_t y = 0; y < edge->to.h; y++)
        for (int32_t x = 0; x < edge->to.w; x++)
            for (size_t group = 0; group < p->groups; group++) {
                const bool *out = edge->out + element(edge->to, y, x) + group * p->out_each;
                if (marked_bits(out, p->out_each, marked))
                    mark_window(edge, p, bits + group * p->taps * p->in_each * p->words, group, y, x, marked);
            }
}

static void mark_dense(const struct edge *edge, const struct products *p, const uint64_t *bits,
                       uint64_t *marked)
{
    if (marked_bits(edge->out, p->out_each, marked))
        mark_tap(marked, bits, p, edge->in);
}

/* Element by element; an input of one pixel serves all pixels. */
static void mark_same(const struct edge *edge)
{
    size_t count = shape_count(edge->to), own = shape_count(edge->from);
    for (size_t first = 0; first < count; first += own)
        for (size_t e = 0; e < own; e++)
            edge->in[e] |= edge->out[first + e];
}

/* Batch norm and scales: a factor of zero reads nothing. A factor a channel, or one an element. */
static void mark_affine(const struct edge *edge, const float *factors, size_t factor_count)
{
    size_t count = shape_count(edge->to);
    for (size_t e = 0; e < count; e++)
        edge->in[e] |= edge->out[e] && factors[e % factor_count] != 0.0f;
}

static void mark_pooling(const struct edge *edge)
{
    const struct layer_options *o = &edge->layer->options;
    size_t channels = (size_t)edge->to.c;
    for (int32_t y = 0; y < edge->to.h; y++)
        for (int32_t x = 0; x < edge->to.w; x++) {
            const bool *out = edge->out + element(edge->to, y, x);
            int64_t top = (int64_t)y * o->stride_h - o->pad_top,
                    left = (int64_t)x * o->stride_w - o->pad_left;
            for (int64_t h = top < 0 ? 0 : top; h < top + o->kernel_h && h < edge->from.h; h++)
                for (int64_t w = left < 0 ? 0 : left; w < left + o->kernel_w && w < edge->from.w; w++) {
                    bool *in = edge->in + element(edge->from, h, w);
                    for (size_t c = 0; c < channels; c++)
                        in[c] |= out[c];
                }
        }
}

static void mark_global_pooling(const struct edge *edge)
{
    size_t count = shape_count(edge->from), c = (size_t)edge->to.c;
    for (size_t e = 0; e < count; e++)
        edge->in[e] |= edge->out[e % c];
}

/* Which of the concatenation's channels are this input's: `first` on. */
static void mark_concat(const struct edge *edge, size_t first)
{
    size_t pixels = pixels_of(edge->to), all = (size_t)edge->to.c, own = (size_t)edge->from.c;
    for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < own; c++)
            edge->in[p * own + c] |= edge->out[p * all + first + c];
}

static void mark_box(const struct edge *edge)
{
    const struct layer_options *o = &edge->layer->options;
    for (int32_t y = 0; y < edge->to.h; y++)
        for (int32_t x = 0; x < edge->to.w; x++) {
            int64_t h = (int64_t)y * o->step_h + o->from_h, w = (int64_t)x * o->step_w + o->from_w;
            if (h < 0 || h >= edge->from.h || w < 0 || w >= edge->from.w)
                continue;
            const bool *out = edge->out + element(edge->to, y, x);
            bool *in = edge->in + element(edge->from, h, w);
            for (int32_t k = 0; k < edge->to.c; k++) {
                int64_t c = (int64_t)k + o->from_c;
                if (c >= 0 && c < edge->from.c)
                    in[c] |= out[k];
            }
        }
}

/* Channels of the same pixel round a marked one, `before` below it to `after` above. */
static void mark_neighbours(const struct edge *edge, int64_t before, int64_t after)
{
    size_t pixels = pixels_of(edge->to), channels = (size_t)edge->to.c;
    for (size_t p = 0; p < pixels; p++)
        for (int64_t k = 0; k < edge->to.c; k++) {
            if (!edge->out[p * channels + (size_t)k])
                continue;
            int64_t end = k + after + 1 < edge->to.c ? k + after + 1 : edge->to.c;
            for (int64_t c = k > before ? k - before : 0; c < end; c++)
                edge->in[p * channels + (size_t)c] = true;
        }
}

static void mark_shuffled(const struct edge *edge)
{
    size_t pixels = pixels_of(edge->to), channels = (size_t)edge->to.c;
    size_t groups = (size_t)edge->layer->options.groups, each = channels / groups;
    for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < channels; c++)
            edge->in[p * channels + c] |= edge->out[p * channels + c % each * groups + c / each];
}

/* The channels of the concatenation before those of its input `which`. */
static size_t channels_before(const struct network *network, const struct layer *layer, int32_t which)
{
    size_t before = 0;
    for (int32_t i = 0; i < which; i++)
        before += (size_t)network->layers[layer->inputs[i]].shape.c;
    return before;
}

void reading_mark(struct reading *reading, int32_t index, int32_t which, const bool *out, bool *in)
{
    const struct network *network = reading->network;
    const struct layer *layer = &network->layers[index];
    const struct edge edge = {layer, network->layers[layer->inputs[which]].shape, layer->shape, out, in};
    const uint64_t *bits = reading->bits + reading->first_word[index];
    struct products p;
    switch (layer->kind) {
    case LAYER_CONVOLUTION:
        p = products_of(network, layer);
        mark_convolution(&edge, &p, bits, reading->marked);
        break;
    case LAYER_DENSE:
        p = products_of(network, layer);
        mark_dense(&edge, &p, bits, reading->marked);
        break;
    case LAYER_BATCHNORM:
    case LAYER_SCALE:
        mark_affine(&edge, network->parameters + layer->parameter_offset, (size_t)layer->shape.c);
        break;
    case LAYER_UNIT_SCALE:
        mark_affine(&edge, network->parameters + layer->parameter_offset, shape_count(layer->shape));
        break;
    case LAYER_MAXPOOL:
    case LAYER_AVGPOOL:
        mark_pooling(&edge);
        break;
    case LAYER_GLOBAL_AVGPOOL:
        mark_global_pooling(&edge);
        break;
    case LAYER_CONCAT:
        mark_concat(&edge, channels_before(network, layer, which));
        break;
    case LAYER_WINDOW:
        mark_box(&edge);
        break;
    case LAYER_LRN:
        mark_neighbours(&edge, (layer->options.size - 1) / 2, layer->options.size / 2);
        break;
    case LAYER_SOFTMAX:
    case LAYER_LOG_SOFTMAX:
        mark_neighbours(&edge, layer->shape.c, layer->shape.c);
        break;
    case LAYER_SHUFFLE:
        mark_shuffled(&edge);
        break;
    case LAYER_INPUT:
    case LAYER_KIND_COUNT:
        break;
    default: /* activations, addition, multiplication, flattening */
        mark_same(&edge);
        break;
    }
}
