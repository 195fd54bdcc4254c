/* What a command cost: wall-clock, processor time, energy and CO2e, summed over all ranks. */
#ifndef FACET_MPI_ENERGY_H
#define FACET_MPI_ENERGY_H

#include <mpi.h>

struct energy_meter {
    double wall, processor; /* seconds when it was started, on this rank */
};

struct energy_cost {
    double seconds;           /* wall-clock, the longest of all ranks */
    double processor_seconds; /* user and system, all ranks and threads */
    double joules;            /* without the data centre's overhead */
    double co2e_grams;        /* with it */
    const char *source;       /* how joules came about, for people: never to be left out beside the figure */
};

void energy_start(struct energy_meter *meter);

/* Collective. Joules are estimated from processor time at ENERGY_WATTS_PER_CORE. CO2e follows the paper's
 * formula (Strubell et al., ACL 2019): 1.58 · kWh · 0.954 lb. */
#define ENERGY_WATTS_PER_CORE                                                                                \
    12.0 /* processor and memory of a busy core: 24 cores of a 205 W socket and its DRAM */
struct energy_cost energy_read(MPI_Comm comm, const struct energy_meter *meter);

#endif
