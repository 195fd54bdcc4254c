#include "modules/distill/pruning.h"

#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/network/slicing.h"
#include "modules/distill/pruning_internal.h"

enum { FLOOR_DIVISOR = 8 }; /* an eighth of a layer's channels stays */

/* What a group is worth, for sorting. */
struct candidate {
    int32_t group;
    double worth;
};

static void clear_network(struct pruning *pruning)
{
    network_destroy(&pruning->network);
    memory_free(&pruning->layer_of);
    memory_free(&pruning->first);
    memory_free(&pruning->channel_of);
    memory_free(&pruning->importance);
    memory_free(&pruning->counted);
    channel_groups_clear(&pruning->groups);
}

/* Batch norms, and convolutions and dense layers that no batch norm follows: behind one, their scale means
 * nothing. */
static void find_counted(struct pruning *pruning)
{
    const struct network *network = pruning->network;
    for (int32_t i = 0; i < network->layer_count; i++) {
        enum layer_kind kind = network->layers[i].kind;
        pruning->counted[i] = kind == LAYER_BATCHNORM || kind == LAYER_CONVOLUTION || kind == LAYER_DENSE;
        if (kind == LAYER_BATCHNORM)
            pruning->counted[network->layers[i].inputs[0]] = false;
    }
}

enum status pruning_study(struct pruning *pruning)
{
    enum status status = channel_groups_find(pruning->network, &pruning->groups);
    if (status == STATUS_OK)
        status = memory_allocate(&pruning->importance, (size_t)pruning->groups.count, sizeof(double),
                                 "importance of channels");
    if (status == STATUS_OK)
        status = memory_allocate(&pruning->counted, (size_t)pruning->network->layer_count, sizeof(bool),
                                 "importance of channels");
    if (status == STATUS_OK)
        find_counted(pruning);
    return status;
}

/* Everything is still there. */
static enum status start_lineage(struct pruning *pruning)
{
    const struct network *whole = pruning->whole;
    size_t layers = (size_t)whole->layer_count, total = 0;
    for (size_t i = 0; i < layers; i++)
        total += (size_t)whole->layers[i].shape.c;
    enum status status =
        memory_allocate(&pruning->layer_of, layers, sizeof *pruning->layer_of, "origins of layers");
    if (status == STATUS_OK)
        status = memory_allocate(&pruning->first, layers + 1, sizeof *pruning->first, "origins of layers");
    if (status == STATUS_OK)
        status =
            memory_allocate(&pruning->channel_of, total, sizeof *pruning->channel_of, "origins of channels");
    for (int32_t i = 0; status == STATUS_OK && i < whole->layer_count; i++) {
        pruning->layer_of[i] = i;
        pruning->first[i + 1] = pruning->first[i] + (size_t)whole->layers[i].shape.c;
        for (int32_t c = 0; c < whole->layers[i].shape.c; c++)
            pruning->channel_of[pruning->first[i] + (size_t)c] = c;
    }
    return status;
}

enum status pruning_create(const struct network *whole, struct pruning **pruning)
{
    struct pruning *made = NULL;
    *pruning = NULL;
    enum status status = memory_allocate(&made, 1, sizeof *made, "pruning");
    if (status != STATUS_OK)
        return status;
    made->whole = whole;
    status = network_copy(whole, &made->network);
    if (status == STATUS_OK)
        status = start_lineage(made);
    if (status == STATUS_OK)
        status = pruning_study(made);
    if (status != STATUS_OK)
        pruning_destroy(&made);
    *pruning = made;
    return status;
}

void pruning_destroy(struct pruning **pruning)
{
    if (*pruning == NULL)
        return;
    clear_network(*pruning);
    memory_free(pruning);
}

struct network *pruning_network(struct pruning *pruning)
{
    return pruning->network;
}

struct network *pruning_take(struct pruning *pruning)
{
    struct network *network = pruning->network;
    pruning->network = NULL;
    return network;
}

/* --- importance --- */

/* Σ parameter × gradient over what makes channel c of a layer: the columns of its weights, and its bias; the
 * gamma and beta of a batch norm. */
