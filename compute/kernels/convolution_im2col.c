#include "compute/kernels/convolution_im2col.h"

#include <string.h>

#include "compute/kernels/block_product.h"
#include "compute/kernels/elementwise.h"
#include "compute/kernels/epilogue.h"
#include "compute/kernels/im2col.h"
#include "compute/kernels/phase.h"

/* BLIS packs both operands before it multiplies. With so few columns that takes as long as multiplying, and
 * our own kernel, which reads them where they are (block_product.h), is faster. */
enum { THIN_COLUMNS = 64 };

static bool is_thin(ptrdiff_t columns)
{
    return columns <= THIN_COLUMNS && columns % BLOCK_PANEL == 0;
}

/* c (+)= a·b with a (m×k), b (k×n, rows b_row apart), c (m×n, rows c_row apart). Each row of c is the same
 * bytes whatever m is. */
static void thin_product(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, struct matrix a, const float *b,
                         ptrdiff_t b_row, bool accumulate, float *c, ptrdiff_t c_row)
{
    const struct block_product product = {
        .images = 1,
        .lines = 1,
        .rows = m,
        .columns = n,
        .batches = 1,
        .segments = 1,
        .depth = k,
        .a = {.data = a.data, .row = a.row_stride, .column = a.column_stride},
        .b = {.data = b, .panel = BLOCK_PANEL, .row = b_row},
        .c = {.data = c, .row = c_row},
        .accumulate = accumulate};
    block_product_run(&product);
}

/* rows (+)= the sums of output pixels [first, first + count). BLIS's product always has a whole tile's rows,
 * of which `spare`, as large, takes those of the last tile: BLIS would cut the sums of a smaller one
 * otherwise, and an image's results would depend on how many others are computed with it. */
static void tile_product(const struct convolution *conv, const float *x, size_t first, size_t count,
                         const float *w, float *columns, float *spare, float *rows, bool accumulate)
{
    ptrdiff_t k = conv->out_c, group_k = k / conv->groups, depth = (ptrdiff_t)im2col_depth(conv);
    size_t tile = im2col_tile_pixels(conv);
    bool in_place = im2col_scratch_floats(conv) == 0; /* there are no rows behind the last pixel's */
    for (ptrdiff_t g = 0; g < conv->groups; g++) {
        struct matrix a = im2col_tile(conv, x, first, count, (int32_t)g, columns);
        struct matrix b = matrix_rows(w + g * group_k, k);
        if (is_thin(group_k)) {
            thin_product((ptrdiff_t)count, group_k, depth, a, b.data, k, accumulate, rows + g * group_k, k);
        } else if (in_place) {
            gemm_row_by_row((ptrdiff_t)count, group_k, depth, a, b, accumulate ? 1.0F : 0.0F,
                            rows + g * group_k, k);
        } else if (count == tile) {
            gemm((ptrdiff_t)tile, group_k, depth, a, b, accumulate ? 1.0F : 0.0F, rows + g * group_k, k);
        } else {
            gemm((ptrdiff_t)tile, group_k, depth, a, b, 0.0F, spare + g * group_k, k);
            if (rows != spare)
                copy_rows(count, (size_t)group_k, spare + g * group_k, (size_t)k, rows + g * group_k,
                          (size_t)k, accumulate);
        }
    }
}

void im2col_forward(const struct convolution *conv, int32_t n, const float *x, const float *w,
                    const struct convolution_epilogue *epilogue, float *y, float *scratch)
{
    size_t k = (size_t)conv->out_c, pixels = (size_t)n * (size_t)conv->out_h * (size_t)conv->out_w;
    size_t tile = im2col_tile_pixels(conv);
    float *columns = scratch, *sums = scratch + im2col_scratch_floats(conv);
    for (size_t first = 0; first < pixels; first += tile) {
        size_t count = pixels - first < tile ? pixels - first : tile;
        float *rows = epilogue_reads(epilogue, y) ? sums : y + first * k;
        tile_product(conv, x, first, count, w, columns, sums, rows, false);
        if (epilogue != NULL)
            epilogue_apply(epilogue, first, count, k, rows, y);
    }
}

