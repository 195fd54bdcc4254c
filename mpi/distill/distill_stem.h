/* Choosing the stem (--stem auto): each stage that leaves something to distil is tried for a short while, and
 * the one whose modules, together, name most held-back images rightly is taken, the first among equals. So
 * that stages are comparable, each gets the budget with which a composition of all classes costs what it
 * costs with stage 1 and the budget asked for: a longer stem is paid for once, by all modules.
 *
 * The choice is a function of network, data and options alone, not of the classes asked for nor of ranks. */
#ifndef FACET_MPI_DISTILL_DISTILL_STEM_H
#define FACET_MPI_DISTILL_DISTILL_STEM_H

#include "mpi/distill/distill.h"

/* Collective. Trials leave their parts in RUN/stem-STAGE while they go on. Fills stem and budget of *result.
 * STATUS_USAGE when no stage can be had with the budget. */
enum status distill_stem_choose(const struct distillation *distillation, struct distill_result *result);

#endif
