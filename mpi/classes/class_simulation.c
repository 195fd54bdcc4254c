#include "mpi/classes/class_simulation.h"

#include <stdbool.h>

#include "compute/base/memory.h"

/* A group, and when its question reaches rank 0. */
struct asker {
    double asks_at;
    int32_t ranks;
};

/* Who asks first; of two at the same time the larger group, so that the result has one value. */
static bool comes_before(const struct asker *a, const struct asker *b)
{
    return a->asks_at < b->asks_at || (a->asks_at == b->asks_at && a->ranks > b->ranks);
}

/* Brings the first of a heap to its place. */
static void sink(struct asker *heap, int32_t count)
{
    struct asker moving = heap[0];
    int32_t at = 0;
    for (int64_t child = 1; child < count; child = 2 * (int64_t)at + 1) {
        if (child + 1 < count && comes_before(&heap[child + 1], &heap[child]))
            child++;
        if (!comes_before(&heap[child], &moving))
            break;
        heap[at] = heap[child];
        at = (int32_t)child;
    }
    heap[at] = moving;
}

static double steps_within(int32_t ranks)
{
    double steps = 0;
    for (int64_t reached = 1; reached < ranks; reached *= 2)
        steps++;
    return steps;
}

enum status class_simulation_run(const struct class_simulation *simulation,
                                 struct class_simulation_result *result)
{
    struct asker *heap = NULL;
    int32_t groups = simulation->groups, smaller = simulation->ranks / groups;
    double answered_at = 0, busy = 0; /* rank 0's thread; rank-seconds of work */
    enum status status = memory_allocate(&heap, (size_t)groups, sizeof *heap, "simulated groups");
    if (status != STATUS_OK)
        return status;
    for (int32_t i = 0; i < groups; i++)
        heap[i] = (struct asker){simulation->latency, smaller + (i < simulation->ranks % groups ? 1 : 0)};
    result->seconds = 0;
    for (int32_t i = 0; i < simulation->count; i++) {
        struct asker *first = &heap[0];
        double cost = simulation->costs == NULL ? 1 : simulation->costs[simulation->rows[i]];
        double size = first->ranks, takes = cost * (1 + simulation->sharing_loss * (size - 1)) / size;
        answered_at = (answered_at > first->asks_at ? answered_at : first->asks_at) + simulation->answer;
        double done = answered_at + simulation->latency * (1 + steps_within(first->ranks)) + takes;
        if (done > result->seconds)
            result->seconds = done;
        busy += takes * size;
        first->asks_at = done + simulation->latency;
        sink(heap, groups);
    }
    result->idle_share = result->seconds > 0 ? 1 - busy / (result->seconds * (double)simulation->ranks) : 0;
    memory_free(&heap);
    return STATUS_OK;
}
