#include "compute/network/channel_liveness.h"

#include <string.h>

#include "compute/base/memory.h"
#include "compute/network/channel_view.h"

/* The rules of layers that stay (some channel of them is kept), until nothing changes. */
static void keep_until_settled(const struct network *network, struct channel_liveness *liveness)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (int32_t i = network->layer_count - 1; i > 0; i--) {
            struct view view = view_of(network, liveness, i);
            if (any_of(liveness->kept, view.out, (size_t)view.out_c))
                changed |= channel_keep(&view);
        }
    }
}

static enum status liveness_allocate(const struct network *network, struct channel_liveness *liveness)
{
    static const char what[] = "which channels of a network matter";
    size_t layers = (size_t)network->layer_count;
    enum status status = memory_allocate(&liveness->first, layers + 1, sizeof(size_t), what);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < layers; i++)
        liveness->first[i + 1] = liveness->first[i] + (size_t)network->layers[i].shape.c;
    size_t channels = liveness->first[layers];
    status = memory_allocate(&liveness->constant, channels, sizeof(bool), what);
    if (status == STATUS_OK)
        status = memory_allocate(&liveness->value, channels, sizeof(float), what);
    if (status == STATUS_OK)
        status = memory_allocate(&liveness->live, channels, sizeof(bool), what);
    if (status == STATUS_OK)
        status = memory_allocate(&liveness->kept, channels, sizeof(bool), what);
    return status;
}

enum status channel_liveness_find(const struct network *network, const bool *const *alive,
                                  struct channel_liveness *liveness)
{
    *liveness = (struct channel_liveness){0};
    enum status status = liveness_allocate(network, liveness);
    if (status != STATUS_OK) {
        channel_liveness_clear(liveness);
        return status;
    }
    int32_t last = network->layer_count - 1;
    for (int32_t i = 1; i <= last; i++) {
        struct view view = view_of(network, liveness, i);
        channel_constants(&view, alive == NULL ? NULL : alive[i]);
    }
    for (size_t c = liveness->first[last]; c < liveness->first[last + 1]; c++)
        liveness->live[c] = true;
    for (int32_t i = last; i > 0; i--) {
        struct view view = view_of(network, liveness, i);
        channel_needs(&view);
    }
    memcpy(liveness->kept, liveness->live, liveness->first[last + 1] * sizeof(bool));
    memset(liveness->kept, true, (size_t)network->layers[0].shape.c * sizeof(bool));
    keep_until_settled(network, liveness);
    return STATUS_OK;
}

void channel_liveness_clear(struct channel_liveness *liveness)
{
    memory_free(&liveness->first);
    memory_free(&liveness->constant);
    memory_free(&liveness->value);
    memory_free(&liveness->live);
    memory_free(&liveness->kept);
}
