#include "mpi/distill/distill_gates.h"

#include <math.h>

enum { STEPS_A_SETTING = 4 }; /* of gates */

static const double GATE_RATE = 0.2; /* of the scores' gradient descent */

/* The first quarter of the steps, all gates open: the sum of squares. */
static void measure_gates(struct distiller *distiller, const float *gradient)
{
    gates_effect(&distiller->gates, gradient, distiller->effect);
    for (int32_t g = 0; g < distiller->gates.groups.count; g++)
        distiller->scores[g] += distiller->effect[g] * distiller->effect[g];
}

/* Gradient descent on the scores, straight through the gates. */
static void move_gates(struct distiller *distiller, const float *gradient)
{
    gates_effect(&distiller->gates, gradient, distiller->effect);
    for (int32_t g = 0; g < distiller->gates.groups.count; g++)
        distiller->scores[g] -= GATE_RATE * distiller->effect[g];
}

/* Opens the gates of the groups with the best scores a multiply-add, as far as the budget goes. */
static enum status set_gates(struct distiller *distiller, uint64_t budget)
{
    pruning_set_importance(distiller->pruning, distiller->scores);
    enum status status = pruning_choose(distiller->pruning, budget, distiller->open);
    if (status == STATUS_OK)
        gates_set(&distiller->gates, distiller->open);
    return status;
}

/* The gates as the next steps will have them. */
static enum status set_for_step(struct distiller *distiller)
{
    int32_t steps = distiller->classes->options->steps, lowering = steps / 2 > 0 ? steps / 2 : 1;
    int32_t measuring = distiller_measuring_steps(distiller->classes->options),
            i = distiller->place.done - measuring;
    if (i == 0)
        for (int32_t g = 0; g < distiller->gates.groups.count; g++)
            distiller->scores[g] = sqrt(distiller->scores[g] / measuring);
    if (i < 0 || i % STEPS_A_SETTING != 0)
        return STATUS_OK;
    int32_t round = i < lowering ? 1 + (int32_t)((int64_t)i * DISTILLER_ROUNDS / lowering) : DISTILLER_ROUNDS;
    return set_gates(distiller,
                     pruning_round_budget(network_multiply_adds(distiller->whole),
                                          distiller->classes->multiply_adds, round, DISTILLER_ROUNDS));
}

enum status distill_gates(struct distiller *distiller)
{
    MPI_Comm group = distiller->task->group;
    int32_t measuring = distiller_measuring_steps(distiller->classes->options);
    enum status status = distiller_begin_steps(distiller, distiller->gates.network);
    while (status == STATUS_OK && distiller->place.done < distiller->classes->options->steps) {
        bool measures = distiller->place.done < measuring;
        status = ranks_agree(group, set_for_step(distiller));
        if (status == STATUS_OK)
            status = distiller_step(distiller, sampling_draw, 0, measures ? measure_gates : move_gates);
        if (status == STATUS_OK)
            status = distiller_rest(distiller);
    }
    distiller_end_steps(distiller);
    if (status == STATUS_OK) {
        pruning_set_importance(distiller->pruning, distiller->scores);
        status = ranks_agree(group, pruning_cut(distiller->pruning, distiller->classes->multiply_adds));
    }
    if (status == STATUS_OK)
        distiller_enter(distiller, DISTILLER_SETTLING);
    return status;
}
