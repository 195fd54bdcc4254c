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

bool convolution_way_applies(enum convolution_way way, const struct convolution *conv)
{
    if (way == CONVOLUTION_WINOGRAD2 || way == CONVOLUTION_WINOGRAD4)
        return winograd_applies(conv);
    if (way == CONVOLUTION_DIRECT)
        return direct_applies(conv);
    return way == CONVOLUTION_IM2COL;
}

/* The fixed table, measured with 16 images on one core of an Ice Lake Xeon whose BLIS has AVX2 kernels. In
 * percent of BLIS's sgemm (1024³) at the same time, counted in the multiplications of the plain convolution,
 * for forward / weights / data:
 *
 *   3×3, in × out, channels       im2col         direct       winograd2      winograd4
 *   32×32,   3 →  16            38  43  11    91  96  11    18  19  18    33  36  28
 *   32×32,  16 →  16            72  73  77   104 107 106    94  91  83   164 169 135
 *   16×16,  32 →  32            94 102  97   164 177 176   191 180 171   283 278 254
 *    8×8,   64 →  64            88 109  83   152 140 154   240 227 209   321 329 269
 *   16×16, 128 → 128            99  97  97   153 126 156   292 221 275   340 312 343
 *    8×8,  256 → 256            75  86  78   138 113 121   193 165 163   231 221 169
 *    4×4,  512 → 512            46  80  37    65  79  47    86  88  62    59 103  43
 *   32×32,  16 →  32, stride 2  74  85  49   110 130  80
 *
 * The im2col column is with BLIS throughout; our own kernel, which that way takes for up to 64 columns of
 * weights, brings the layers of a ResNet-20 to between 66 and 140 percent, still below the other ways.
 *
 * Winograd's transforms cost as much as a product over WINOGRAD_CHANNELS. Its kernels, 36 or 16 matrices, are
 * transformed and read for every call: F(4×4) pays where an image has several of its tiles.
 *
 * What was cut out of a network is thin on one side. Microseconds an image on one core of the same machine,
 * for forward, weights and data:
 *
 *   3×3, in × out, channels       im2col           direct         winograd4
 *   16×16,  31 →   5            57  52  20    18   9   7    17  17  16
 *   16×16,   5 →  31            23  19  47    11   8  22    15  11  20
 *   16×16,  31 →  12            40  35  44    23  19  15    17  17  18
 *   16×16,  12 →  31            45  39  36    18  16  29    19  15  21
 *    8×8,   53 →   8            17  13  16     8   9   5     6   6   6
 *    8×8,    8 →  53            14   9  13     7   5   8     5   4   7
 *   16×16,  12 →  12            16  15  15    10  10  10    11  11  12
 *
 * so that F(4×4) pays down to WINOGRAD4_THIN channels on that side. */
enum { WINOGRAD_CHANNELS = 16, WINOGRAD4_THIN = 8, WINOGRAD2_PIXELS = 16, WINOGRAD4_PIXELS = 64 };

static enum convolution_way table_choose(const struct convolution *conv)
{
    int64_t pixels = (int64_t)conv->out_h * conv->out_w;
    int32_t thin = conv->in_c < conv->out_c ? conv->in_c : conv->out_c;
    int32_t wide = conv->in_c < conv->out_c ? conv->out_c : conv->in_c;
    bool winograd = winograd_applies(conv) && wide >= WINOGRAD_CHANNELS;
    if (winograd && thin >= WINOGRAD4_THIN && pixels >= WINOGRAD4_PIXELS)
        return CONVOLUTION_WINOGRAD4;
    if (winograd && thin >= WINOGRAD_CHANNELS && pixels >= WINOGRAD2_PIXELS)
        return CONVOLUTION_WINOGRAD2;
    return direct_applies(conv) ? CONVOLUTION_DIRECT : CONVOLUTION_IM2COL;
}

/* CONVOLUTION_AUTO where the plan says nothing. */
static enum convolution_way plan_choose(const struct convolution *conv, enum convolution_step step)
{
    for (size_t i = 0; i < plan_count; i++)
        if (memcmp(&plan[i].conv, conv, sizeof *conv) == 0)
            return plan[i].ways[step];
    return CONVOLUTION_AUTO;
}

enum convolution_way convolution_asked(const struct convolution *conv, enum convolution_step step)
{
    if (convolution_way_applies(forced, conv))
        return forced;
    if (forced == CONVOLUTION_DIRECT)
        return CONVOLUTION_IM2COL;
    enum convolution_way planned = plan_choose(conv, step);
    return convolution_way_applies(planned, conv) ? planned : CONVOLUTION_AUTO;
}

enum convolution_way convolution_choose(const struct convolution *conv, enum convolution_step step)
{
    enum convolution_way asked = convolution_asked(conv, step);
    return asked != CONVOLUTION_AUTO ? asked : table_choose(conv);
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
