#include "compute/kernels/convolution_way.h"

#include <string.h>

#include "compute/kernels/convolution_direct.h"
#include "compute/kernels/winograd.h"

static enum convolution_way forced = CONVOLUTION_AUTO;
static const struct convolution_plan_entry *plan;
static size_t plan_count;

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
    if (way == CONVOLUTION_WINOGRAD2 || way == CONVOLUTION_WINOGRAD4)
        return winograd_applies(conv);
    if (way == CONVOLUTION_DIRECT)
        return direct_applies(conv, step != CONVOLUTION_DATA);
    return way == CONVOLUTION_IM2COL;
}

/* The fixed table, measured with 16 images on one core of an Ice Lake Xeon whose BLIS has AVX2 kernels. In
 * percent of BLIS's sgemm (1024³), counted in the multiplications of the plain convolution, for
 * forward / weights / data:
 *
 *   3×3, in × out, channels     im2col        direct        winograd2     winograd4
 *   32×32,   3 →  16            54  64  16   131 139  11    32  38  25    66  73  39
 *   32×32,  16 →  16            75  75  78   109 109 112    86  87  76   147 143 134
 *   16×16,  32 →  32            98 101 101   159 187 179   145 142 135   232 236 213
 *    8×8,   64 →  64            90 110  96   143 144 158   186 186 161   264 263 235
 *    8×8,  256 → 256            45  48  40    67  51  59   131 113 122   124 125 108
 *    4×4,  512 → 512            55  90  45    52  68  37    62  54  40    32  54  32
 *   32×32,  16 →  32, stride 2  75  86  48   108 128  80
 *
 * Winograd's transforms cost as much as a product over WINOGRAD_CHANNELS; its kernels, 36 matrices, are read
 * for every call, and pay only where an image has several tiles. Nothing is read as often as it is computed
 * with where a few pixels meet thousands of channels: there packing, as BLIS does it, is right. */
enum { WINOGRAD_CHANNELS = 16, WINOGRAD_PIXELS = 64, PACKED_CHANNELS = 256 };

static enum convolution_way table_choose(const struct convolution *conv, enum convolution_step step)
{
    int64_t pixels = (int64_t)conv->out_h * conv->out_w;
    bool wide = conv->in_c >= WINOGRAD_CHANNELS && conv->out_c >= WINOGRAD_CHANNELS;
    if (winograd_applies(conv) && wide && pixels >= WINOGRAD_PIXELS)
        return CONVOLUTION_WINOGRAD4;
    if (pixels < WINOGRAD_PIXELS && conv->in_c >= PACKED_CHANNELS && conv->out_c >= PACKED_CHANNELS)
        return CONVOLUTION_IM2COL;
    return convolution_way_applies(CONVOLUTION_DIRECT, conv, step) ? CONVOLUTION_DIRECT : CONVOLUTION_IM2COL;
}

/* CONVOLUTION_AUTO where the plan says nothing. */
static enum convolution_way plan_choose(const struct convolution *conv, enum convolution_step step)
{
    for (size_t i = 0; i < plan_count; i++)
        if (memcmp(&plan[i].conv, conv, sizeof *conv) == 0)
            return plan[i].ways[step];
    return CONVOLUTION_AUTO;
}

enum convolution_way convolution_choose(const struct convolution *conv, enum convolution_step step)
{
    if (convolution_way_applies(forced, conv, step))
        return forced;
    if (forced == CONVOLUTION_DIRECT)
        return CONVOLUTION_IM2COL;
    enum convolution_way planned = plan_choose(conv, step);
    return convolution_way_applies(planned, conv, step) ? planned : table_choose(conv, step);
}

void convolution_force(enum convolution_way way)
{
    forced = way;
}

void convolution_use_plan(const struct convolution_plan_entry *entries, size_t count)
{
    plan = entries;
    plan_count = count;
}
