#include "compute/kernels/convolution_direct.h"

#include <string.h>

#include "compute/kernels/axis.h"
#include "compute/kernels/block_product.h"
#include "compute/kernels/elementwise.h"
#include "compute/kernels/epilogue.h"
#include "compute/kernels/phase.h"

/* Loop nest, forward and data: tiles of output rows, or of whole images where several fit; within a tile that
 * of block_kernel.c: panels of output channels, images, rows, blocks of pixels, kernel rows, S·C. The tile of
 * x (128 KiB, margins included) and the sums it gives, which the epilogue reads again, stay in the
 * second-level cache beside a panel of weights, and few rows are copied twice.
 *
 * Loop nest, weights: tiles of at most WEIGHT_TILE_PIXELS output pixels, so that their rows of x and dy stay
 * in the first-level cache; within it panels of output channels, kernel rows, blocks of the S·C rows of dw,
 * rows of output, pixels.
 *
 * A row of weights is K floats long. From PACK_CHANNELS on, a panel's part of such rows would be one cache
 * line out of many at a stride of a power of two, and crowd a few sets of the cache: then the weights are
 * first laid out panel by panel. So they are when their channels fill no whole panels. */
enum { TILE_FLOATS = 32 * 1024, WEIGHT_TILE_PIXELS = 128, PACK_CHANNELS = 128 };

bool direct_applies(const struct convolution *conv)
{
    return conv->groups == 1 && conv->dilation_w == 1;
}

/* The part of padded images that a tile of outputs reads. */
struct margins {
    int32_t rows, columns; /* for all outputs of an image */
    bool none;             /* all inside the image: no copy is needed */
};

static int32_t reach(int32_t outputs, int32_t stride, int32_t taps, int32_t dilation)
{
    return (outputs - 1) * stride + (taps - 1) * dilation + 1;
}

static struct margins margins_of(const struct convolution *conv)
{
    struct margins m = {reach(conv->out_h, conv->stride_h, conv->kernel_h, conv->dilation_h),
                        reach(conv->out_w, conv->stride_w, conv->kernel_w, conv->dilation_w), false};
    m.none = conv->pad_top <= 0 && conv->pad_left <= 0 && m.rows - conv->pad_top <= conv->in_h &&
             m.columns - conv->pad_left <= conv->in_w;
    return m;
}

/* Images and output rows of a tile; more than one image only with all their rows. */
struct tile {
    int32_t images, rows;
};

static struct tile tile_of(const struct convolution *conv)
{
    struct margins m = margins_of(conv);
    int64_t row = (int64_t)m.columns * conv->in_c, image = row * m.rows;
    if (image <= TILE_FLOATS)
        return (struct tile){(int32_t)(TILE_FLOATS / image), conv->out_h};
    int64_t extra = reach(1, 1, conv->kernel_h, conv->dilation_h);
    int64_t rows = (TILE_FLOATS / row - extra) / conv->stride_h + 1;
    return (struct tile){1, (int32_t)axis_clamp(rows, 1, conv->out_h)};
}

static size_t tile_floats(const struct convolution *conv, struct tile tile)
{
    struct margins m = margins_of(conv);
    return m.none ? 0
                  : (size_t)tile.images *
                        (size_t)reach(tile.rows, conv->stride_h, conv->kernel_h, conv->dilation_h) *
                        (size_t)m.columns * (size_t)conv->in_c;
}

/* Input pixels with their margins: pixel (0, 0) is what tap (0, 0) of the tile's first output sees. */
struct window_of_x {
    const float *data;
    ptrdiff_t image, row; /* strides; pixels are in_c apart */
};

static float *copy_padded_row(const struct convolution *conv, const float *row, int32_t columns, float *dst)
{
    struct span inside = axis_inside((struct span){0, columns}, conv->in_w, -(ptrdiff_t)conv->pad_left, 1);
    size_t c = (size_t)conv->in_c, left = (size_t)inside.first * c;
    size_t width = (size_t)(inside.last - inside.first) * c, whole = (size_t)columns * c;
    memset(dst, 0, left * sizeof *dst);
    if (width > 0)
        memcpy(dst + left, row + (inside.first - conv->pad_left) * conv->in_c, width * sizeof *dst);
    memset(dst + left + width, 0, (whole - left - width) * sizeof *dst);
    return dst + whole;
}

/* What outputs [first, first + tile.rows) of tile.images images from x on read; in `copy` where there are
 * margins. */
