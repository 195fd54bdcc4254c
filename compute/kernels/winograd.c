#include "compute/kernels/winograd.h"

#include <string.h>

#include "compute/kernels/axis.h"
#include "compute/kernels/block_product.h"
#include "compute/kernels/elementwise.h"
#include "compute/kernels/epilogue.h"
#include "compute/kernels/phase.h"
#include "compute/kernels/winograd_transform.h"

/* Loop nest: kernels are transformed once a call. Then, for chunks of rows of tiles (numbered through all
 * images):
 *   tiles, blocks of 8 channels     image (and dy) to the transformed domain
 *   α² positions                    product [tiles × C]·[C × K], or [C × tiles]·[tiles × K] for dw
 *   tiles, blocks of 8 channels     sums back to output pixels, and the epilogue on them
 *
 * A chunk's transforms should stay in the second-level cache (CHUNK_FLOATS, 256 KiB), but have LEAST_TILES
 * tiles, two blocks of rows of block_kernel.c: each position's C×K kernels are read from further away for
 * every chunk. */
enum { CHUNK_FLOATS = 64 * 1024, LEAST_TILES = 24, LANES = WINOGRAD_LANES };

bool winograd_applies(const struct convolution *conv)
{
    return conv->kernel_h == 3 && conv->kernel_w == 3 && conv->stride_h == 1 && conv->stride_w == 1 &&
           conv->dilation_h == 1 && conv->dilation_w == 1 && conv->groups == 1;
}

/* Sizes that follow from the shape. Transformed values are kept position by position. */
struct sizes {
    int m, alpha, positions;
    ptrdiff_t c, k;                     /* channels, rounded up to whole vectors and panels */
    ptrdiff_t tiles_h, tiles_w;         /* of an image */
    ptrdiff_t chunk_rows;               /* rows of tiles of a chunk */
    ptrdiff_t images, results, kernels; /* floats of a position: transformed x, sums (or dy), w */
};

static ptrdiff_t round_up(ptrdiff_t value, ptrdiff_t unit)
{
    return (value + unit - 1) / unit * unit;
}

static struct sizes sizes_of(const struct convolution *conv, int m)
{
    struct sizes s = {.m = m, .alpha = m + 2, .positions = (m + 2) * (m + 2)};
    s.c = round_up(conv->in_c, LANES);
    s.k = round_up(conv->out_c, BLOCK_PANEL);
    s.tiles_h = ((ptrdiff_t)conv->out_h + m - 1) / m;
    s.tiles_w = ((ptrdiff_t)conv->out_w + m - 1) / m;
    ptrdiff_t tile_floats = s.positions * (s.c + s.k), tiles = CHUNK_FLOATS / tile_floats;
    s.chunk_rows = axis_clamp((tiles > LEAST_TILES ? tiles : LEAST_TILES) / s.tiles_w, 1, PTRDIFF_MAX);
    tiles = s.chunk_rows * s.tiles_w;
    /* A cache line between positions: at a stride of a power of two all would fall into one set. */
    s.images = tiles * s.c + BLOCK_PANEL;
    s.results = tiles * s.k + BLOCK_PANEL;
    s.kernels = conv->in_c * s.k + BLOCK_PANEL;
    return s;
}

/* Rows of tiles from `first` on, of all images. */
struct chunk {
    ptrdiff_t first, rows;
};

/* Where a tile is: its image, and its first output pixel. */
struct place {
    ptrdiff_t image, p, q;
};

static struct place place_of(const struct sizes *s, struct chunk chunk, ptrdiff_t tile)
{
    ptrdiff_t row = chunk.first + tile / s->tiles_w;
    return (struct place){row / s->tiles_h, row % s->tiles_h * s->m, tile % s->tiles_w * s->m};
}

/* A box of pixels of an image, which may reach outside. */
struct box {
    ptrdiff_t h, w;      /* of the image */
    ptrdiff_t c;         /* channels of a pixel */
    ptrdiff_t top, left; /* of the box */
    ptrdiff_t size;      /* α or m: it is square */
};

