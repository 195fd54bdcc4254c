#include "compute/kernels/convolution_infer.h"

#include <string.h>

#include "compute/kernels/axis.h"
#include "compute/kernels/block_product.h"
#include "compute/kernels/convolution_direct.h"
#include "compute/kernels/convolution_way.h"
#include "compute/kernels/depthwise.h"
#include "compute/kernels/elementwise.h"
#include "compute/kernels/epilogue.h"

/* Tap by tap: one product of the pixels, where they are, with the weights of all nine taps side by side,
 * [pixels × C]·[C × 9·K], fills vectors that K channels alone do not. Each output is then the sum of nine of
 * its results, of nine pixels. By tiles of rows, whose products (128 KiB) stay in the second-level cache.
 *
 * 32 to 4 channels at 16×16 take 10 microseconds an image, and 16 by direct's bundles of pixels, which go
 * through half as many zeros again. */
enum { SIDE = 3, TAPS = SIDE * SIDE, MOST_CHANNELS = 5, LEAST_INPUTS = 8, TILE_FLOATS = 32 * 1024 };

/* The way, by a table for forward steps alone: from few channels to not many, with rows that fill blocks of
 * pixels, the plain convolution takes less than Winograd's transforms (microseconds an image at 16×16: 9 to
 * 28 channels 13 and 20, 9 to 32 14 and 16, 12 to 32 17 and 18). */
static enum convolution_way way_of(const struct convolution *conv)
{
    enum { THIN_INPUT = 12, MOST_OUTPUTS = 32, LONG_ROW = 16 };
    bool thin = conv->in_c < THIN_INPUT && conv->out_c <= MOST_OUTPUTS && conv->out_w >= LONG_ROW &&
                direct_applies(conv);
    if (thin && convolution_asked(conv, CONVOLUTION_FORWARD) == CONVOLUTION_AUTO)
        return CONVOLUTION_DIRECT;
    return convolution_choose(conv, CONVOLUTION_FORWARD);
}

static bool by_taps(const struct convolution *conv)
{
    return conv->kernel_h == SIDE && conv->kernel_w == SIDE && conv->stride_h == 1 && conv->stride_w == 1 &&
           conv->dilation_h == 1 && conv->dilation_w == 1 && conv->groups == 1 &&
           conv->out_c <= MOST_CHANNELS && conv->in_c >= LEAST_INPUTS && way_of(conv) == CONVOLUTION_DIRECT;
}

static ptrdiff_t columns_of(const struct convolution *conv)
{
    return (ptrdiff_t)TAPS * conv->out_c;
}

static ptrdiff_t packed_floats(const struct convolution *conv)
{
    return (columns_of(conv) + BLOCK_PANEL - 1) / BLOCK_PANEL * BLOCK_PANEL * conv->in_c;
}

/* Output rows of a tile. */
static ptrdiff_t tile_rows(const struct convolution *conv)
{
    ptrdiff_t row = (ptrdiff_t)conv->in_w * columns_of(conv);
    return axis_clamp(TILE_FLOATS / row - (SIDE - 1), 1, conv->out_h);
}

/* Of a tile: products, and sums where y still holds the residual. */
static ptrdiff_t product_floats(const struct convolution *conv)
{
    return (tile_rows(conv) + SIDE - 1) * conv->in_w * columns_of(conv);
}

static ptrdiff_t sum_floats(const struct convolution *conv)
{
    return tile_rows(conv) * conv->out_w * conv->out_c;
}

/* w (taps, C, K) as panels of columns (tap, k), in each C rows; columns that are too many are zeros. */
static void pack(const struct convolution *conv, const float *w, float *packed)
{
    ptrdiff_t c = conv->in_c, k = conv->out_c;
    memset(packed, 0, (size_t)packed_floats(conv) * sizeof *packed);
    for (ptrdiff_t column = 0; column < columns_of(conv); column++) {
        const float *from = w + column / k * c * k + column % k;
        float *to = packed + column / BLOCK_PANEL * BLOCK_PANEL * c + column % BLOCK_PANEL;
        for (ptrdiff_t j = 0; j < c; j++)
            to[j * BLOCK_PANEL] = from[j * k];
    }
}

static void multiply(const struct convolution *conv, ptrdiff_t pixels, const float *x, const float *packed,
                     float *products)
{
    const struct block_product product = {
        .images = 1,
        .lines = 1,
        .rows = pixels,
        .columns = columns_of(conv),
        .batches = 1,
        .segments = 1,
        .depth = conv->in_c,
        .a = {.data = x, .row = conv->in_c, .column = 1},
        .b = {.data = packed, .panel = (ptrdiff_t)conv->in_c * BLOCK_PANEL, .row = BLOCK_PANEL},
        .c = {.data = products, .row = columns_of(conv)}};
    block_product_run(&product);
}

/* One output pixel: its taps in rows and columns, and the first of their products. Inlined with the number of
 * channels, and where all taps are inside the image those, too, as constants. */