static struct window_of_x window_at(const struct convolution *conv, const float *x, int32_t first,
                                    struct tile tile, float *copy)
{
    struct margins m = margins_of(conv);
    ptrdiff_t in_row = (ptrdiff_t)conv->in_w * conv->in_c, in_image = in_row * conv->in_h;
    ptrdiff_t top = (ptrdiff_t)first * conv->stride_h - conv->pad_top;
    if (m.none)
        return (struct window_of_x){x + top * in_row - (ptrdiff_t)conv->pad_left * conv->in_c, in_image,
                                    in_row};
    ptrdiff_t rows = reach(tile.rows, conv->stride_h, conv->kernel_h, conv->dilation_h);
    ptrdiff_t row = (ptrdiff_t)m.columns * conv->in_c;
    float *dst = copy;
    for (int32_t i = 0; i < tile.images; i++, x += in_image)
        for (ptrdiff_t h = top; h < top + rows; h++)
            if (h >= 0 && h < conv->in_h) {
                dst = copy_padded_row(conv, x + h * in_row, m.columns, dst);
            } else {
                memset(dst, 0, (size_t)row * sizeof *dst);
                dst += row;
            }
    return (struct window_of_x){copy, rows * row, row};
}

/* Pixels side by side as one. A panel of 16 columns would be mostly empty with few output channels; p pixels
 * fill it, each with the kernel shifted by a stride inside a window of S + (p − 1)·stride columns, which is
 * gone through once for all of them. Outputs lie in memory as they did. A row of them still has LEAST_ROW
 * bundles, or too few sums were under way at once. */
struct bundle {
    int32_t pixels;
    struct convolution conv; /* of the bundles */
};

static struct bundle bundle_of(const struct convolution *conv)
{
    enum { MOST_PIXELS = 4, LEAST_ROW = 4 };
    struct bundle bundle = {1, *conv};
    int64_t k = conv->out_c, taps = conv->kernel_w, stride = conv->stride_w;
    int32_t p = MOST_PIXELS;
    while (p > 1 && (p * k > BLOCK_PANEL || conv->out_w % p != 0 || conv->out_w < LEAST_ROW * p ||
                     taps + (p - 1) * stride >= p * taps))
        p /= 2;
    bundle.pixels = p;
    bundle.conv.out_w = conv->out_w / p;
    bundle.conv.out_c = conv->out_c * p;
    bundle.conv.kernel_w = conv->kernel_w + (p - 1) * conv->stride_w;
    bundle.conv.stride_w = conv->stride_w * p;
    return bundle;
}

/* Weights (R, S, C, K) as the product's right operand. */
struct weights {
    const float *data;
    ptrdiff_t panel, row;
};

static ptrdiff_t panels_of(ptrdiff_t columns)
{
    return (columns + BLOCK_PANEL - 1) / BLOCK_PANEL;
}

static ptrdiff_t weight_rows(const struct convolution *conv)
{
    return (ptrdiff_t)conv->kernel_h * conv->kernel_w * conv->in_c;
}

static size_t packed_floats(const struct bundle *bundle)
{
    ptrdiff_t k = bundle->conv.out_c;
    bool in_place = bundle->pixels == 1 && k % BLOCK_PANEL == 0 && k < PACK_CHANNELS;
    return in_place ? 0 : (size_t)(weight_rows(&bundle->conv) * panels_of(k) * BLOCK_PANEL);
}

/* `width` ≤ BLOCK_PANEL channels of w, for each pixel of the bundle beside those of the one before, to a
 * panel of zeros. */
static void pack_panel(const struct convolution *conv, const struct bundle *bundle, const float *w,
                       ptrdiff_t width, float *panel)
{
    ptrdiff_t k = conv->out_c, c = conv->in_c, taps = conv->kernel_w, wide_taps = bundle->conv.kernel_w;
    for (ptrdiff_t pixel = 0; pixel < bundle->pixels; pixel++)
        for (ptrdiff_t r = 0; r < conv->kernel_h; r++)
            copy_rows((size_t)(taps * c), (size_t)width, w + r * taps * c * k, (size_t)k,
                      panel + (r * wide_taps + pixel * conv->stride_w) * c * BLOCK_PANEL + pixel * k,
                      BLOCK_PANEL, false);
}

