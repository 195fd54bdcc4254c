#include "compute/kernels/epilogue.h"

/* Channels are taken eight at a time, a vector register, whose scale and shift stay in registers over all
 * pixels of the tile. */
enum { LANES = 8 };

struct lanes {
    float scale[LANES], shift[LANES];
};

/* `width` channels of all pixels, k floats apart. Inlined with each combination of width, residual or not,
 * and relu as constants. */
static inline __attribute__((always_inline)) void block_apply(const struct lanes *lanes, size_t count,
                                                              size_t k, size_t width, const float *sums,
                                                              const float *residual, bool relu, float *y)
{
    for (size_t i = 0; i < count; i++, sums += k, y += k) {
        float value[LANES];
        for (size_t j = 0; j < width; j++)
            value[j] = lanes->scale[j] * sums[j] + lanes->shift[j];
        if (residual != NULL) {
            for (size_t j = 0; j < width; j++)
                value[j] += residual[j];
            residual += k;
        }
        for (size_t j = 0; j < width; j++)
            y[j] =
                relu && value[j] <= 0.0F ? 0.0F : value[j]; /* a comparison with NaN is false: NaN passes */
    }
}

static void whole_block_apply(const struct lanes *lanes, size_t count, size_t k, const float *sums,
                              const float *residual, bool relu, float *y)
{
    if (residual != NULL && relu)
        block_apply(lanes, count, k, LANES, sums, residual, true, y);
    else if (residual != NULL)
        block_apply(lanes, count, k, LANES, sums, residual, false, y);
    else if (relu)
        block_apply(lanes, count, k, LANES, sums, NULL, true, y);
    else
        block_apply(lanes, count, k, LANES, sums, NULL, false, y);
}

void epilogue_apply(const struct convolution_epilogue *epilogue, size_t first, size_t count, size_t k,
                    const float *sums, float *y)
{
    y += first * k;
    const float *residual = epilogue->residual != NULL ? epilogue->residual + first * k : NULL;
    for (size_t from = 0; from < k; from += LANES) {
        size_t width = k - from < LANES ? k - from : LANES;
        struct lanes lanes;
        for (size_t j = 0; j < width; j++) {
            lanes.scale[j] = epilogue->scale != NULL ? epilogue->scale[from + j] : 1.0F;
            lanes.shift[j] = epilogue->shift != NULL ? epilogue->shift[from + j] : 0.0F;
        }
        const float *block_residual = residual != NULL ? residual + from : NULL;
        if (width == LANES)
            whole_block_apply(&lanes, count, k, sums + from, block_residual, epilogue->relu, y + from);
        else
            block_apply(&lanes, count, k, width, sums + from, block_residual, epilogue->relu, y + from);
    }
}

bool epilogue_reads(const struct convolution_epilogue *epilogue, const float *y)
{
    return epilogue != NULL && epilogue->residual == y;
}
