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

/* Channels that are no whole number of registers: LANES pixels are, and scale and shift come from memory,
 * repeated over them. */
enum { FOLDED_CHANNELS = 64 };

struct folded {
    float scale[LANES * FOLDED_CHANNELS], shift[LANES * FOLDED_CHANNELS];
};

/* `width` neighbouring floats from the first of a pixel on. Inlined as block_apply. */
static inline __attribute__((always_inline)) void neighbours_apply(const struct folded *folded, size_t width,
                                                                   const float *sums, const float *residual,
                                                                   bool relu, float *y)
{
#pragma omp simd
    for (size_t j = 0; j < width; j++) {
        float value = folded->scale[j] * sums[j] + folded->shift[j];
        if (residual != NULL)
            value += residual[j];
        y[j] = relu && value <= 0.0F ? 0.0F : value;
    }
}

static void folded_apply(const struct folded *folded, size_t count, size_t k, const float *sums,
                         const float *residual, bool relu, float *y)
{
    for (size_t done = 0; done < count * k; done += LANES * k) {
        size_t width = count * k - done < LANES * k ? count * k - done : LANES * k;
        if (residual != NULL && relu)
            neighbours_apply(folded, width, sums + done, residual + done, true, y + done);
        else if (residual != NULL)
            neighbours_apply(folded, width, sums + done, residual + done, false, y + done);
        else if (relu)
            neighbours_apply(folded, width, sums + done, NULL, true, y + done);
        else
            neighbours_apply(folded, width, sums + done, NULL, false, y + done);
    }
}

/* `width` channels of the epilogue from `from` on. */
static void load_channels(const struct convolution_epilogue *epilogue, size_t from, size_t width,
                          float *scale, float *shift)
{
    for (size_t j = 0; j < width; j++) {
        scale[j] = epilogue->scale != NULL ? epilogue->scale[from + j] : 1.0F;
        shift[j] = epilogue->shift != NULL ? epilogue->shift[from + j] : 0.0F;
    }
}

void epilogue_apply(const struct convolution_epilogue *epilogue, size_t first, size_t count, size_t k,
                    const float *sums, float *y)
{
    y += first * k;
    const float *residual = epilogue->residual != NULL ? epilogue->residual + first * k : NULL;
    if (k % LANES != 0 && k <= FOLDED_CHANNELS) {
        struct folded folded;
        for (size_t pixel = 0; pixel < LANES; pixel++)
            load_channels(epilogue, 0, k, folded.scale + pixel * k, folded.shift + pixel * k);
        folded_apply(&folded, count, k, sums, residual, epilogue->relu, y);
        return;
    }
    for (size_t from = 0; from < k; from += LANES) {
        size_t width = k - from < LANES ? k - from : LANES;
        struct lanes lanes;
        load_channels(epilogue, from, width, lanes.scale, lanes.shift);
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
