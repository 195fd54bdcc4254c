#include "compute/network/network_tune.h"

#include <string.h>

#include "compute/base/memory.h"
#include "compute/kernels/depthwise.h"
#include "compute/network/layer_kernels.h"

static bool is_known(const struct convolution_plan_entry *entries, size_t count,
                     const struct convolution *conv)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(&entries[i].conv, conv, sizeof *conv) == 0)
            return true;
    return false;
}

enum status network_tune(const struct network *network, int32_t n, network_tune_progress progress,
                         void *context, struct convolution_plan_entry **entries, size_t *count)
{
    *count = 0;
    enum status status =
        memory_allocate(entries, (size_t)network->layer_count, sizeof **entries, "ways of convolving");
    for (int32_t i = 1; i < network->layer_count && status == STATUS_OK; i++) {
        if (network->layers[i].kind != LAYER_CONVOLUTION)
            continue;
        struct convolution conv = layer_convolution(network, i);
        if (!is_depthwise(&conv) && !is_known(*entries, *count, &conv))
            (*entries)[(*count)++].conv = conv;
    }
    for (size_t i = 0; i < *count && status == STATUS_OK; i++) {
        if (progress != NULL)
            progress(context, i, *count);
        struct convolution conv = (*entries)[i].conv;
        status = convolution_tune(&conv, n, &(*entries)[i]);
    }
    if (status != STATUS_OK) {
        memory_free(entries);
        *count = 0;
    }
    return status;
}
