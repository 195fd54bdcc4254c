#include "modules/overlap.h"

#include <math.h>
#include <string.h>

#include "compute/base/memory.h"

void overlap_destroy(struct overlap **overlap)
{
    if (*overlap == NULL)
        return;
    memory_free(&(*overlap)->with_origin);
    memory_free(&(*overlap)->between);
    memory_free(overlap);
}

static enum status overlap_create(enum overlap_measure measure, int32_t count, struct overlap **overlap)
{
    size_t modules = (size_t)count;
    enum status status = memory_allocate(overlap, 1, sizeof **overlap, "overlap of modules");
    if (status == STATUS_OK)
        status = memory_allocate(&(*overlap)->with_origin, modules, sizeof(double), "overlap of modules");
    if (status == STATUS_OK && count <= OVERLAP_PAIRS_MAX)
        status = memory_allocate(&(*overlap)->between, modules * modules, sizeof(double),
                                 "overlap of pairs of modules");
    if (status != STATUS_OK) {
        overlap_destroy(overlap);
        return status;
    }
    (*overlap)->measure = measure;
    (*overlap)->count = count;
    return STATUS_OK;
}

/* Two empty sets are the same one. */
static double jaccard(uint64_t a, uint64_t b, uint64_t shared)
{
    uint64_t either = a + b - shared;
    return either == 0 ? 1.0 : (double)shared / (double)either;
}

/* How many things a module keeps, and two of them. */
typedef uint64_t shared_count(const void *context, int32_t a, int32_t b);

/* Fills all but measure and count; `whole` is how many things the origin has. */
static enum status overlap_fill(struct overlap *overlap, shared_count *shared, const void *context,
                                uint64_t whole)
{
    int32_t count = overlap->count;
    uint64_t *own = NULL;
    enum status status = memory_allocate(&own, (size_t)count, sizeof *own, "sizes of modules");
    if (status != STATUS_OK)
        return status;
    double sum = 0.0, pairs = 0.0;
    for (int32_t i = 0; i < count; i++) {
        own[i] = shared(context, i, i);
        overlap->with_origin[i] = jaccard(own[i], whole, own[i]);
        sum += overlap->with_origin[i];
    }
    overlap->mean_with_origin = sum / (double)count;
    overlap->mean_between = NAN;
    if (overlap->between != NULL) {
#pragma omp parallel for schedule(dynamic)
        for (int32_t i = 0; i < count; i++)
            for (int32_t j = i; j < count; j++) {
                double index = jaccard(own[i], own[j], shared(context, i, j));
                overlap->between[(size_t)i * (size_t)count + (size_t)j] = index;
                overlap->between[(size_t)j * (size_t)count + (size_t)i] = index;
            }
        for (int32_t i = 0; i < count; i++)
            for (int32_t j = i + 1; j < count; j++)
                pairs += overlap->between[(size_t)i * (size_t)count + (size_t)j];
        if (count > 1)
            overlap->mean_between = pairs / (0.5 * (double)count * (double)(count - 1));
    }
    memory_free(&own);
    return STATUS_OK;
}

/* --- weights --- */

struct weights_kept {
    const struct margin *margin;
    const uint64_t *bits;
};

static uint64_t shared_weights(const void *context, int32_t a, int32_t b)
{
    const struct weights_kept *kept = context;
    const struct channel_bits *bits = &kept->margin->bits;
    int32_t output = kept->margin->network->layer_count - 1;
    return channel_bits_shared(bits, output, kept->bits + (size_t)a * bits->words,
                               kept->bits + (size_t)b * bits->words)
        .weights;
}

enum status overlap_of_weights(const struct margin *margin, const uint64_t *bits, int32_t count,
                               struct overlap **overlap)
{
    const struct network *network = margin->network;
    const struct weights_kept kept = {margin, bits};
    uint64_t whole = network->parameter_count - network->layers[network->layer_count - 1].parameter_count;
    enum status status = overlap_create(OVERLAP_OF_WEIGHTS, count, overlap);
    if (status == STATUS_OK)
        status = overlap_fill(*overlap, shared_weights, &kept, whole);
    if (status != STATUS_OK)
        overlap_destroy(overlap);
    return status;
}

/* --- channels --- */

static uint64_t shared_channels(const void *context, int32_t a, int32_t b)
{
    const struct module_set *set = context;
    const struct module *left = &set->modules[a], *right = &set->modules[b];
    uint64_t count = 0;
    for (size_t i = 0; i < (size_t)(left->whole.channels + 7) / 8; i++)
        count += (uint64_t)__builtin_popcount((unsigned)(left->channels[i] & right->channels[i]));
    return count;
}

/* --- sets --- */

static bool all_are_maps_of_one_parent(const struct module_set *set)
{
    for (int32_t i = 0; i < set->module_count; i++)
        if (set->modules[i].kind != MODULE_MAP || set->modules[i].parent != set->modules[0].parent)
            return false;
    return true;
}

static bool all_know_their_channels(const struct module_set *set)
{
    const struct module *first = &set->modules[0];
    for (int32_t i = 0; i < set->module_count; i++) {
        const struct module *module = &set->modules[i];
        if (module->kind != MODULE_NETWORK || module->channels == NULL ||
            module->whole.channels != first->whole.channels ||
            memcmp(module->origin.digest, first->origin.digest, DIGEST_BYTES) != 0)
            return false;
    }
    return true;
}

static enum status overlap_of_maps(const struct module_set *set, struct overlap **overlap)
{
    struct margin *margin = NULL;
    uint64_t *bits = NULL;
    enum status status = margin_create(set->parents[set->modules[0].parent], &margin);
    if (status == STATUS_OK)
        status = memory_allocate(&bits, (size_t)set->module_count, margin->bits.words * sizeof *bits,
                                 "channels of modules");
    for (int32_t i = 0; status == STATUS_OK && i < set->module_count; i++) {
        struct module_size kept;
        status = margin_measure(margin, &set->modules[i], &kept, bits + (size_t)i * margin->bits.words);
    }
    if (status == STATUS_OK)
        status = overlap_of_weights(margin, bits, set->module_count, overlap);
    memory_free(&bits);
    margin_destroy(&margin);
    return status;
}

enum status overlap_of_set(const struct module_set *set, struct overlap **overlap)
{
    *overlap = NULL;
    if (set->module_count == 0)
        return STATUS_OK;
    if (all_are_maps_of_one_parent(set))
        return overlap_of_maps(set, overlap);
    if (!all_know_their_channels(set))
        return STATUS_OK;
    enum status status = overlap_create(OVERLAP_OF_CHANNELS, set->module_count, overlap);
    if (status == STATUS_OK)
        status = overlap_fill(*overlap, shared_channels, set, set->modules[0].whole.channels);
    if (status != STATUS_OK)
        overlap_destroy(overlap);
    return status;
}
