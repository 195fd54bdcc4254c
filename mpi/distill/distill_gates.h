/* How method gradient finds the channels of a class's module: no weight changes, but a score for each gate
 * (modules/distill/gates.h) does. */
#ifndef FACET_MPI_DISTILL_DISTILL_GATES_H
#define FACET_MPI_DISTILL_DISTILL_GATES_H

#include "mpi/distill/distiller.h"

/* Collective. Phase DISTILLER_GATES: a quarter of the steps measures, half lowers the budget in rounds, a
 * quarter keeps it; then the channels behind shut gates are cut away. */
enum status distill_gates(struct distiller *distiller);

#endif