static struct weights weights_of(const struct convolution *conv, const struct bundle *bundle, const float *w,
                                 float *packed)
{
    ptrdiff_t k = conv->out_c, panel = weight_rows(&bundle->conv) * BLOCK_PANEL;
    size_t floats = packed_floats(bundle);
    if (floats == 0)
        return (struct weights){w, BLOCK_PANEL, k};
    if (bundle->pixels > 1 || k % BLOCK_PANEL != 0)
        memset(packed, 0, floats * sizeof *packed);
    for (ptrdiff_t from = 0; from < k; from += BLOCK_PANEL)
        pack_panel(conv, bundle, w + from, k - from < BLOCK_PANEL ? k - from : BLOCK_PANEL,
                   packed + from / BLOCK_PANEL * panel);
    return (struct weights){packed, panel, BLOCK_PANEL};
}

/* Where the sums go: strides between output pixels, rows and images. */
struct destination {
    float *data;
    ptrdiff_t image, row, pixel;
    bool accumulate;
};

static struct destination dense_destination(const struct convolution *conv, float *data)
{
    ptrdiff_t pixel = conv->out_c, row = pixel * conv->out_w;
    return (struct destination){data, row * conv->out_h, row, pixel, false};
}

static void tile_product(const struct convolution *conv, struct window_of_x x, struct weights w,
                         struct tile tile, const struct destination *to)
{
    ptrdiff_t run = (ptrdiff_t)conv->kernel_w * conv->in_c;
    const struct block_product product = {
        .images = tile.images,
        .lines = tile.rows,
        .rows = conv->out_w,
        .columns = conv->out_c,
        .batches = 1,
        .segments = conv->kernel_h,
        .depth = run,
        .a = {.data = x.data,
              .image = x.image,
              .line = conv->stride_h * x.row,
              .row = (ptrdiff_t)conv->stride_w * conv->in_c,
              .segment = conv->dilation_h * x.row,
              .column = 1},
        .b = {.data = w.data, .panel = w.panel, .segment = run * w.row, .row = w.row},
        .c = {.data = to->data, .image = to->image, .line = to->row, .row = to->pixel},
        .accumulate = to->accumulate};
    block_product_run(&product);
}

/* Floats of the outputs of a tile. */
static size_t output_floats(const struct convolution *conv, struct tile tile)
{
    return (size_t)tile.images * (size_t)tile.rows * (size_t)conv->out_w * (size_t)conv->out_c;
}

/* Scratch: packed weights, tile of x, tile of sums (forward, where the residual is y). */
static size_t forward_floats(const struct convolution *conv)
{
    struct bundle bundle = bundle_of(conv);
    struct tile tile = tile_of(&bundle.conv);
    return packed_floats(&bundle) + tile_floats(&bundle.conv, tile) + output_floats(conv, tile);
}

/* What is left of `all` from `done` on, at most `most`. */
static int32_t part(int32_t done, int32_t all, int32_t most)
{
    return all - done < most ? all - done : most;
}

void direct_forward(const struct convolution *conv, int32_t n, const float *x, const float *w,
                    const struct convolution_epilogue *epilogue, float *y, float *scratch)
{
    struct bundle bundle = bundle_of(conv);
    const struct convolution *wide = &bundle.conv;
    float *copy = scratch + packed_floats(&bundle);
    struct tile most = tile_of(wide), tile;
    float *sums = copy + tile_floats(wide, most);
    struct weights weights = weights_of(conv, &bundle, w, scratch);
    size_t in_image = (size_t)conv->in_h * (size_t)conv->in_w * (size_t)conv->in_c;
    size_t row_pixels = (size_t)conv->out_w, k = (size_t)conv->out_c;
    for (int32_t i = 0; i < n; i += tile.images) {
        tile.images = part(i, n, most.images);
        for (int32_t p = 0; p < conv->out_h; p += tile.rows) {
            tile.rows = part(p, conv->out_h, most.rows);
            size_t first = ((size_t)i * (size_t)conv->out_h + (size_t)p) * row_pixels;
            size_t pixels = (size_t)tile.images * (size_t)tile.rows * row_pixels;
            float *rows = epilogue_reads(epilogue, y) ? sums : y + first * k;
            struct destination to = dense_destination(wide, rows);
            tile_product(wide, window_at(wide, x + (size_t)i * in_image, p, tile, copy), weights, tile, &to);
            if (epilogue != NULL)
                epilogue_apply(epilogue, first, pixels, k, rows, y);
        }
    }
}

static struct tile weight_tile_of(const struct convolution *conv)
{
    int64_t row = conv->out_w, image = row * conv->out_h;
    if (image <= WEIGHT_TILE_PIXELS)
        return (struct tile){(int32_t)(WEIGHT_TILE_PIXELS / image), conv->out_h};
    return (struct tile){1, (int32_t)axis_clamp(WEIGHT_TILE_PIXELS / row, 1, conv->out_h)};
}

