/* One convolution by Facet's engine, for comparing with another framework's: usage
 *
 *   convolve N H W C K KERNEL STRIDE PADDING < x,w > y
 *
 * with x (N, H, W, C), w (KERNEL, KERNEL, C, K) and y (N, out, out, K) as raw float32 of this machine. */
#include <stdio.h>
#include <stdlib.h>

#include "compute/base/memory.h"
#include "compute/kernels/convolution.h"

enum { ARGUMENTS = 8, LARGEST = 4096 };

/* Reads `count` floats from standard input into a new array. */
static float *read_floats(size_t count)
{
    float *values = NULL;
    if (memory_allocate(&values, count, sizeof *values, "a tensor") == STATUS_OK &&
        fread(values, sizeof *values, count, stdin) != count)
        memory_free(&values);
    return values;
}

static int32_t out_size(int32_t in, int32_t kernel, int32_t stride, int32_t padding)
{
    return (in + 2 * padding - kernel) / stride + 1;
}

static int convolve(int32_t n, const struct convolution *conv)
{
    size_t x_count = (size_t)n * (size_t)conv->in_h * (size_t)conv->in_w * (size_t)conv->in_c;
    size_t w_count =
        (size_t)conv->kernel_h * (size_t)conv->kernel_w * (size_t)conv->in_c * (size_t)conv->out_c;
    size_t y_count = (size_t)n * (size_t)conv->out_h * (size_t)conv->out_w * (size_t)conv->out_c;
    float *x = read_floats(x_count), *w = read_floats(w_count), *y = NULL, *scratch = NULL;
    int code = EXIT_FAILURE;
    if (x == NULL || w == NULL || memory_allocate(&y, y_count, sizeof *y, "the result") != STATUS_OK ||
        memory_allocate(&scratch, convolution_scratch_floats(conv), sizeof *scratch, "scratch") != STATUS_OK)
        goto done;
    convolution_forward(conv, n, x, w, NULL, y, scratch);
    if (fwrite(y, sizeof *y, y_count, stdout) == y_count && fflush(stdout) == 0)
        code = EXIT_SUCCESS;
done:
    memory_free(&x);
    memory_free(&w);
    memory_free(&y);
    memory_free(&scratch);
    return code;
}

int main(int argc, char **argv)
{
    int32_t given[ARGUMENTS];
    if (argc != ARGUMENTS + 1) {
        fputs("usage: convolve N H W C K KERNEL STRIDE PADDING < x,w > y\n", stderr);
        return 2;
    }
    for (int i = 0; i < ARGUMENTS; i++) {
        char *end = NULL;
        long value = strtol(argv[i + 1], &end, 10);
        if (end == argv[i + 1] || *end != '\0' || value < (i == ARGUMENTS - 1 ? 0 : 1) || value > LARGEST) {
            fprintf(stderr, "convolve: '%s' given, expected a whole number up to %d\n", argv[i + 1], LARGEST);
            return 2;
        }
        given[i] = (int32_t)value;
    }
    int32_t h = given[1], w = given[2], kernel = given[5], stride = given[6], padding = given[7];
    if (kernel > h + 2 * padding || kernel > w + 2 * padding) {
        fputs("convolve: the kernel is larger than the padded image\n", stderr);
        return 2;
    }
    const struct convolution conv = {.in_h = h,
                                     .in_w = w,
                                     .in_c = given[3],
                                     .out_h = out_size(h, kernel, stride, padding),
                                     .out_w = out_size(w, kernel, stride, padding),
                                     .out_c = given[4],
                                     .kernel_h = kernel,
                                     .kernel_w = kernel,
                                     .stride_h = stride,
                                     .stride_w = stride,
                                     .pad_top = padding,
                                     .pad_left = padding,
                                     .pad_bottom = padding,
                                     .pad_right = padding,
                                     .dilation_h = 1,
                                     .dilation_w = 1,
                                     .groups = 1};
    return convolve(given[0], &conv);
}
