/* One class as it is distilled: its images, its network and the steps that are made, over the ranks of a
 * group; what is in common of the ways to do it (distill_class.h, distill_gates.h). Where it has come to is
 * kept on disk now and then and when a signal stops it, and gone on from: the module is the same bytes as
 * without the interruption. */
#ifndef FACET_MPI_DISTILL_DISTILLER_H
#define FACET_MPI_DISTILL_DISTILLER_H

#include "modules/distill/gates.h"
#include "modules/distill/pruning.h"
#include "modules/distill/sampling.h"
#include "mpi/distill/distill_class.h"
#include "mpi/distill/distiller_file.h"
#include "mpi/training/step_checkpoint.h"
#include "mpi/training/trainer.h"

enum { DISTILLER_ROUNDS = 8 }; /* in which a module is cut to its budget */

struct distiller {
    const struct distill_classes *classes;
    const struct class_task *task;
    struct network *whole; /* where the module starts from */
    struct pruning *pruning;
    struct sampling sampling;
    struct trainer *trainer;
    float *targets; /* (pool images): the parent's posterior of the class */
    float *held_targets, *held_margins;
    uint32_t *drawn; /* (batch images): of the pool */
    float *best;     /* while tuning: parameters and statistics of the best state */
    struct run_curve curve;

    struct distiller_place place;
    const float *velocity; /* of the checkpoint, for the next trainer; NULL otherwise; owned */
    int64_t first_step;
    double started, saved; /* when, seconds_now() */
    bool stop;             /* seen in the last step */

    struct gates gates; /* of method gradient: */
    double *scores;     /* (groups): how much the loss would fall by opening a group's gate */
    double *effect;     /* (groups): of the last batch */
    bool *open;         /* (groups) */
};

/* Collective. Makes a zeroed distiller ready, at the beginning or where the task's checkpoint is. The caller
 * clears it, also after a failure. */
enum status distiller_begin(struct distiller *distiller, const struct distill_classes *classes,
                            const struct class_task *task);
void distiller_clear(struct distiller *distiller);

/* Collective. A trainer of `network`, which it borrows until distiller_end_steps; with what a checkpoint has
 * of its optimiser. */
enum status distiller_begin_steps(struct distiller *distiller, struct network *network);
void distiller_end_steps(struct distiller *distiller);

/* An image of the pool for `place` of the batch of `step` (modules/distill/sampling.h). */
typedef uint32_t distiller_draw(const struct sampling *sampling, int64_t step, int64_t place);

/* Steps of a round of cutting, and, of method gradient, those that measure before any gate moves. */
int32_t distiller_round_steps(const struct distill_options *options);
int32_t distiller_measuring_steps(const struct distill_options *options);

/* Whether a look at held-back images has found a state with a finite loss. */
bool distiller_has_best(const struct distiller *distiller);

/* Collective. One batch, drawn as `draw` says. `observe` (or NULL) is given the gradient before the step is
 * taken; at rate 0 the running statistics alone move. Behind it the place is moved on, and whatever the phase
 * does then is done before distiller_rest. */
enum status distiller_step(struct distiller *distiller, distiller_draw *draw, float rate,
                           void (*observe)(struct distiller *distiller, const float *gradient));

/* Collective. Between two steps: saves when it is time to, or a rank was asked to stop: then STATUS_STOPPED.
 */
enum status distiller_rest(struct distiller *distiller);

/* The next phase, of which nothing is done. */
void distiller_enter(struct distiller *distiller, enum distiller_phase phase);

/* Collective. The last phase: brings the running statistics to images as they come. */
enum status distiller_settle(struct distiller *distiller);

#endif