#define INLINE static inline __attribute__((always_inline))
INLINE void add_taps(const int k, ptrdiff_t row, const struct span rows, const struct span columns,
                     const float *products, float *y)
{
    float sum[MOST_CHANNELS] = {0};
    for (ptrdiff_t r = rows.first; r < rows.last; r++)
        for (ptrdiff_t s = columns.first; s < columns.last; s++) {
            const float *at = products + r * row + s * TAPS * k + (r * SIDE + s) * k;
            for (int j = 0; j < k; j++)
                sum[j] += at[j];
        }
    for (int j = 0; j < k; j++)
        y[j] = sum[j];
}

/* Row p of the output, from products of the input's rows from `top` on. */
INLINE void sum_row(const struct convolution *conv, const int k, ptrdiff_t p, ptrdiff_t top,
                    const float *products, float *y)
{
    const struct span all = {0, SIDE};
    ptrdiff_t pixel = (ptrdiff_t)TAPS * k, row = conv->in_w * pixel, h = p - conv->pad_top;
    struct span rows = axis_inside(all, conv->in_h, h, 1);
    products += (h - top) * row;
    for (ptrdiff_t q = 0; q < conv->out_w; q++, y += k) {
        ptrdiff_t w = q - conv->pad_left;
        bool inside = rows.first == 0 && rows.last == SIDE && w >= 0 && w + SIDE <= conv->in_w;
        if (inside)
            add_taps(k, row, all, all, products + w * pixel, y);
        else
            add_taps(k, row, rows, axis_inside(all, conv->in_w, w, 1), products + w * pixel, y);
    }
}

static void sum_rows(const struct convolution *conv, ptrdiff_t p, ptrdiff_t rows, ptrdiff_t top,
                     const float *products, float *y)
{
    ptrdiff_t floats = (ptrdiff_t)conv->out_w * conv->out_c;
    for (ptrdiff_t end = p + rows; p < end; p++, y += floats)
        switch (conv->out_c) {
        case 1:
            sum_row(conv, 1, p, top, products, y);
            break;
        case 2:
            sum_row(conv, 2, p, top, products, y);
            break;
        case 3:
            sum_row(conv, 3, p, top, products, y);
            break;
        case 4:
            sum_row(conv, 4, p, top, products, y);
            break;
        default:
            sum_row(conv, MOST_CHANNELS, p, top, products, y);
        }
}

static void taps_forward(const struct convolution *conv, int32_t n, const float *x, const float *w,
                         const struct convolution_epilogue *epilogue, float *y, float *scratch)
{
    ptrdiff_t row = (ptrdiff_t)conv->in_w * conv->in_c, most = tile_rows(conv), rows;
    float *products = scratch + packed_floats(conv), *sums = products + product_floats(conv);
    pack(conv, w, scratch);
    for (ptrdiff_t i = 0; i < n; i++)
        for (ptrdiff_t p = 0; p < conv->out_h; p += rows) {
            rows = conv->out_h - p < most ? conv->out_h - p : most;
            ptrdiff_t top = axis_clamp(p - conv->pad_top, 0, conv->in_h);
            ptrdiff_t bottom = axis_clamp(p + rows - 1 + SIDE - conv->pad_top, 0, conv->in_h);
            ptrdiff_t first = (i * conv->out_h + p) * conv->out_w;
            float *to = epilogue_reads(epilogue, y) ? sums : y + first * conv->out_c;
            multiply(conv, (bottom - top) * conv->in_w, x + (i * conv->in_h + top) * row, scratch, products);
            sum_rows(conv, p, rows, top, products, to);
            if (epilogue != NULL)
                epilogue_apply(epilogue, (size_t)first, (size_t)(rows * conv->out_w), (size_t)conv->out_c, to,
                               y);
        }
}

void convolution_infer(const struct convolution *conv, int32_t n, const float *x, const float *w,
                       const struct convolution_epilogue *epilogue, float *y, float *scratch)
{
    if (is_depthwise(conv))
        convolution_forward(conv, n, x, w, epilogue, y, scratch);
    else if (by_taps(conv))
        taps_forward(conv, n, x, w, epilogue, y, scratch);
    else if (way_of(conv) == CONVOLUTION_DIRECT)
        direct_forward(conv, n, x, w, epilogue, y, scratch);
    else
        convolution_forward(conv, n, x, w, epilogue, y, scratch);
}

size_t convolution_infer_scratch_floats(const struct convolution *conv)
{
    size_t most = convolution_scratch_floats(conv), own = 0;
    if (is_depthwise(conv))
        return most;
    if (by_taps(conv))
        own = (size_t)(packed_floats(conv) + product_floats(conv) + sum_floats(conv));
    else if (way_of(conv) == CONVOLUTION_DIRECT)
        own = direct_scratch_floats(conv);
    return own > most ? own : most;
}

const char *convolution_infer_way_name(const struct convolution *conv)
{
    if (is_depthwise(conv))
        return "depthwise";
    return by_taps(conv) ? "taps" : convolution_way_name(way_of(conv));
}
