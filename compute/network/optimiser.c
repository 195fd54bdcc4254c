#include "compute/network/optimiser.h"

#include <math.h>
#include <string.h>

/* The step on parameters [first, first + count), shared among the threads of the team that calls it. */
static void step_range(const struct sgd_options *options, float decay, float rate, size_t first, size_t count,
                       const float *gradient, float *parameters, float *velocity)
{
    float momentum = options->momentum;
    bool nesterov = options->nesterov;
#pragma omp for schedule(static) nowait
    for (size_t i = first; i < first + count; i++) {
        float g = gradient[i] + decay * parameters[i];
        float v = momentum * velocity[i] + g;
        velocity[i] = v;
        parameters[i] -= rate * (nesterov ? g + momentum * v : v);
    }
}

void sgd_step(struct network *network, const struct sgd_options *options, float rate, const float *gradient,
              float *velocity)
{
#pragma omp parallel
    for (int32_t i = 0; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        size_t weights = layer->weight_count, first = layer->parameter_offset;
        step_range(options, options->weight_decay, rate, first, weights, gradient, network->parameters,
                   velocity);
        step_range(options, 0, rate, first + weights, layer->parameter_count - weights, gradient,
                   network->parameters, velocity);
    }
}

void statistics_step(struct network *network, const float *batch_statistics)
{
    for (int32_t i = 0; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        float momentum = layer->options.momentum;
        for (size_t j = layer->statistic_offset; j < layer->statistic_offset + layer->statistic_count; j++)
            network->statistics[j] = (1 - momentum) * network->statistics[j] + momentum * batch_statistics[j];
    }
}

/* --- schedules --- */

static const double pi = 3.14159265358979323846;

/* From 1 to 0 as t goes from 0 to 1. */
static double cosine_fall(double t)
{
    return (1 + cos(pi * t)) / 2;
}

static double step_factor(double t)
{
    return t < 0.5 ? 1 : t < 0.75 ? 0.1 : 0.01;
}

static double one_cycle_factor(double t)
{
    const double rising = 0.3, start = 1.0 / 25, end = 1e-4;
    if (t < rising)
        return start + (1 - start) * (t / rising);
    return end + (1 - end) * cosine_fall((t - rising) / (1 - rising));
}

/* Each: the rate as a fraction of the peak after the fraction t (0 … 1) of all steps. */
static const struct {
    const char *name;
    double (*factor)(double t);
} schedules[] = {
    [SCHEDULE_STEP] = {"step", step_factor},
    [SCHEDULE_COSINE] = {"cosine", cosine_fall},
    [SCHEDULE_ONE_CYCLE] = {"one-cycle", one_cycle_factor},
};

enum { SCHEDULE_COUNT = sizeof schedules / sizeof schedules[0] };

enum status schedule_from_name(const char *name, enum schedule_kind *kind)
{
    for (int i = 0; i < SCHEDULE_COUNT; i++)
        if (strcmp(schedules[i].name, name) == 0) {
            *kind = (enum schedule_kind)i;
            return STATUS_OK;
        }
    return error_set(STATUS_NOT_FOUND, "no learning-rate schedule is called \"%s\"; there are %s, %s and %s",
                     name, schedules[SCHEDULE_STEP].name, schedules[SCHEDULE_COSINE].name,
                     schedules[SCHEDULE_ONE_CYCLE].name);
}

const char *schedule_name(enum schedule_kind kind)
{
    return (unsigned)kind < SCHEDULE_COUNT ? schedules[kind].name : NULL;
}

float schedule_rate(enum schedule_kind kind, float rate, int64_t step, int64_t total_steps)
{
    double t = 0;
    if (total_steps > 0 && step > 0)
        t = step < total_steps ? (double)step / (double)total_steps : 1;
    return (float)(rate * schedules[kind].factor(t));
}