/* The box with all its channels, pixels a whole number of vectors apart; what lies outside the image is 0.
 * Lanes beyond the channels are left as they are: they become columns that no product reads. */
static void copy_box(const struct box *box, const float *image, float *dst)
{
    struct span rows = axis_inside((struct span){0, box->size}, box->h, box->top, 1);
    struct span columns = axis_inside((struct span){0, box->size}, box->w, box->left, 1);
    ptrdiff_t pixel = round_up(box->c, LANES), row = box->size * pixel;
    ptrdiff_t width = columns.last - columns.first;
    memset(dst, 0, (size_t)(rows.first * row) * sizeof *dst);
    memset(dst + rows.last * row, 0, (size_t)((box->size - rows.last) * row) * sizeof *dst);
    for (ptrdiff_t i = rows.first; i < rows.last; i++) {
        const float *src = image + ((box->top + i) * box->w + box->left + columns.first) * box->c;
        float *to = dst + i * row;
        memset(to, 0, (size_t)(columns.first * pixel) * sizeof *to);
        memset(to + columns.last * pixel, 0, (size_t)((box->size - columns.last) * pixel) * sizeof *to);
        to += columns.first * pixel;
        if (pixel == box->c) /* neighbours in both */
            memcpy(to, src, (size_t)(width * pixel) * sizeof *to);
        else
            copy_rows((size_t)width, (size_t)box->c, src, (size_t)box->c, to, (size_t)pixel, false);
    }
}

typedef void transform(int m, ptrdiff_t channels, struct winograd_source from, struct winograd_target to);

/* All channels of a box of an image to row `row` of every position; `copy` has room for the box. */
static void box_forward(const struct sizes *s, transform *apply, const struct box *box, const float *image,
                        ptrdiff_t position_floats, float *row, float *copy)
{
    struct winograd_source from = {image + (box->top * box->w + box->left) * box->c, box->w * box->c, box->c};
    if (box->top < 0 || box->left < 0 || box->top + box->size > box->h || box->left + box->size > box->w ||
        box->c % LANES != 0) {
        copy_box(box, image, copy);
        ptrdiff_t pixel = round_up(box->c, LANES);
        from = (struct winograd_source){copy, box->size * pixel, pixel};
    }
    struct winograd_target to = {row, s->alpha * position_floats, position_floats};
    apply(s->m, box->c, from, to);
}

/* Bᵀ d B of the chunk's tiles. */
static void transform_images(const struct convolution *conv, const struct sizes *s, struct chunk chunk,
                             const float *x, float *images, float *copy)
{
    ptrdiff_t image_floats = (ptrdiff_t)conv->in_h * conv->in_w * conv->in_c;
    for (ptrdiff_t tile = 0; tile < chunk.rows * s->tiles_w; tile++) {
        struct place at = place_of(s, chunk, tile);
        struct box box = {conv->in_h, conv->in_w, conv->in_c, at.p - conv->pad_top, at.q - conv->pad_left,
                          s->alpha};
        box_forward(s, winograd_image, &box, x + at.image * image_floats, s->images, images + tile * s->c,
                    copy);
    }
}

/* A dy Aᵀ of the chunk's tiles. */
static void transform_gradients(const struct convolution *conv, const struct sizes *s, struct chunk chunk,
                                const float *dy, float *results, float *copy)
{
    ptrdiff_t image_floats = (ptrdiff_t)conv->out_h * conv->out_w * conv->out_c;
    for (ptrdiff_t tile = 0; tile < chunk.rows * s->tiles_w; tile++) {
        struct place at = place_of(s, chunk, tile);
        struct box box = {conv->out_h, conv->out_w, conv->out_c, at.p, at.q, s->m};
        box_forward(s, winograd_gradient, &box, dy + at.image * image_floats, s->results,
                    results + tile * s->k, copy);
    }
}

