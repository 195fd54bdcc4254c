/* How good scores are on held-back images. */
#ifndef FACET_MPI_DISTILL_DISTILL_HELD_H
#define FACET_MPI_DISTILL_DISTILL_HELD_H

#include "mpi/distill/distill_features.h"

/* *top1: share of the held-back images of these classes (ascending, of the network) whose label scores
 * highest among the classes (the first among equals), −1 when there is none; *loss: mean distillation loss at
 * the temperature. scores (count, k). */
enum status distill_held_measure(const struct feature_set *held, const int32_t *classes, int32_t k,
                                 const float *scores, float temperature, double *top1, double *loss);

#endif
