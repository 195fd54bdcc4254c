#include "mpi/energy/energy.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mpi/energy/powercap.h"
#include "mpi/ranks.h"
#include "mpi/run_progress.h"
#include "mpi/wire/machine.h"

/* One node's counters are one thing to all of a process, like its processor time. */
static struct {
    struct energy_settings settings;
    bool open;
    bool node_counted;           /* some rank of this node reads its counters */
    struct powercap *powercap;   /* on that rank, else NULL; guarded by lock */
    struct powercap_joules read; /* by the last reading; guarded by lock */
    bool lost;                   /* a counter could not be read again; guarded by lock */
    double lost_at;              /* this process's processor seconds then; guarded by lock */
    bool ending;                 /* guarded by lock */
    bool sampling;               /* the thread runs */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t sampler;
} energy = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

enum { SAMPLE_SECONDS = 60 };

struct energy_settings energy_settings_default(void)
{
    return (struct energy_settings){
        .grid_intensity = ENERGY_GRID_INTENSITY, .pue = ENERGY_PUE, .powercap = POWERCAP_ROOT};
}

/* With the lock held. */
static void sample(void)
{
    if (energy.powercap == NULL || energy.lost || powercap_read(energy.powercap, &energy.read) == STATUS_OK)
        return;
    energy.lost = true;
    energy.lost_at = machine_processor_seconds();
}

static void *sample_until_end(void *nothing)
{
    struct timespec until;
    pthread_mutex_lock(&energy.lock);
    while (!energy.ending) {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += SAMPLE_SECONDS;
        if (pthread_cond_timedwait(&energy.wake, &energy.lock, &until) != 0) /* time is up, nobody woke it */
            sample();
    }
    pthread_mutex_unlock(&energy.lock);
    return nothing;
}

/* On the one rank of the node that reads. */
static void start_sampling(const struct energy_settings *settings)
{
    if (powercap_open(settings->powercap, &energy.powercap) != STATUS_OK)
        return;
    energy.sampling =
        machine_thread_start(&energy.sampler, sample_until_end, NULL, "the energy counters") == STATUS_OK;
    if (!energy.sampling) /* unread, counters run round: an estimate is better */
        powercap_close(&energy.powercap);
}

enum status energy_open(MPI_Comm comm, const struct energy_settings *settings)
{
    MPI_Comm node;
    if (energy.open)
        return error_set(STATUS_INTERNAL, "energy_open: called twice");
    if (!(settings->grid_intensity > 0) || !(settings->pue >= 1))
        return error_set(STATUS_USAGE,
                         "grid intensity %g g/kWh and PUE %g given, expected more than 0 and at least 1",
                         settings->grid_intensity, settings->pue);
    MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    energy.settings = *settings;
    energy.open = true;
    energy.lost = energy.ending = false;
    energy.read = (struct powercap_joules){0, 0, false};
    if (ranks_rank(node) == 0)
        start_sampling(settings);
    int counted = energy.powercap != NULL;
    MPI_Bcast(&counted, 1, MPI_INT, 0, node);
    MPI_Comm_free(&node);
    energy.node_counted = counted != 0;
    return STATUS_OK;
}

void energy_close(void)
{
    if (energy.sampling) {
        pthread_mutex_lock(&energy.lock);
        energy.ending = true;
        pthread_cond_signal(&energy.wake);
        pthread_mutex_unlock(&energy.lock);
        pthread_join(energy.sampler, NULL);
    }
    powercap_close(&energy.powercap);
    energy.sampling = energy.open = energy.node_counted = false;
}

/* Joules so far, on the rank that reads; false when a counter was lost. */
static bool read_counters(struct powercap_joules *joules)
{
    pthread_mutex_lock(&energy.lock);
    sample();
    *joules = energy.read;
    bool well = !energy.lost;
    pthread_mutex_unlock(&energy.lock);
    return well;
}