/* dw = Σ over tiles of (tile of im2col)ᵀ · (tile of dy), in the order of the tiles. */
void im2col_backward_weights(const struct convolution *conv, int32_t n, const float *x, const float *dy,
                             float *dw, float *scratch)
{
    ptrdiff_t k = conv->out_c, group_k = k / conv->groups, depth = (ptrdiff_t)im2col_depth(conv);
    size_t pixels = (size_t)n * (size_t)conv->out_h * (size_t)conv->out_w;
    size_t tile = im2col_tile_pixels(conv);
    if (pixels == 0)
        memset(dw, 0, (size_t)depth * (size_t)k * sizeof *dw);
    for (size_t first = 0; first < pixels; first += tile) {
        size_t count = pixels - first < tile ? pixels - first : tile;
        for (int32_t g = 0; g < conv->groups; g++) {
            struct matrix columns = im2col_tile(conv, x, first, count, g, scratch);
            struct matrix transposed = {columns.data, columns.column_stride, columns.row_stride};
            const float *tile_dy = dy + first * (size_t)k + g * group_k;
            if (is_thin(group_k))
                thin_product(depth, group_k, (ptrdiff_t)count, transposed, tile_dy, k, first > 0,
                             dw + g * group_k, k);
            else
                gemm(depth, group_k, (ptrdiff_t)count, transposed, matrix_rows(tile_dy, k),
                     first > 0 ? 1.0F : 0.0F, dw + g * group_k, k);
        }
    }
}

static bool is_strided(const struct convolution *conv)
{
    return conv->stride_h > 1 || conv->stride_w > 1;
}

/* Adds `count` rows of C floats to the phase's pixels of dx, from pixel `first` on. */
static void scatter_add(const struct convolution *conv, const struct phase *phase, size_t first, size_t count,
                        const float *rows, float *dx)
{
    size_t c = (size_t)conv->in_c, step_w = (size_t)conv->stride_w, step_h = (size_t)conv->stride_h;
    size_t width = (size_t)phase->w.count, height = (size_t)phase->h.count;
    for (size_t done = 0; done < count;) {
        size_t row = (first + done) / width, column = (first + done) % width;
        size_t run = width - column < count - done ? width - column : count - done;
        size_t image = row / height, h = (size_t)phase->h.first + row % height * step_h;
        size_t pixel =
            (image * (size_t)conv->in_h + h) * (size_t)conv->in_w + (size_t)phase->w.first + column * step_w;
        copy_rows(run, c, rows + done * c, c, dx + pixel * c, step_w * c, true);
        done += run;
    }
}

/* Scratch of im2col_backward_data: the phase's weights, its tile of im2col, and its tile of results; each
 * begins on a cache line. */
static size_t whole_lines(size_t floats)
{
    return (floats + 15) / 16 * 16;
}

static void phase_backward(const struct convolution *conv, const struct phase *phase, int32_t n,
                           const float *w, const float *dy, float *dx, bool accumulate, float *scratch)
{
    const struct convolution *flipped = &phase->conv;
    size_t c = (size_t)flipped->out_c;
    size_t pixels = (size_t)n * (size_t)flipped->out_h * (size_t)flipped->out_w;
    size_t tile = im2col_tile_pixels(flipped);
    float *arranged = scratch;
    float *columns = arranged + whole_lines(phase_weight_floats(phase));
    float *results = columns + whole_lines(im2col_scratch_floats(flipped));
    phase_weights(conv, phase, w, arranged);
    for (size_t first = 0; first < pixels; first += tile) {
        size_t count = pixels - first < tile ? pixels - first : tile;
        float *rows = is_strided(conv) ? results : dx + first * c;
        tile_product(flipped, dy, first, count, arranged, columns, results, rows,
                     !is_strided(conv) && accumulate);
        if (is_strided(conv))
            scatter_add(conv, phase, first, count, results, dx);
    }
}

void im2col_backward_data(const struct convolution *conv, int32_t n, const float *w, const float *dy,
                          float *dx, bool accumulate, float *scratch)
{
    if (is_strided(conv) && !accumulate)
        memset(dx, 0, (size_t)n * (size_t)conv->in_h * (size_t)conv->in_w * (size_t)conv->in_c * sizeof *dx);
    for (int32_t h = 0; h < phase_count(conv->in_h, conv->stride_h); h++)
        for (int32_t v = 0; v < phase_count(conv->in_w, conv->stride_w); v++) {
            struct phase phase;
            if (phase_at(conv, h, v, &phase))
                phase_backward(conv, &phase, n, w, dy, dx, accumulate, scratch);
        }
}

size_t im2col_way_scratch_floats(const struct convolution *conv)
{
    /* forward: a tile, and its sums where the residual is y */
    size_t most = im2col_scratch_floats(conv) + im2col_tile_pixels(conv) * (size_t)conv->out_c;
    for (int32_t h = 0; h < phase_count(conv->in_h, conv->stride_h); h++)
        for (int32_t v = 0; v < phase_count(conv->in_w, conv->stride_w); v++) {
            struct phase phase;
            if (!phase_at(conv, h, v, &phase))
                continue;
            size_t results = im2col_tile_pixels(&phase.conv) * (size_t)conv->in_c;
            size_t floats = whole_lines(phase_weight_floats(&phase)) +
                            whole_lines(im2col_scratch_floats(&phase.conv)) + results;
            most = floats > most ? floats : most;
        }
    return most;
}
