#include "compute/kernels/convolution.h"

#include "compute/kernels/convolution_direct.h"
#include "compute/kernels/convolution_im2col.h"
#include "compute/kernels/convolution_way.h"
#include "compute/kernels/depthwise.h"
#include "compute/kernels/reduce.h"
#include "compute/kernels/winograd.h"

/* Of a way that is Winograd's. */
static int tile_size(enum convolution_way way)
{
    return way == CONVOLUTION_WINOGRAD2 ? 2 : 4;
}

void convolution_forward(const struct convolution *conv, int32_t n, const float *x, const float *w,
                         const struct convolution_epilogue *epilogue, float *y, float *scratch)
{
    enum convolution_way way = convolution_choose(conv, CONVOLUTION_FORWARD);
    if (is_depthwise(conv))
        depthwise_forward(conv, n, x, w, epilogue, y, scratch);
    else if (way == CONVOLUTION_IM2COL)
        im2col_forward(conv, n, x, w, epilogue, y, scratch);
    else if (way == CONVOLUTION_DIRECT)
        direct_forward(conv, n, x, w, epilogue, y, scratch);
    else
        winograd_forward(conv, tile_size(way), n, x, w, epilogue, y, scratch);
}

void convolution_backward_weights(const struct convolution *conv, int32_t n, const float *x, const float *dy,
                                  float *dw, float *dbias, float *scratch)
{
    enum convolution_way way = convolution_choose(conv, CONVOLUTION_WEIGHTS);
    if (is_depthwise(conv))
        depthwise_backward_weights(conv, n, x, dy, dw, scratch);
    else if (way == CONVOLUTION_IM2COL)
        im2col_backward_weights(conv, n, x, dy, dw, scratch);
    else if (way == CONVOLUTION_DIRECT)
        direct_backward_weights(conv, n, x, dy, dw, scratch);
    else
        winograd_backward_weights(conv, tile_size(way), n, x, dy, dw, scratch);
    if (dbias != NULL)
        column_sums((size_t)n * (size_t)conv->out_h * (size_t)conv->out_w, (size_t)conv->out_c, dy, 1.0,
                    dbias);
}

void convolution_backward_data(const struct convolution *conv, int32_t n, const float *w, const float *dy,
                               float *dx, bool accumulate, float *scratch)
{
    enum convolution_way way = convolution_choose(conv, CONVOLUTION_DATA);
    if (is_depthwise(conv))
        depthwise_backward_data(conv, n, w, dy, dx, accumulate);
    else if (way == CONVOLUTION_IM2COL)
        im2col_backward_data(conv, n, w, dy, dx, accumulate, scratch);
    else if (way == CONVOLUTION_DIRECT)
        direct_backward_data(conv, n, w, dy, dx, accumulate, scratch);
    else
        winograd_backward_data(conv, tile_size(way), n, w, dy, dx, accumulate, scratch);
}

static size_t way_scratch_floats(const struct convolution *conv, enum convolution_way way)
{
    if (way == CONVOLUTION_IM2COL)
        return im2col_way_scratch_floats(conv);
    if (way == CONVOLUTION_DIRECT)
        return direct_scratch_floats(conv);
    return winograd_scratch_floats(conv, tile_size(way));
}

size_t convolution_scratch_floats(const struct convolution *conv)
{
    if (is_depthwise(conv))
        return depthwise_scratch_floats(conv);
    size_t most = 0;
    for (int step = 0; step < CONVOLUTION_STEP_COUNT; step++) {
        size_t floats = way_scratch_floats(conv, convolution_choose(conv, (enum convolution_step)step));
        most = floats > most ? floats : most;
    }
    return most;
}
