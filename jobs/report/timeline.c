#include "jobs/report/timeline.h"

#include <string.h>

#include "compute/base/memory.h"

enum { PIECES_FIRST = 256 };

enum status timeline_create(int32_t rank_count, double begin, struct timeline **timeline)
{
    enum status status = memory_allocate(timeline, 1, sizeof **timeline, "timeline");
    if (status != STATUS_OK)
        return status;
    struct timeline *created = *timeline;
    created->begin = created->end = begin;
    created->rank_count = rank_count;
    created->piece_capacity = PIECES_FIRST;
    status = memory_allocate(&created->busy, (size_t)rank_count, sizeof(double), "timeline");
    if (status == STATUS_OK)
        status = memory_allocate(&created->newest, (size_t)rank_count, sizeof(double), "timeline");
    if (status == STATUS_OK)
        status = memory_allocate(&created->open, (size_t)rank_count, sizeof(int32_t), "timeline");
    if (status == STATUS_OK)
        status = memory_allocate(&created->pieces, PIECES_FIRST, sizeof *created->pieces, "timeline");
    for (int32_t rank = 0; status == STATUS_OK && rank < rank_count; rank++)
        created->open[rank] = -1;
    if (status != STATUS_OK)
        timeline_destroy(timeline);
    return status;
}

void timeline_destroy(struct timeline **timeline)
{
    if (*timeline == NULL)
        return;
    memory_free(&(*timeline)->busy);
    memory_free(&(*timeline)->newest);
    memory_free(&(*timeline)->open);
    memory_free(&(*timeline)->pieces);
    memory_free(timeline);
}

static enum status pieces_grow(struct timeline *timeline)
{
    struct timeline_piece *more = NULL;
    if (timeline->piece_count < timeline->piece_capacity)
        return STATUS_OK;
    if (timeline->piece_capacity > INT32_MAX / 2)
        return error_set(STATUS_NO_MEMORY, "timeline: more than %d pieces of work", (int)INT32_MAX / 2);
    enum status status =
        memory_allocate(&more, (size_t)timeline->piece_capacity * 2, sizeof *more, "timeline");
    if (status != STATUS_OK)
        return status;
    memcpy(more, timeline->pieces, (size_t)timeline->piece_count * sizeof *more);
    memory_free(&timeline->pieces);
    timeline->pieces = more;
    timeline->piece_capacity *= 2;
    return STATUS_OK;
}

/* The rank works on the class now: its piece goes on, or another begins. */
static enum status work_on(struct timeline *timeline, const struct event *event)
{
    int32_t *open = &timeline->open[event->rank];
    if (*open >= 0 && timeline->pieces[*open].class_index == event->class_index) {
        struct timeline_piece *piece = &timeline->pieces[*open];
        timeline->busy[event->rank] += event->time - piece->end;
        piece->end = event->time;
        return STATUS_OK;
    }
    enum status status = pieces_grow(timeline);
    if (status != STATUS_OK)
        return status;
    *open = timeline->piece_count++;
    timeline->pieces[*open] = (struct timeline_piece){.rank = event->rank,
                                                      .class_index = event->class_index,
                                                      .begin = event->time,
                                                      .end = event->time,
                                                      .state = STATE_RUNNING};
    return STATUS_OK;
}

static bool is_open(const struct timeline *timeline, const struct event *event)
{
    int32_t open = timeline->open[event->rank];
    return open >= 0 && timeline->pieces[open].class_index == event->class_index;
}

enum status timeline_add(struct timeline *timeline, const struct event *event)
{
    enum status status = STATUS_OK;
    if (event->time > timeline->end)
        timeline->end = event->time;
    if ((event->kind != EVENT_RANK && event->kind != EVENT_CLASS) || event->rank >= timeline->rank_count ||
        event->time < timeline->newest[event->rank])
        return STATUS_OK;
    timeline->newest[event->rank] = event->time;
    if (event->state == STATE_RUNNING)
        return work_on(timeline, event);
    bool ended = event->state == STATE_DONE || event->state == STATE_FAILED;
    if (event->kind == EVENT_CLASS && !(ended && is_open(timeline, event)))
        return STATUS_OK; /* waiting, or finished by an earlier run: nobody's work now */
    if (event->kind == EVENT_CLASS) {
        status = work_on(timeline, event);
        timeline->pieces[timeline->open[event->rank]].state = event->state;
    }
    timeline->open[event->rank] = -1;
    return status;
}

double timeline_idle_share(const struct timeline *timeline)
{
    double whole = (timeline->end - timeline->begin) * timeline->rank_count, busy = 0;
    for (int32_t rank = 0; rank < timeline->rank_count; rank++)
        busy += timeline->busy[rank];
    return whole > 0 && busy < whole ? 1 - busy / whole : 0;
}