static double channel_effect(const struct layer *layer, const float *parameters, const float *gradient,
                             int32_t c)
{
    size_t channels = (size_t)layer->shape.c;
    double sum = 0;
    for (size_t i = (size_t)c; i < layer->parameter_count; i += channels)
        sum += (double)parameters[i] * (double)gradient[i];
    return sum;
}

void pruning_observe(struct pruning *pruning, const float *gradient)
{
    const struct network *network = pruning->network;
    for (int32_t i = 0; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        if (!pruning->counted[i])
            continue;
        for (int32_t c = 0; c < layer->shape.c; c++) {
            int32_t group = pruning->groups.group[pruning->groups.first[i] + (size_t)c];
            double effect = channel_effect(layer, network->parameters + layer->parameter_offset,
                                           gradient + layer->parameter_offset, c);
            if (group != NO_GROUP)
                pruning->importance[group] += effect * effect;
        }
    }
}

/* --- cutting --- */

/* Adds to saved[group] the multiply-adds that go with each of its channels: those that make it, and those
 * that read it. */
static void add_savings(const struct pruning *pruning, int32_t index, double *saved)
{
    const struct network *network = pruning->network;
    const struct layer *layer = &network->layers[index];
    double all = (double)layer_multiply_adds(network, index);
    const int32_t *made = pruning->groups.group + pruning->groups.first[index];
    const int32_t *read = pruning->groups.group + pruning->groups.first[layer->inputs[0]];
    int32_t in_c = network->layers[layer->inputs[0]].shape.c;
    for (int32_t c = 0; c < layer->shape.c; c++)
        if (made[c] != NO_GROUP)
            saved[made[c]] += all / layer->shape.c;
    for (int32_t c = 0; c < in_c; c++)
        if (read[c] != NO_GROUP)
            saved[read[c]] += all / in_c;
}

static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->worth != y->worth)
        return x->worth < y->worth ? -1 : 1;
    return (x->group > y->group) - (x->group < y->group);
}

/* The groups from the one worth least to the one worth most. */
static enum status rank_groups(const struct pruning *pruning, struct candidate *candidates)
{
    double *saved = NULL;
    enum status status =
        memory_allocate(&saved, (size_t)pruning->groups.count, sizeof *saved, "savings of channels");
    if (status != STATUS_OK)
        return status;
    for (int32_t i = 1; i < pruning->network->layer_count; i++)
        if (layer_multiply_adds(pruning->network, i) > 0)
            add_savings(pruning, i, saved);
    for (int32_t g = 0; g < pruning->groups.count; g++)
        candidates[g] = (struct candidate){g, pruning->importance[g] / (saved[g] > 1 ? saved[g] : 1)};
    qsort(candidates, (size_t)pruning->groups.count, sizeof *candidates, compare_candidates);
    memory_free(&saved);
    return STATUS_OK;
}

/* What a cut works on. */
struct cut {
    const struct pruning *pruning;
    struct candidate *candidates; /* (groups.count) */
    bool *alive;                  /* entries as groups.group */
    const bool **alive_of;        /* (layer_count): into alive for layers with units, else NULL */
};

static void cut_clear(struct cut *cut)
{
    memory_free(&cut->candidates);
    memory_free(&cut->alive);
    memory_free(&cut->alive_of);
}

static enum status cut_prepare(struct cut *cut)
{
    const struct pruning *pruning = cut->pruning;
    const struct network *network = pruning->network;
    size_t layers = (size_t)network->layer_count;
    enum status status = memory_allocate(&cut->candidates, (size_t)pruning->groups.count,
                                         sizeof *cut->candidates, "groups of channels");
    if (status == STATUS_OK)
        status = memory_allocate(&cut->alive, pruning->groups.first[layers], sizeof *cut->alive, "channels");
    if (status == STATUS_OK)
        status = memory_allocate(&cut->alive_of, layers, sizeof *cut->alive_of, "channels");
    for (size_t i = 0; status == STATUS_OK && i < layers; i++)
        if (layer_has_units(&network->layers[i]))
            cut->alive_of[i] = cut->alive + pruning->groups.first[i];
    return status == STATUS_OK ? rank_groups(pruning, cut->candidates) : status;
}

