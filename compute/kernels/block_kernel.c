/* The kernel of block_product.h, compiled once for the build's architecture and, on x86-64, once more for
 * AVX-512; BLOCK_PRODUCT is the name of the function here.
 *
 * Loop nest, from the outside:
 *   panels of columns   one, or two side by side with AVX-512: b's part of one stays in cache over
 *   images, lines       all of these,
 *   blocks of rows      whose sums are in registers over
 *   batches, segments,
 *   depth               all of these: load a row of b's panels, multiply it with one float of each row of a.
 *
 * Sizes: a core starts two fused multiply-adds a cycle and each takes four, so at least eight sums must be
 * under way; each row costs a load of a's float, each step a load of b's vectors, and two loads a cycle are
 * all there are. AVX2 has 16 registers: 6 rows × 2 vectors = 12 sums, 2 of b, 1 of a. AVX-512 has 32:
 * 12 rows × 2 = 24 sums, 2 of b. Rows are shared out evenly among blocks, 32 as 11 + 11 + 10. */
#include "compute/kernels/block_product.h"

#include <stdint.h>

#if defined(__AVX__)
#    include <immintrin.h>
#endif

#if defined(__AVX512F__)
enum { VECTOR = 16, MOST_PANELS = 2, MOST_ROWS = 12 };
#elif defined(__AVX__)
enum { VECTOR = 8, MOST_PANELS = 1, MOST_ROWS = 6 };
#else
enum { VECTOR = 4, MOST_PANELS = 1, MOST_ROWS = 6 };
#endif
enum { PANEL_VECTORS = BLOCK_PANEL / VECTOR, MOST_VECTORS = MOST_PANELS * PANEL_VECTORS };

typedef float vector __attribute__((vector_size(VECTOR * sizeof(float))));
/* The same at any address, in an array of floats. */
typedef float loose_vector
    __attribute__((vector_size(VECTOR * sizeof(float)), aligned(sizeof(float)), may_alias));

/* Loops over sums must vanish, or the sums would not be in registers. With a sanitizer's check at every
 * access, all that unrolled and inlined code would take the compiler minutes. */
#if defined(FACET_SANITIZED)
#    define UNROLL
#    define INLINE static
#else
#    if defined(__clang__)
#        define UNROLL _Pragma("clang loop unroll(full)")
#    else
#        define UNROLL _Pragma("GCC unroll 16")
#    endif
#    define INLINE static inline __attribute__((always_inline))
#endif

/* The first `count` floats of the sums, 0 < count < VECTOR, added to what is there or put in its place. */
INLINE void store_part(float *at, vector sum, ptrdiff_t count, bool accumulate)
{
#if defined(__AVX512F__)
    const __mmask16 mask = (__mmask16)((1U << count) - 1);
    if (accumulate)
        sum += (vector)_mm512_maskz_loadu_ps(mask, at);
    _mm512_mask_storeu_ps(at, mask, (__m512)sum);
#elif defined(__AVX__)
    static const int32_t lanes[2 * VECTOR] = {-1, -1, -1, -1, -1, -1, -1, -1};
    const __m256i mask = _mm256_loadu_si256((const __m256i *)(const void *)(lanes + VECTOR - count));
    if (accumulate)
        sum += (vector)_mm256_maskload_ps(at, mask);
    _mm256_maskstore_ps(at, mask, (__m256)sum);
#else
    for (ptrdiff_t j = 0; j < count; j++)
        at[j] = accumulate ? at[j] + sum[j] : sum[j];
#endif
}

INLINE void store(float *at, vector sum, bool accumulate)
{
    if (accumulate)
        sum += *(const loose_vector *)at;
    *(loose_vector *)at = sum;
}

/* Inlined with each number of rows and panels as constants, and whether the columns are fewer than the
 * panels have. */