/* Up to LANES channels of w (3, 3, C, K) at (c, k), as vectors in `dst`. */
static void gather_kernel(const struct convolution *conv, const float *w, ptrdiff_t c, ptrdiff_t k,
                          float *dst)
{
    ptrdiff_t width = conv->out_c - k < LANES ? conv->out_c - k : LANES;
    for (ptrdiff_t tap = 0; tap < 9; tap++) {
        const float *src = w + (tap * conv->in_c + c) * conv->out_c + k;
        for (ptrdiff_t lane = 0; lane < LANES; lane++)
            dst[tap * LANES + lane] = lane < width ? src[lane] : 0.0F;
    }
}

/* Transformed kernels: for each position panels of output channels (block_product.h), in each C rows. */
static void transform_kernels(const struct convolution *conv, const struct sizes *s, const float *w,
                              float *kernels)
{
    const ptrdiff_t row = conv->out_c, tap = conv->in_c * row;
    for (ptrdiff_t k = 0; k < s->k; k += LANES)
        for (ptrdiff_t c = 0; c < conv->in_c; c++) {
            float taps[9 * LANES];
            struct winograd_source from = {w + c * row + k, 3 * tap, tap};
            if (k + LANES > conv->out_c) {
                gather_kernel(conv, w, c, k, taps);
                from = (struct winograd_source){taps, 3 * LANES, LANES};
            }
            float *to =
                kernels + k / BLOCK_PANEL * BLOCK_PANEL * conv->in_c + c * BLOCK_PANEL + k % BLOCK_PANEL;
            winograd_kernel(s->m, LANES, from,
                            (struct winograd_target){to, s->alpha * s->kernels, s->kernels});
        }
}

/* Sums of a position: [tiles × C]·[C × K]. */
static void multiply(const struct convolution *conv, const struct sizes *s, struct chunk chunk,
                     const float *images, const float *kernels, float *results)
{
    for (ptrdiff_t position = 0; position < s->positions; position++) {
        const struct block_product product = {
            .images = 1,
            .lines = 1,
            .rows = chunk.rows * s->tiles_w,
            .columns = s->k,
            .batches = 1,
            .segments = 1,
            .depth = conv->in_c,
            .a = {.data = images + position * s->images, .row = s->c, .column = 1},
            .b = {.data = kernels + position * s->kernels,
                  .panel = conv->in_c * BLOCK_PANEL,
                  .row = BLOCK_PANEL},
            .c = {.data = results + position * s->results, .row = s->k}};
        block_product_run(&product);
    }
}

/* `lanes` ≤ LANES channels of a pixel; whole vectors where it is LANES. */
static void store_pixel(const float *src, ptrdiff_t lanes, bool accumulate, float *dst)
{
    if (lanes < LANES) {
        copy_or_add((size_t)lanes, src, dst, accumulate);
        return;
    }
    for (ptrdiff_t lane = 0; lane < LANES; lane++)
        dst[lane] = accumulate ? dst[lane] + src[lane] : src[lane];
}

/* Output pixels of a tile: Aᵀ s A to where y(p, q) is, for those of its m×m pixels that exist. */
static void store_tile(const struct convolution *conv, const struct sizes *s, const struct place *at,
                       const float *row, float *y, bool accumulate)
{
    ptrdiff_t k = conv->out_c, height = conv->out_h - at->p < s->m ? conv->out_h - at->p : s->m;
    ptrdiff_t width = conv->out_w - at->q < s->m ? conv->out_w - at->q : s->m;
    if (height == s->m && width == s->m && k % LANES == 0 && !accumulate) {
        winograd_result(s->m, k, (struct winograd_source){row, s->alpha * s->results, s->results},
                        (struct winograd_target){y, conv->out_w * k, k});
        return;
    }
    for (ptrdiff_t from = 0; from < k; from += LANES) {
        struct winograd_source sums = {row + from, s->alpha * s->results, s->results};
        float pixels[4 * 4 * LANES];
        ptrdiff_t lanes = k - from < LANES ? k - from : LANES;
        winograd_result(s->m, LANES, sums, (struct winograd_target){pixels, s->m * LANES, LANES});
        for (ptrdiff_t i = 0; i < height; i++)
            for (ptrdiff_t j = 0; j < width; j++)
                store_pixel(pixels + (i * s->m + j) * LANES, lanes, accumulate,
                            y + (i * conv->out_w + j) * k + from);
    }
}

