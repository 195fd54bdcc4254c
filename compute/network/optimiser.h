/* Stochastic gradient descent and its learning-rate schedules. */
#ifndef FACET_COMPUTE_NETWORK_OPTIMISER_H
#define FACET_COMPUTE_NETWORK_OPTIMISER_H

#include "compute/network/network.h"

struct sgd_options {
    float momentum;     /* 0 … <1 */
    bool nesterov;      /* look-ahead form (Sutskever et al., ICML 2013), as frameworks write it */
    float weight_decay; /* L2 factor, on weights proper alone (layer.weight_count) */
};

/* One step on all parameters: g += weight_decay·p for weights; v = momentum·v + g; p −= rate·(nesterov ?
 * g + momentum·v : v). velocity (parameter_count) belongs to the caller and starts as zeros. Uses OpenMP
 * threads; element by element, so their number changes nothing. */
void sgd_step(struct network *network, const struct sgd_options *options, float rate, const float *gradient,
              float *velocity);

/* running = (1 − momentum)·running + momentum·batch, with each batchnorm layer's momentum. */
void statistics_step(struct network *network, const float *batch_statistics);

enum schedule_kind {
    SCHEDULE_STEP,     /* rate · 0.1^(number of milestones passed); milestones at 1/2 and 3/4 of all steps */
    SCHEDULE_COSINE,   /* rate · (1 + cos(π·t))/2 (Loshchilov & Hutter, ICLR 2017) */
    SCHEDULE_ONE_CYCLE /* linear up from rate/25 over the first 30 %, cosine down to rate/10,000 (Smith 2018)
                        */
};

/* "step", "cosine", "one-cycle"; STATUS_NOT_FOUND lists them. */
enum status schedule_from_name(const char *name, enum schedule_kind *kind);
const char *schedule_name(enum schedule_kind kind);

/* Learning rate of step `step` of `total_steps` with peak rate `rate`. */
float schedule_rate(enum schedule_kind kind, float rate, int64_t step, int64_t total_steps);

#endif