INLINE void block(const struct block_product *p, const int rows, const int panels, const bool part,
                  const ptrdiff_t columns, const float *a, const float *b, float *c)
{
    const int vectors = panels * PANEL_VECTORS;
    const ptrdiff_t a_row = p->a.row, a_column = p->a.column, b_row = p->b.row, b_panel = p->b.panel;
    vector sum[MOST_ROWS][MOST_VECTORS];
    UNROLL for (int i = 0; i < rows; i++)
    {
        UNROLL for (int v = 0; v < vectors; v++)
        {
            sum[i][v] = (vector){0};
        }
    }
    for (ptrdiff_t batch = 0; batch < p->batches; batch++)
        for (ptrdiff_t segment = 0; segment < p->segments; segment++) {
            /* Four rows share a pointer: their addresses take three registers instead of four. */
            const float *a0 = a + batch * p->a.batch + segment * p->a.segment;
            const float *a4 = rows > 4 ? a0 + 4 * a_row : a0, *a8 = rows > 8 ? a0 + 8 * a_row : a0;
            const float *right = b + batch * p->b.batch + segment * p->b.segment;
            for (ptrdiff_t l = 0; l < p->depth; l++) {
                vector row[MOST_VECTORS];
                UNROLL for (int v = 0; v < vectors; v++)
                {
                    row[v] = *(const loose_vector *)(right + v / PANEL_VECTORS * b_panel +
                                                     v % PANEL_VECTORS * VECTOR);
                }
                UNROLL for (int i = 0; i < rows; i++)
                {
                    const float left = (i < 4 ? a0 : i < 8 ? a4 : a8)[i % 4 * a_row];
                    UNROLL for (int v = 0; v < vectors; v++)
                    {
                        sum[i][v] += left * row[v];
                    }
                }
                a0 += a_column;
                a4 += a_column;
                a8 += a_column;
                right += b_row;
            }
        }
    UNROLL for (int i = 0; i < rows; i++)
    {
        UNROLL for (int v = 0; v < vectors; v++)
        {
            float *at = c + i * p->c.row + v * VECTOR;
            if (!part || columns >= (v + 1) * VECTOR)
                store(at, sum[i][v], p->accumulate);
            else if (columns > v * VECTOR)
                store_part(at, sum[i][v], columns - v * VECTOR, p->accumulate);
        }
    }
}

#define ROWS(count)                                                                                          \
    case count:                                                                                              \
        block(p, count, panels, part, columns, a, b, c);                                                     \
        break;

INLINE void block_of_rows(const struct block_product *p, ptrdiff_t rows, const int panels, const bool part,
                          const ptrdiff_t columns, const float *a, const float *b, float *c)
{
    switch (rows) {
        ROWS(1)
        ROWS(2)
        ROWS(3)
        ROWS(4)
        ROWS(5)
        ROWS(6)
#if defined(__AVX512F__)
        ROWS(7) ROWS(8) ROWS(9) ROWS(10) ROWS(11) ROWS(12)
#endif
    }
}

/* All rows of one line. */
INLINE void line_of_blocks(const struct block_product *p, const int panels, const bool part,
                           const ptrdiff_t columns, const float *a, const float *b, float *c)
{
    ptrdiff_t blocks = (p->rows + MOST_ROWS - 1) / MOST_ROWS;
    for (ptrdiff_t left = p->rows; blocks > 0; blocks--) {
        ptrdiff_t rows = left / blocks;
        block_of_rows(p, rows, panels, part, columns, a, b, c);
        a += rows * p->a.row;
        c += rows * p->c.row;
        left -= rows;
    }
}

void BLOCK_PRODUCT(const struct block_product *p)
{
    for (ptrdiff_t done = 0, width; done < p->columns; done += width * BLOCK_PANEL) {
        ptrdiff_t left = p->columns - done;
        width = left > (MOST_PANELS - 1) * BLOCK_PANEL ? MOST_PANELS : 1;
        const float *b = p->b.data + done / BLOCK_PANEL * p->b.panel;
        bool part = left < width * BLOCK_PANEL;
        for (ptrdiff_t image = 0; image < p->images; image++)
            for (ptrdiff_t line = 0; line < p->lines; line++) {
                const float *a = p->a.data + image * p->a.image + line * p->a.line;
                float *c = p->c.data + image * p->c.image + line * p->c.line + done;
                if (width == MOST_PANELS && !part)
                    line_of_blocks(p, MOST_PANELS, false, left, a, b, c);
                else if (width == MOST_PANELS)
                    line_of_blocks(p, MOST_PANELS, true, left, a, b, c);
                else if (!part)
                    line_of_blocks(p, 1, false, left, a, b, c);
                else
                    line_of_blocks(p, 1, true, left, a, b, c);
            }
    }
}