/* Sums of one row of tiles to its rows of y, or to `sums` where y still holds the residual. */
static void store_row(const struct convolution *conv, const struct sizes *s, struct chunk chunk,
                      ptrdiff_t row, const float *results, const struct convolution_epilogue *epilogue,
                      float *y, bool accumulate, float *sums)
{
    struct place at = place_of(s, chunk, row * s->tiles_w);
    ptrdiff_t k = conv->out_c, first = (at.image * conv->out_h + at.p) * conv->out_w;
    ptrdiff_t height = conv->out_h - at.p < s->m ? conv->out_h - at.p : s->m;
    float *rows = epilogue_reads(epilogue, y) ? sums : y + first * k;
    for (ptrdiff_t tile = row * s->tiles_w; tile < (row + 1) * s->tiles_w; tile++) {
        at = place_of(s, chunk, tile);
        store_tile(conv, s, &at, results + tile * s->k, rows + at.q * k, accumulate);
    }
    if (epilogue != NULL)
        epilogue_apply(epilogue, (size_t)first, (size_t)(height * conv->out_w), (size_t)k, rows, y);
}

/* Scratch: kernels, images, results, the sums of a row of tiles, the copy of a box; dx: its
 * arranged weights behind them. */
struct parts {
    float *kernels, *images, *results, *sums, *copy, *arranged;
};

static struct parts parts_of(const struct convolution *conv, const struct sizes *s, float *scratch)
{
    struct parts parts;
    parts.kernels = scratch;
    parts.images = parts.kernels + s->positions * s->kernels;
    parts.results = parts.images + s->positions * s->images;
    parts.sums = parts.results + s->positions * s->results;
    parts.copy = parts.sums + (ptrdiff_t)s->m * conv->out_w * conv->out_c;
    parts.arranged = parts.copy + s->positions * (s->c > s->k ? s->c : s->k);
    return parts;
}

static struct chunk chunk_at(const struct sizes *s, ptrdiff_t first, ptrdiff_t rows)
{
    return (struct chunk){first, rows - first < s->chunk_rows ? rows - first : s->chunk_rows};
}

static void convolve(const struct convolution *conv, int m, int32_t n, const float *x, const float *w,
                     const struct convolution_epilogue *epilogue, float *y, bool accumulate, float *scratch)
{
    const struct sizes s = sizes_of(conv, m);
    struct parts parts = parts_of(conv, &s, scratch);
    transform_kernels(conv, &s, w, parts.kernels);
    for (ptrdiff_t first = 0; first < n * s.tiles_h; first += s.chunk_rows) {
        struct chunk chunk = chunk_at(&s, first, n * s.tiles_h);
        transform_images(conv, &s, chunk, x, parts.images, parts.copy);
        multiply(conv, &s, chunk, parts.images, parts.kernels, parts.results);
        for (ptrdiff_t row = 0; row < chunk.rows; row++)
            store_row(conv, &s, chunk, row, parts.results, epilogue, y, accumulate, parts.sums);
    }
}

void winograd_forward(const struct convolution *conv, int m, int32_t n, const float *x, const float *w,
                      const struct convolution_epilogue *epilogue, float *y, float *scratch)
{
    convolve(conv, m, n, x, w, epilogue, y, false, scratch);
}

