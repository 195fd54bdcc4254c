#include "compute/kernels/convolution_way.h"

#include <string.h>

#include "compute/kernels/convolution_direct.h"

static enum convolution_way forced = CONVOLUTION_AUTO;

static const char *const names[CONVOLUTION_WAY_COUNT] = {
    [CONVOLUTION_AUTO] = "auto",           [CONVOLUTION_IM2COL] = "im2col",
    [CONVOLUTION_DIRECT] = "direct",       [CONVOLUTION_WINOGRAD2] = "winograd2",
    [CONVOLUTION_WINOGRAD4] = "winograd4",
};

const char *convolution_way_name(enum convolution_way way)
{
    return (unsigned)way < CONVOLUTION_WAY_COUNT ? names[way] : NULL;
}

enum convolution_way convolution_way_named(const char *name)
{
    int way = 0;
    while (way < CONVOLUTION_WAY_COUNT && strcmp(name, names[way]) != 0)
        way++;
    return (enum convolution_way)way;
}

bool convolution_way_applies(enum convolution_way way, const struct convolution *conv,
                             enum convolution_step step)
{
    if (way == CONVOLUTION_DIRECT)
        return direct_applies(conv, step != CONVOLUTION_DATA);
    return way == CONVOLUTION_IM2COL;
}

/* The fixed table. */
static enum convolution_way table_choose(const struct convolution *conv, enum convolution_step step)
{
    return convolution_way_applies(CONVOLUTION_DIRECT, conv, step) ? CONVOLUTION_DIRECT : CONVOLUTION_IM2COL;
}

enum convolution_way convolution_choose(const struct convolution *conv, enum convolution_step step)
{
    return convolution_way_applies(forced, conv, step) ? forced : table_choose(conv, step);
}

void convolution_force(enum convolution_way way)
{
    forced = way;
}
