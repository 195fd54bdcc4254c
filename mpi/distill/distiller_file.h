/* What a class that is being distilled has come to, as a file (facet.kind "distilling"): all that its next
 * step is a function of. (docs/file-formats.md) */
#ifndef FACET_MPI_DISTILL_DISTILLER_FILE_H
#define FACET_MPI_DISTILL_DISTILLER_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "modules/distill/pruning.h"

/* What a class goes through, in this order; method gradient learns gates instead of the first two. */
enum distiller_phase { DISTILLER_CUTTING, DISTILLER_TUNING, DISTILLER_GATES, DISTILLER_SETTLING };

struct distiller_place {
    enum distiller_phase phase;
    int32_t round;    /* while cutting: cuts made */
    int32_t done;     /* steps of the phase; while cutting, of the round */
    int32_t worse;    /* while tuning: looks without a better state */
    int64_t step;     /* of all phases */
    double best_loss; /* while tuning, once looked; 1e300 before */
};

/* Borrowed when written, the caller's own after reading. Arrays that a phase has no use for are empty. */
struct distiller_state {
    struct distiller_place place;
    struct network *network;              /* what is left; of method gradient, until it is cut, the whole */
    const int32_t *layer_of, *channel_of; /* struct pruning_state */
    const double *importance;
    const float *velocity; /* the optimiser's */
    const float *best;     /* parameters, then statistics, of the best state */
    const double *scores;  /* of gates */
    const uint8_t *open;   /* 1: the gate is open */
    /* The lengths of these: */
    size_t layer_count, channel_count, importance_count, velocity_count, best_count, score_count, open_count;
};

/* Creates the file `path` itself; its caller renames it. */
enum status distiller_file_write(const char *path, const struct distiller_state *state);

/* STATUS_FORMAT for what no distiller can have written; whether it fits the class and its network is for the
 * caller to see. The caller clears *state, also after a failure. */
enum status distiller_file_read(const char *path, struct distiller_state *state);
/* Of one that was read; also of a zeroed one. */
void distiller_state_clear(struct distiller_state *state);

#endif
