/* The few numbers that say how a run is doing. */
#ifndef FACET_MPI_WIRE_SUMMARY_H
#define FACET_MPI_WIRE_SUMMARY_H

#include "mpi/wire/picture.h"

/* A rank at work that says nothing for so long is called silent. */
enum { SUMMARY_SILENT_SECONDS = 30 };

/* How the joules came about. */
enum summary_energy {
    ENERGY_ESTIMATED, /* from processor time */
    ENERGY_COUNTED,   /* by the processors' counters on all nodes heard */
    ENERGY_MIXED      /* some nodes so, some so */
};

struct picture_summary {
    int32_t ranks, ranks_heard, ranks_silent; /* ranks: as announced */
    int32_t classes; /* as announced, else as heard; = done + failed + running + waiting */
    int32_t classes_done, classes_resumed, classes_failed, classes_running, classes_waiting;
    /* classes_resumed: those of classes_done that an earlier run had finished */
    double value_least, value_mean, value_most; /* of the classes' figures; value_count 0: there are none */
    int32_t value_count;
    int64_t epochs_done, epochs_total; /* epochs_total 0: not a run of epochs */
    double images_per_second;          /* sum over the ranks at work */
    uint64_t memory_bytes;             /* sum over the ranks */
    double energy_joules, co2e_grams;  /* so far, sum over the ranks; 0: not known */
    enum summary_energy energy_source;
    int64_t dropped;     /* events that never left their ranks */
    double elapsed;      /* seconds since the start of the run; to its end when it has ended */
    double progress;     /* 0 to 1 of what this run has to do; −1: unknown */
    double seconds_left; /* at the mean pace so far; −1: unknown */
};

/* `now` in seconds since 1970. */
void picture_summarise(const struct picture *picture, double now, struct picture_summary *summary);

/* True when the rank is at work but has said nothing for SUMMARY_SILENT_SECONDS. */
bool picture_rank_is_silent(const struct picture *picture, int32_t rank, double now);

#endif