/* Whether every layer with units keeps its least number of channels without the group; if so, takes it out of
 * left[layer]. */
static bool can_lose(const struct cut *cut, int32_t group, int32_t *left)
{
    const struct pruning *pruning = cut->pruning;
    const struct network *network = pruning->network;
    for (int pass = 0; pass < 2; pass++)
        for (int32_t i = 0; i < network->layer_count; i++) {
            if (cut->alive_of[i] == NULL)
                continue;
            int32_t loses = 0;
            for (size_t x = pruning->groups.first[i]; x < pruning->groups.first[i + 1]; x++)
                loses += pruning->groups.group[x] == group;
            int32_t had = pruning->whole->layers[pruning->layer_of[i]].shape.c;
            int32_t least = (had + FLOOR_DIVISOR - 1) / FLOOR_DIVISOR;
            if (pass == 0 && loses > 0 && left[i] - loses < least)
                return false;
            if (pass == 1)
                left[i] -= loses;
        }
    return true;
}

/* Drops the groups that cannot go from the candidates; returns how many can, in order. */
static enum status keep_floors(struct cut *cut, int32_t *count)
{
    const struct network *network = cut->pruning->network;
    int32_t *left = NULL;
    enum status status =
        memory_allocate(&left, (size_t)network->layer_count, sizeof *left, "channels of layers");
    if (status != STATUS_OK)
        return status;
    for (int32_t i = 0; i < network->layer_count; i++)
        left[i] = network->layers[i].shape.c;
    *count = 0;
    for (int32_t i = 0; i < cut->pruning->groups.count; i++)
        if (can_lose(cut, cut->candidates[i].group, left))
            cut->candidates[(*count)++] = cut->candidates[i];
    memory_free(&left);
    return STATUS_OK;
}

/* The network without the first `removed` candidates. */
static enum status slice_without(const struct cut *cut, int32_t removed, struct slicing *slicing)
{
    const struct pruning *pruning = cut->pruning;
    size_t total = pruning->groups.first[pruning->network->layer_count];
    bool *gone = NULL;
    enum status status =
        memory_allocate(&gone, (size_t)pruning->groups.count, sizeof *gone, "groups of channels");
    if (status != STATUS_OK)
        return status;
    for (int32_t i = 0; i < removed; i++)
        gone[cut->candidates[i].group] = true;
    for (size_t x = 0; x < total; x++)
        cut->alive[x] = pruning->groups.group[x] == NO_GROUP || !gone[pruning->groups.group[x]];
    memory_free(&gone);
    return network_slice(pruning->network, cut->alive_of, slicing);
}

/* By bisection the fewest candidates whose removal keeps the budget. */
static enum status find_cut(const struct cut *cut, int32_t count, uint64_t budget, struct slicing *best,
                            int32_t *removed)
{
    int32_t too_few = 0, enough = count;
    enum status status = slice_without(cut, count, best);
    if (status != STATUS_OK)
        return status;
    if (network_multiply_adds(best->network) > budget) {
        status = error_set(STATUS_USAGE,
                           "%s cannot be cut to %llu multiply-adds behind its stem: %llu are left with an "
                           "eighth of each layer's channels; ask for a larger --budget",
                           cut->pruning->whole->architecture, (unsigned long long)budget,
                           (unsigned long long)network_multiply_adds(best->network));
        slicing_clear(best);
        return status;
    }
    while (enough - too_few > 1) {
        int32_t middle = too_few + (enough - too_few) / 2;
        struct slicing tried;
        status = slice_without(cut, middle, &tried);
        if (status != STATUS_OK) {
            slicing_clear(best);
            return status;
        }
        if (network_multiply_adds(tried.network) > budget) {
            too_few = middle;
            slicing_clear(&tried);
        } else {
            enough = middle;
            slicing_clear(best);
            *best = tried;
        }
    }
    *removed = enough;
    return STATUS_OK;
}