/* Whether the weights' gradient is computed transposed: K rows, S·C columns, the neighbouring floats of x,
 * fill more of their panels then. They are read beyond their end, for which the copy with margins has room.
 */
static bool is_transposed(const struct convolution *conv)
{
    ptrdiff_t k = conv->out_c, run = (ptrdiff_t)conv->kernel_w * conv->in_c;
    return !margins_of(conv).none && panels_of(run) * k < panels_of(k) * run;
}

/* dw (+)= what one tile of outputs adds. dy is read beyond its end when K fills no whole panels. */
static void weight_product(const struct convolution *conv, struct window_of_x x, const float *dy,
                           struct tile tile, float *dw, bool accumulate)
{
    ptrdiff_t k = conv->out_c, run = (ptrdiff_t)conv->kernel_w * conv->in_c, out_row = conv->out_w * k;
    const struct block_product product = {
        .images = 1,
        .lines = conv->kernel_h,
        .rows = run,
        .columns = k,
        .batches = tile.images,
        .segments = tile.rows,
        .depth = conv->out_w,
        .a = {.data = x.data,
              .line = conv->dilation_h * x.row,
              .row = 1,
              .batch = x.image,
              .segment = conv->stride_h * x.row,
              .column = (ptrdiff_t)conv->stride_w * conv->in_c},
        .b = {.data = dy, .panel = BLOCK_PANEL, .batch = out_row * conv->out_h, .segment = out_row, .row = k},
        .c = {.data = dw, .line = run * k, .row = k},
        .accumulate = accumulate};
    block_product_run(&product);
}

/* The same with dw as (R, K, S·C). */
static void transposed_product(const struct convolution *conv, struct window_of_x x, const float *dy,
                               struct tile tile, float *dw, bool accumulate)
{
    ptrdiff_t k = conv->out_c, run = (ptrdiff_t)conv->kernel_w * conv->in_c, out_row = conv->out_w * k;
    for (ptrdiff_t r = 0; r < conv->kernel_h; r++) {
        const struct block_product product = {
            .images = 1,
            .lines = 1,
            .rows = k,
            .columns = run,
            .batches = tile.images,
            .segments = tile.rows,
            .depth = conv->out_w,
            .a = {.data = dy, .row = 1, .batch = out_row * conv->out_h, .segment = out_row, .column = k},
            .b = {.data = x.data + r * conv->dilation_h * x.row,
                  .panel = BLOCK_PANEL,
                  .batch = x.image,
                  .segment = conv->stride_h * x.row,
                  .row = (ptrdiff_t)conv->stride_w * conv->in_c},
            .c = {.data = dw + r * k * run, .row = run},
            .accumulate = accumulate};
        block_product_run(&product);
    }
}

/* Scratch: tile of x; tile of dy where it would be read beyond its end; dw transposed. Each is followed by a
 * panel that may be read too. */
struct weight_scratch {
    size_t x, dy, dw;
};

static struct weight_scratch weight_floats(const struct convolution *conv)
{
    struct tile tile = weight_tile_of(conv);
    bool transposed = is_transposed(conv);
    return (struct weight_scratch){
        tile_floats(conv, tile) + BLOCK_PANEL,
        transposed || conv->out_c % BLOCK_PANEL == 0 ? 0 : output_floats(conv, tile) + BLOCK_PANEL,
        transposed ? (size_t)weight_rows(conv) * (size_t)conv->out_c : 0};
}

void direct_backward_weights(const struct convolution *conv, int32_t n, const float *x, const float *dy,
                             float *dw, float *scratch)
{
    struct weight_scratch floats = weight_floats(conv);
    struct tile most = weight_tile_of(conv), tile;
    ptrdiff_t in_image = (ptrdiff_t)conv->in_h * conv->in_w * conv->in_c;
    ptrdiff_t out_row = (ptrdiff_t)conv->out_w * conv->out_c, out_image = out_row * conv->out_h;
    ptrdiff_t run = (ptrdiff_t)conv->kernel_w * conv->in_c;
    float *copy = scratch + floats.x, *transposed = copy + floats.dy;
    if (n == 0)
        memset(dw, 0, (size_t)weight_rows(conv) * (size_t)conv->out_c * sizeof *dw);
    for (int32_t i = 0; i < n; i += tile.images) {
        tile.images = part(i, n, most.images);
        for (int32_t p = 0; p < conv->out_h; p += tile.rows) {
            tile.rows = part(p, conv->out_h, most.rows);
            struct window_of_x window = window_at(conv, x + i * in_image, p, tile, scratch);
            const float *outputs = dy + i * out_image + p * out_row;
            if (floats.dy > 0)
                outputs = memcpy(copy, outputs, output_floats(conv, tile) * sizeof *copy);
            if (floats.dw > 0)
                transposed_product(conv, window, outputs, tile, transposed, i > 0 || p > 0);
            else
                weight_product(conv, window, outputs, tile, dw, i > 0 || p > 0);
        }
    }
    for (ptrdiff_t r = 0; n > 0 && floats.dw > 0 && r < conv->kernel_h; r++)
        transpose_rows(conv->out_c, run, transposed + r * conv->out_c * run, run, dw + r * run * conv->out_c,
                       conv->out_c);
}

