#include "compute/kernels/convolution.h"

#include "compute/kernels/convolution_direct.h"
#include "compute/kernels/convolution_im2col.h"
#include "compute/kernels/convolution_way.h"
#include "compute/kernels/depthwise.h"
#include "compute/kernels/reduce.h"

void convolution_forward(const struct convolution *conv, int32_t n, const float *x, const float *w,
                         const struct convolution_epilogue *epilogue, float *y, float *scratch)
{
    if (is_depthwise(conv))
        depthwise_forward(conv, n, x, w, epilogue, y, scratch);
    else if (convolution_choose(conv, CONVOLUTION_FORWARD) == CONVOLUTION_DIRECT)
        direct_forward(conv, n, x, w, epilogue, y, scratch);
    else
        im2col_forward(conv, n, x, w, epilogue, y, scratch);
}

void convolution_backward_weights(const struct convolution *conv, int32_t n, const float *x, const float *dy,
                                  float *dw, float *dbias, float *scratch)
{
    if (is_depthwise(conv))
        depthwise_backward_weights(conv, n, x, dy, dw, scratch);
    else if (convolution_choose(conv, CONVOLUTION_WEIGHTS) == CONVOLUTION_DIRECT)
        direct_backward_weights(conv, n, x, dy, dw, scratch);
    else
        im2col_backward_weights(conv, n, x, dy, dw, scratch);
    if (dbias != NULL)
        column_sums((size_t)n * (size_t)conv->out_h * (size_t)conv->out_w, (size_t)conv->out_c, dy, 1.0,
                    dbias);
}

void convolution_backward_data(const struct convolution *conv, int32_t n, const float *w, const float *dy,
                               float *dx, bool accumulate, float *scratch)
{
    if (is_depthwise(conv))
        depthwise_backward_data(conv, n, w, dy, dx, accumulate);
    else if (convolution_choose(conv, CONVOLUTION_DATA) == CONVOLUTION_DIRECT)
        direct_backward_data(conv, n, w, dy, dx, accumulate, scratch);
    else
        im2col_backward_data(conv, n, w, dy, dx, accumulate, scratch);
}

size_t convolution_scratch_floats(const struct convolution *conv)
{
    if (is_depthwise(conv))
        return depthwise_scratch_floats(conv);
    size_t most = 0;
    for (int step = 0; step < CONVOLUTION_STEP_COUNT; step++) {
        size_t floats = convolution_choose(conv, (enum convolution_step)step) == CONVOLUTION_DIRECT
                            ? direct_scratch_floats(conv)
                            : im2col_way_scratch_floats(conv);
        most = floats > most ? floats : most;
    }
    return most;
}
