/* What a command cost: wall-clock, processor time, energy and CO2e, summed over all ranks.
 *
 * Energy is counted by the processors themselves where one rank of each node can read their counters
 * (mpi/energy/powercap.h): then it is that of the whole nodes, whatever else runs there. On nodes where they
 * cannot be read it is estimated from the processor time of the node's ranks. The cost says which. */
#ifndef FACET_MPI_ENERGY_ENERGY_H
#define FACET_MPI_ENERGY_ENERGY_H

#include <mpi.h>
#include <stdbool.h>

#include "compute/base/error.h"

/* Strubell, Ganesh & McCallum, Energy and Policy Considerations for Deep Learning in NLP (ACL 2019), the
 * formula of Pan & Rajan (ICSE 2022): CO2e = 0.954 lb/kWh · PUE 1.58 · energy. */
#define ENERGY_PUE 1.58
#define ENERGY_GRID_INTENSITY (0.954 * 453.59237) /* grams of CO2e a kWh */
/* Processor and memory of a busy core, for estimates: 24 cores of a 205 W socket and its DRAM. */
#define ENERGY_WATTS_PER_CORE 12.0

struct energy_settings {
    double grid_intensity; /* grams of CO2e a kWh, > 0 */
    double pue;            /* what the data centre draws for each joule of the machine, ≥ 1 */
    const char *powercap;  /* root of the counters' tree */
};

struct energy_settings energy_settings_default(void);

/* Collective, once a process between MPI_Init and energy_close: looks for counters and reads them every
 * minute from a thread of its own. Counters that cannot be read are no error. Without energy_open energy is
 * estimated and the settings are the default. */
enum status energy_open(MPI_Comm comm, const struct energy_settings *settings);
void energy_close(void);

/* What energy emits under the settings: joules · PUE · grid intensity. */
double energy_co2e_grams(double joules);

struct energy_meter {
    double wall, processor; /* seconds when it was started, on this rank */
    double package, dram;   /* joules counted by then, on the rank that reads the node's counters */
};

struct energy_cost {
    double seconds;           /* wall-clock, the longest of all ranks */
    double processor_seconds; /* user and system, all ranks and threads */
    double joules;            /* without the data centre's overhead */
    double dram_joules;       /* of these, counted of memory apart */
    double co2e_grams;        /* with the overhead */
    double grid_intensity, pue;
    bool counted;     /* by counters on all nodes; else at least one node's is an estimate */
    char source[128]; /* how joules came about, for people: never to be left out beside the figure */
};

void energy_start(struct energy_meter *meter);

/* Collective over the ranks that energy_open was called on. */
struct energy_cost energy_read(MPI_Comm comm, const struct energy_meter *meter);

/* What one rank tells of energy while the run goes on; the joules of all ranks add up to that of the run. */
struct energy_share {
    double joules; /* since energy_start; never less than before */
    bool counted;  /* the node's counters are read: `joules` is the whole node's on the rank that reads them,
                      0 on its others. Else an estimate from this rank's processor time */
};

/* Of this rank alone, at any time from any thread. When a counter is lost the count so far stays, and the
 * reading rank goes on with an estimate of itself, which energy_read does better at the end. */
struct energy_share energy_share_read(const struct energy_meter *meter);

#endif
