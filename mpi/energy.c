#include "mpi/energy.h"

#include <sys/resource.h>

#include "mpi/run_progress.h"

static double processor_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

void energy_start(struct energy_meter *meter)
{
    meter->wall = seconds_now();
    meter->processor = processor_seconds();
}

struct energy_cost energy_read(MPI_Comm comm, const struct energy_meter *meter)
{
    const double joules_per_kwh = 3.6e6, overhead = 1.58, pounds_per_kwh = 0.954, grams_per_pound = 453.59237;
    double wall = seconds_now() - meter->wall, processor = processor_seconds() - meter->processor;
    struct energy_cost cost = {.source = "estimate: 12 W for each second of processor time"};
    MPI_Allreduce(&wall, &cost.seconds, 1, MPI_DOUBLE, MPI_MAX, comm);
    MPI_Allreduce(&processor, &cost.processor_seconds, 1, MPI_DOUBLE, MPI_SUM, comm);
    cost.joules = cost.processor_seconds * ENERGY_WATTS_PER_CORE;
    cost.co2e_grams = cost.joules / joules_per_kwh * overhead * pounds_per_kwh * grams_per_pound;
    return cost;
}
