/* Matrix products over operands that stay where they are: nothing is packed, so that they pay where a matrix
 * is too small, or its rows overlap too much, for BLIS to earn back what packing costs: a convolution's
 * 3·16 columns a kernel row, or the products of Winograd's algorithm. The sums of a block of c are held in
 * registers over all of a kernel's rows.
 *
 * Every float of c is one sum in one order (batches, segments, depth), by fused multiply-adds where the build
 * has them, wherever blocks begin and however wide a register is, so the same bytes come out for any grouping
 * of lines and images. */
#ifndef FACET_COMPUTE_KERNELS_BLOCK_PRODUCT_H
#define FACET_COMPUTE_KERNELS_BLOCK_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>

/* Columns of b are read in panels of 16: a vector of AVX-512, two of AVX2, four of NEON. */
enum { BLOCK_PANEL = 16 };

/* For each image and line: c (rows × columns) (+)= Σ over batches and segments of
 * a (rows × depth) · b (depth × columns). Strides are in floats. All of b's last panel is read, also where
 * `columns` ends inside it: it must be there, whatever it holds. */
struct block_product {
    ptrdiff_t images, lines, rows, columns;
    ptrdiff_t batches, segments, depth;
    struct {
        const float *data;
        ptrdiff_t image, line, row, batch, segment, column; /* column: between neighbours along depth */
    } a;
    struct {
        const float *data;
        ptrdiff_t panel, batch, segment, row; /* the same for all images and lines */
    } b;
    struct {
        float *data;
        ptrdiff_t image, line, row; /* columns are neighbours */
    } c;
    bool accumulate; /* c += instead of c = */
};

void block_product_run(const struct block_product *product);

/* One for each processor kind; block_product_run takes the best that the processor has. */
void block_product_base(const struct block_product *product);
#if defined(__x86_64__)
bool block_product_has_avx512(void); /* this processor */
void block_product_avx512(const struct block_product *product);
#endif

#endif
