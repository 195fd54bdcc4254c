#include <stdint.h>
#include <time.h>

#include "compute/base/memory.h"
#include "compute/kernels/convolution_way.h"

/* Tensors of one convolution of n images; x, w and dy are zeros, which take as long as anything else. */
struct tensors {
    float *x, *w, *y, *dx, *dw, *scratch;
};

static void tensors_free(struct tensors *t)
{
    memory_free(&t->x);
    memory_free(&t->w);
    memory_free(&t->y);
    memory_free(&t->dx);
    memory_free(&t->dw);
    memory_free(&t->scratch);
}

/* Sets *t, scratch large enough for every way. On failure frees what it has. */
static enum status tensors_allocate(const struct convolution *conv, int32_t n, struct tensors *t)
{
    const char *what = "the tensors of a convolution to be measured";
    size_t in = (size_t)n * (size_t)conv->in_h * (size_t)conv->in_w * (size_t)conv->in_c;
    size_t out = (size_t)n * (size_t)conv->out_h * (size_t)conv->out_w * (size_t)conv->out_c;
    size_t weights = (size_t)conv->kernel_h * (size_t)conv->kernel_w * (size_t)(conv->in_c / conv->groups) *
                     (size_t)conv->out_c;
    size_t scratch = 0;
    for (int way = CONVOLUTION_AUTO; way < CONVOLUTION_WAY_COUNT; way++) {
        convolution_force((enum convolution_way)way);
        size_t floats = convolution_scratch_floats(conv);
        scratch = floats > scratch ? floats : scratch;
    }
    convolution_force(CONVOLUTION_AUTO);
    *t = (struct tensors){0};
    enum status status = memory_allocate(&t->x, in, sizeof *t->x, what);
    if (status == STATUS_OK)
        status = memory_allocate(&t->w, weights, sizeof *t->w, what);
    if (status == STATUS_OK)
        status = memory_allocate(&t->y, out, sizeof *t->y, what);
    if (status == STATUS_OK)
        status = memory_allocate(&t->dx, in, sizeof *t->dx, what);
    if (status == STATUS_OK)
        status = memory_allocate(&t->dw, weights, sizeof *t->dw, what);
    if (status == STATUS_OK)
        status = memory_allocate(&t->scratch, scratch, sizeof *t->scratch, what);
    if (status != STATUS_OK)
        tensors_free(t);
    return status;
}

static void run_step(const struct convolution *conv, int32_t n, enum convolution_step step,
                     const struct tensors *t)
{
    if (step == CONVOLUTION_FORWARD)
        convolution_forward(conv, n, t->x, t->w, NULL, t->y, t->scratch);
    else if (step == CONVOLUTION_WEIGHTS)
        convolution_backward_weights(conv, n, t->x, t->y, t->dw, NULL, t->scratch);
    else
        convolution_backward_data(conv, n, t->w, t->y, t->dx, false, t->scratch);
}

static double step_seconds(const struct convolution *conv, int32_t n, enum convolution_step step,
                           const struct tensors *t)
{
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    run_step(conv, n, step, t);
    clock_gettime(CLOCK_MONOTONIC, &to);
    return (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
}

/* The shortest of several times of each way, taken in turn: what disturbs one disturbs the others too. */
static enum convolution_way fastest(const struct convolution *conv, int32_t n, enum convolution_step step,
                                    const struct tensors *t)
{
    enum { ROUNDS = 10 };
    double best[CONVOLUTION_WAY_COUNT] = {0};
    enum convolution_way winner = CONVOLUTION_IM2COL;
    for (int round = 0; round < ROUNDS; round++)
        for (int way = CONVOLUTION_IM2COL; way < CONVOLUTION_WAY_COUNT; way++) {
            if (!convolution_way_applies((enum convolution_way)way, conv))
                continue;
            convolution_force((enum convolution_way)way);
            double seconds = step_seconds(conv, n, step, t);
            best[way] = round == 0 || seconds < best[way] ? seconds : best[way];
        }
    convolution_force(CONVOLUTION_AUTO);
    for (int way = CONVOLUTION_IM2COL; way < CONVOLUTION_WAY_COUNT; way++)
        if (convolution_way_applies((enum convolution_way)way, conv) && best[way] < best[winner])
            winner = (enum convolution_way)way;
    return winner;
}

enum status convolution_tune(const struct convolution *conv, int32_t n, struct convolution_plan_entry *entry)
{
    struct tensors t;
    enum status status = tensors_allocate(conv, n, &t);
    if (status != STATUS_OK)
        return status;
    *entry = (struct convolution_plan_entry){.conv = *conv};
    for (int step = 0; step < CONVOLUTION_STEP_COUNT; step++)
        entry->ways[step] = fastest(conv, n, (enum convolution_step)step, &t);
    tensors_free(&t);
    return STATUS_OK;
}