void energy_start(struct energy_meter *meter)
{
    struct powercap_joules joules;
    read_counters(&joules);
    meter->package = joules.package;
    meter->dram = joules.dram;
    meter->wall = seconds_now();
    meter->processor = machine_processor_seconds();
}

struct energy_share energy_share_read(const struct energy_meter *meter)
{
    struct powercap_joules joules;
    struct energy_share share = {0, energy.node_counted};
    bool well = read_counters(&joules);
    if (energy.powercap != NULL) {
        share.counted = well;
        share.joules = joules.package - meter->package + joules.dram - meter->dram;
    }
    if (!share.counted) {
        double since = energy.powercap != NULL ? fmax(energy.lost_at, meter->processor) : meter->processor;
        share.joules += ENERGY_WATTS_PER_CORE * (machine_processor_seconds() - since);
    }
    return share;
}

/* What one rank knows, and their sums. */
enum { PROCESSOR, PROCESSOR_UNCOUNTED, PACKAGE, DRAM, READERS, READERS_DRAM, LOST, FIGURES };

static void describe_source(const double *sums, bool all, struct energy_cost *cost)
{
    const char *parts =
        sums[READERS_DRAM] >= sums[READERS] ? "package and DRAM counters" : "package counters";
    if (sums[READERS] == 0)
        snprintf(cost->source, sizeof cost->source, "estimate: %g W for each second of processor time",
                 ENERGY_WATTS_PER_CORE);
    else if (all)
        snprintf(cost->source, sizeof cost->source, "RAPL %s, whole nodes", parts);
    else
        snprintf(cost->source, sizeof cost->source,
                 "RAPL %s, whole nodes, on %.0f nodes; on others an estimate: %g W for each second of "
                 "processor time",
                 parts, sums[READERS], ENERGY_WATTS_PER_CORE);
}

static struct energy_settings settings_now(void)
{
    return energy.open ? energy.settings : energy_settings_default();
}

double energy_co2e_grams(double joules)
{
    const double joules_per_kwh = 3.6e6;
    struct energy_settings settings = settings_now();
    return joules / joules_per_kwh * settings.pue * settings.grid_intensity;
}

struct energy_cost energy_read(MPI_Comm comm, const struct energy_meter *meter)
{
    const struct energy_settings settings = settings_now();
    struct energy_cost cost = {.grid_intensity = settings.grid_intensity, .pue = settings.pue};
    double figures[FIGURES] = {0}, sums[FIGURES], wall = seconds_now() - meter->wall;
    struct powercap_joules joules;
    bool well = read_counters(&joules);
    figures[PROCESSOR] = machine_processor_seconds() - meter->processor;
    figures[PROCESSOR_UNCOUNTED] = energy.node_counted ? 0 : figures[PROCESSOR];
    if (energy.powercap != NULL) {
        figures[PACKAGE] = joules.package - meter->package;
        figures[DRAM] = joules.dram - meter->dram;
        figures[READERS] = 1;
        figures[READERS_DRAM] = joules.has_dram ? 1 : 0;
        figures[LOST] = well ? 0 : 1;
    }
    MPI_Allreduce(&wall, &cost.seconds, 1, MPI_DOUBLE, MPI_MAX, comm);
    MPI_Allreduce(figures, sums, FIGURES, MPI_DOUBLE, MPI_SUM, comm);
    if (sums[LOST] > 0) { /* half a count is worse than an estimate of all */
        sums[PACKAGE] = sums[DRAM] = sums[READERS] = 0;
        sums[PROCESSOR_UNCOUNTED] = sums[PROCESSOR];
    }
    cost.processor_seconds = sums[PROCESSOR];
    cost.dram_joules = sums[DRAM];
    cost.joules = sums[PACKAGE] + sums[DRAM] + sums[PROCESSOR_UNCOUNTED] * ENERGY_WATTS_PER_CORE;
    cost.co2e_grams = energy_co2e_grams(cost.joules);
    cost.counted = sums[READERS] > 0 && sums[PROCESSOR_UNCOUNTED] == 0;
    describe_source(sums, cost.counted, &cost);
    return cost;
}
