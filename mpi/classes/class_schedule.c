#include "mpi/classes/class_schedule.h"

#include <stdlib.h>

#include "compute/base/memory.h"
#include "mpi/classes/class_simulation.h"

/* --- order --- */

struct entry {
    double cost;
    int32_t row;
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    if (left->cost != right->cost)
        return left->cost < right->cost ? 1 : -1;
    return (left->row > right->row) - (left->row < right->row);
}

enum status class_schedule_order(const double *costs, int32_t *rows, int32_t count)
{
    struct entry *entries = NULL;
    enum status status = memory_allocate(&entries, (size_t)count, sizeof *entries, "order of classes");
    if (status != STATUS_OK)
        return status;
    for (int32_t i = 0; i < count; i++)
        entries[i] = (struct entry){costs == NULL ? 1 : costs[rows[i]], rows[i]};
    qsort(entries, (size_t)count, sizeof *entries, compare_entries);
    for (int32_t i = 0; i < count; i++)
        rows[i] = entries[i].row;
    memory_free(&entries);
    return STATUS_OK;
}

/* --- time --- */

enum status class_schedule_makespan(int32_t ranks, int32_t groups, const double *costs, const int32_t *rows,
                                    int32_t count, double *makespan)
{
    const struct class_simulation simulation = {.ranks = ranks,
                                                .groups = groups,
                                                .costs = costs,
                                                .rows = rows,
                                                .count = count,
                                                .sharing_loss = SHARING_LOSS};
    struct class_simulation_result result;
    enum status status = class_simulation_run(&simulation, &result);
    if (status == STATUS_OK)
        *makespan = result.seconds;
    return status;
}

/* --- groups --- */

/* Numbers of groups worth a try: as many as make all of them do 1, 2, … ROUNDS_MAX classes. */
enum { ROUNDS_MAX = 64 };

enum status class_schedule_groups(int32_t ranks, int32_t ranks_per_class, const double *costs,
                                  const int32_t *rows, int32_t count, int32_t *groups)
{
    double best = 0;
    *groups = ranks;
    if (ranks_per_class > 0) {
        *groups = ranks / ranks_per_class > 0 ? ranks / ranks_per_class : 1;
        return STATUS_OK;
    }
    if (count >= ranks || count == 0)
        return STATUS_OK;
    for (int32_t rounds = 1; rounds <= ROUNDS_MAX && rounds <= count; rounds++) {
        int32_t tried = (count + rounds - 1) / rounds;
        double makespan = 0;
        enum status status = class_schedule_makespan(ranks, tried, costs, rows, count, &makespan);
        if (status != STATUS_OK)
            return status;
        if (rounds == 1 || makespan < best) {
            best = makespan;
            *groups = tried;
        }
    }
    return STATUS_OK;
}