/* The slicing's network takes the place of the present one; *slicing is used up. */
static enum status adopt(struct pruning *pruning, struct slicing *slicing)
{
    int32_t layers = slicing->network->layer_count;
    for (int32_t i = 0; i < layers; i++) {
        size_t was = pruning->first[slicing->origin[i]];
        for (size_t x = slicing->first_channel[i]; x < slicing->first_channel[i + 1]; x++)
            slicing->channels[x] = pruning->channel_of[was + (size_t)slicing->channels[x]];
        slicing->origin[i] = pruning->layer_of[slicing->origin[i]];
    }
    clear_network(pruning);
    pruning->network = slicing->network;
    pruning->layer_of = slicing->origin;
    pruning->first = slicing->first_channel;
    pruning->channel_of = slicing->channels;
    *slicing = (struct slicing){0};
    return pruning_study(pruning);
}

/* Chooses as pruning_cut says; the caller clears both. */
static enum status choose(struct cut *cut, uint64_t multiply_adds, struct slicing *slicing, int32_t *removed)
{
    int32_t count = 0;
    enum status status = cut_prepare(cut);
    if (status == STATUS_OK)
        status = keep_floors(cut, &count);
    if (status == STATUS_OK)
        status = find_cut(cut, count, multiply_adds, slicing, removed);
    return status;
}

uint64_t pruning_round_budget(uint64_t whole, uint64_t budget, int32_t round, int32_t rounds)
{
    double left = (double)whole;
    if (round == rounds || budget >= whole)
        return budget;
    /* The rounds-th root by Newton's method, which is the same on every machine. */
    double wanted = (double)budget / (double)whole, root = 1;
    for (int i = 0; i < 60; i++) {
        double power = 1;
        for (int32_t k = 0; k < rounds - 1; k++)
            power *= root;
        root -= (power * root - wanted) / (rounds * power);
    }
    for (int32_t k = 0; k < round; k++)
        left *= root;
    return (uint64_t)left;
}

enum status pruning_cut(struct pruning *pruning, uint64_t multiply_adds)
{
    struct cut cut = {.pruning = pruning};
    struct slicing slicing = {0};
    int32_t removed;
    if (network_multiply_adds(pruning->network) <= multiply_adds)
        return STATUS_OK;
    enum status status = choose(&cut, multiply_adds, &slicing, &removed);
    if (status == STATUS_OK)
        status = adopt(pruning, &slicing);
    cut_clear(&cut);
    return status;
}

enum status pruning_choose(const struct pruning *pruning, uint64_t multiply_adds, bool *open)
{
    struct cut cut = {.pruning = pruning};
    struct slicing slicing = {0};
    int32_t removed = 0;
    enum status status = STATUS_OK;
    if (network_multiply_adds(pruning->network) > multiply_adds)
        status = choose(&cut, multiply_adds, &slicing, &removed);
    for (int32_t g = 0; g < pruning->groups.count; g++)
        open[g] = true;
    for (int32_t i = 0; status == STATUS_OK && i < removed; i++)
        open[cut.candidates[i].group] = false;
    slicing_clear(&slicing);
    cut_clear(&cut);
    return status;
}

int32_t pruning_group_count(const struct pruning *pruning)
{
    return pruning->groups.count;
}

void pruning_set_importance(struct pruning *pruning, const double *importance)
{
    if (pruning->groups.count > 0) /* the caller's may be NULL without */
        memcpy(pruning->importance, importance, (size_t)pruning->groups.count * sizeof *importance);
}

void pruning_kept(const struct pruning *pruning, int32_t layer, bool *kept)
{
    memset(kept, 0, (size_t)pruning->whole->layers[layer].shape.c * sizeof *kept);
    for (int32_t i = 0; i < pruning->network->layer_count; i++)
        if (pruning->layer_of[i] == layer)
            for (size_t x = pruning->first[i]; x < pruning->first[i + 1]; x++)
                kept[pruning->channel_of[x]] = true;
}