void winograd_backward_data(const struct convolution *conv, int m, int32_t n, const float *w, const float *dy,
                            float *dx, bool accumulate, float *scratch)
{
    struct phase phase;
    if (!phase_at(conv, 0, 0, &phase))
        return; /* no pixels: a 3×3 kernel at stride 1 reaches all there are */
    const struct sizes s = sizes_of(&phase.conv, m);
    float *arranged = parts_of(&phase.conv, &s, scratch).arranged;
    phase_weights(conv, &phase, w, arranged);
    convolve(&phase.conv, m, n, dy, arranged, NULL, dx, accumulate, scratch);
}

/* Sums of a position over tiles: [C × tiles]·[tiles × K], added to what earlier chunks gave. */
static void multiply_transposed(const struct convolution *conv, const struct sizes *s, struct chunk chunk,
                                const float *images, const float *results, float *kernels)
{
    for (ptrdiff_t position = 0; position < s->positions; position++) {
        const struct block_product product = {
            .images = 1,
            .lines = 1,
            .rows = conv->in_c,
            .columns = s->k,
            .batches = 1,
            .segments = 1,
            .depth = chunk.rows * s->tiles_w,
            .a = {.data = images + position * s->images, .row = 1, .column = s->c},
            .b = {.data = results + position * s->results, .panel = BLOCK_PANEL, .row = s->k},
            .c = {.data = kernels + position * s->kernels, .row = s->k},
            .accumulate = chunk.first > 0};
        block_product_run(&product);
    }
}

/* dw (3, 3, C, K) = Gᵀ s G of the sums of all tiles. */
static void store_kernels(const struct convolution *conv, const struct sizes *s, const float *kernels,
                          float *dw)
{
    ptrdiff_t k = conv->out_c, taps = conv->in_c * k;
    for (ptrdiff_t c = 0; c < conv->in_c; c++) {
        ptrdiff_t whole = k / LANES * LANES;
        float *dst = dw + c * k, rest[9 * LANES];
        struct winograd_source sums = {kernels + c * s->k, s->alpha * s->kernels, s->kernels};
        winograd_kernel_gradient(s->m, whole, sums, (struct winograd_target){dst, 3 * taps, taps});
        if (whole == k)
            continue;
        sums.data += whole;
        winograd_kernel_gradient(s->m, LANES, sums, (struct winograd_target){rest, 3 * LANES, LANES});
        copy_rows(9, (size_t)(k - whole), rest, LANES, dst + whole, (size_t)taps, false);
    }
}

void winograd_backward_weights(const struct convolution *conv, int m, int32_t n, const float *x,
                               const float *dy, float *dw, float *scratch)
{
    const struct sizes s = sizes_of(conv, m);
    struct parts parts = parts_of(conv, &s, scratch);
    if (n == 0)
        memset(parts.kernels, 0, (size_t)(s.positions * s.kernels) * sizeof *parts.kernels);
    for (ptrdiff_t first = 0; first < n * s.tiles_h; first += s.chunk_rows) {
        struct chunk chunk = chunk_at(&s, first, n * s.tiles_h);
        transform_images(conv, &s, chunk, x, parts.images, parts.copy);
        transform_gradients(conv, &s, chunk, dy, parts.results, parts.copy);
        multiply_transposed(conv, &s, chunk, parts.images, parts.results, parts.kernels);
    }
    store_kernels(conv, &s, parts.kernels, dw);
}

static size_t sizes_floats(const struct convolution *conv, int m)
{
    const struct sizes s = sizes_of(conv, m);
    ptrdiff_t copy = s.c > s.k ? s.c : s.k;
    return (size_t)(s.positions * (s.kernels + s.images + s.results + copy)) +
           (size_t)m * (size_t)conv->out_w * (size_t)conv->out_c;
}

size_t winograd_scratch_floats(const struct convolution *conv, int m)
{
    size_t forward = sizes_floats(conv, m), data = 0;
    struct phase phase;
    if (phase_at(conv, 0, 0, &phase))
        data = sizes_floats(&phase.conv, m) + phase_weight_floats(&phase);
    return forward > data ? forward : data;
}