/* Neighbours in dx are bundled when a phase's are neighbours. */
static struct bundle phase_bundle(const struct convolution *conv, const struct phase *phase)
{
    return conv->stride_w == 1 ? bundle_of(&phase->conv) : (struct bundle){1, phase->conv};
}

/* dx of one phase, written straight to the phase's pixels. */
static void phase_backward(const struct convolution *conv, const struct phase *phase, int32_t n,
                           const float *w, const float *dy, float *dx, bool accumulate, float *scratch)
{
    struct bundle bundle = phase_bundle(conv, phase);
    const struct convolution *wide = &bundle.conv;
    ptrdiff_t pixel = conv->in_c, row = pixel * conv->in_w, image = row * conv->in_h;
    ptrdiff_t in_image = (ptrdiff_t)conv->out_h * conv->out_w * conv->out_c;
    float *arranged = scratch, *packed = arranged + phase_weight_floats(phase);
    float *copy = packed + packed_floats(&bundle);
    phase_weights(conv, phase, w, arranged);
    struct weights weights = weights_of(&phase->conv, &bundle, arranged, packed);
    struct tile most = tile_of(wide), tile;
    for (int32_t i = 0; i < n; i += tile.images) {
        tile.images = part(i, n, most.images);
        for (int32_t p = 0; p < wide->out_h; p += tile.rows) {
            tile.rows = part(p, wide->out_h, most.rows);
            struct destination to = {dx + i * image + (phase->h.first + (ptrdiff_t)p * conv->stride_h) * row +
                                         phase->w.first * pixel,
                                     image, conv->stride_h * row, conv->stride_w * bundle.pixels * pixel,
                                     accumulate};
            tile_product(wide, window_at(wide, dy + i * in_image, p, tile, copy), weights, tile, &to);
        }
    }
}

void direct_backward_data(const struct convolution *conv, int32_t n, const float *w, const float *dy,
                          float *dx, bool accumulate, float *scratch)
{
    struct phase phase;
    bool all = true; /* the phases write all of dx */
    for (int32_t h = 0; h < phase_count(conv->in_h, conv->stride_h); h++)
        for (int32_t v = 0; v < phase_count(conv->in_w, conv->stride_w); v++)
            all = phase_at(conv, h, v, &phase) && all;
    if (!all && !accumulate)
        memset(dx, 0, (size_t)n * (size_t)conv->in_h * (size_t)conv->in_w * (size_t)conv->in_c * sizeof *dx);
    for (int32_t h = 0; h < phase_count(conv->in_h, conv->stride_h); h++)
        for (int32_t v = 0; v < phase_count(conv->in_w, conv->stride_w); v++)
            if (phase_at(conv, h, v, &phase))
                phase_backward(conv, &phase, n, w, dy, dx, accumulate, scratch);
}

size_t direct_scratch_floats(const struct convolution *conv)
{
    struct weight_scratch weights = weight_floats(conv);
    size_t gradient = weights.x + weights.dy + weights.dw, most = forward_floats(conv);
    most = gradient > most ? gradient : most;
    for (int32_t h = 0; h < phase_count(conv->in_h, conv->stride_h); h++)
        for (int32_t v = 0; v < phase_count(conv->in_w, conv->stride_w); v++) {
            struct phase phase;
            if (!phase_at(conv, h, v, &phase))
                continue;
            struct bundle bundle = phase_bundle(conv, &phase);
            size_t floats = phase_weight_floats(&phase) + packed_floats(&bundle) +
                            tile_floats(&bundle.conv, tile_of(&bundle.conv));
            most = floats > most ? floats : most;
        }
    return most;
}
