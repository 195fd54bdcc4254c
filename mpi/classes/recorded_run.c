#include "mpi/classes/recorded_run.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "compute/base/memory.h"
#include "mpi/wire/events_file.h"

/* One class: when it began and was done first, and who made it. */
struct timed_class {
    double began, done; /* 0: not yet */
    int32_t rank;
};

struct reader {
    struct recorded_run *run;
    struct timed_class *classes; /* (class_count) */
    double started, ended, first_began, last_done, first_figure, last_figure;
    double share_began, share_heard; /* progress on images before the first class: first and last */
    double heard;                    /* when a rank last said, before any figure, that it is on no class */
    bool together;            /* whether work on all classes was heard of after the last class or figure: */
    struct event first, last; /* its first and last progress */
    double fixed_share, split_share; /* rank 0's last; ranks differ in their times, and so in these */
    enum event_state how;
};

static enum status read_start(struct reader *reader, const struct event *event)
{
    struct recorded_run *run = reader->run;
    memory_free(&reader->classes);
    run->ranks = event->total > 0 && event->total <= EVENT_RANKS_MAX ? (int32_t)event->total : 1;
    run->class_count = event->class_count;
    reader->started = event->time;
    return memory_allocate(&reader->classes, (size_t)run->class_count, sizeof *reader->classes,
                           "classes of a recorded run");
}

static void read_class(struct reader *reader, const struct event *event)
{
    if (event->class_index < 0 || event->class_index >= reader->run->class_count)
        return;
    struct timed_class *class = &reader->classes[event->class_index];
    if (event->state == STATE_RUNNING && class->began == 0) {
        class->began = event->time;
        class->rank = event->rank;
        if (reader->first_began == 0 || event->time < reader->first_began)
            reader->first_began = event->time;
    } else if (event->state == STATE_DONE && class->began != 0) {
        if (event->value < 0) { /* whoever makes a class tells no figure, whoever makes its module does */
            class->done = event->time;
            reader->last_done = fmax(reader->last_done, event->time);
        } else if (reader->first_figure == 0 || event->time < reader->first_figure) {
            reader->first_figure = event->time;
        }
        reader->last_figure = fmax(reader->last_figure, event->time);
    }
}

static enum status read_run(void *data, const struct event *event)
{
    struct reader *reader = data;
    if (event->kind == EVENT_RUN_START)
        return read_start(reader, event);
    if (event->kind == EVENT_CLASS)
        read_class(reader, event);
    if (event->kind == EVENT_RUN_END) {
        reader->ended = event->time;
        reader->how = event->state;
    }
    if (event->memory_bytes > reader->run->memory_bytes_max)
        reader->run->memory_bytes_max = event->memory_bytes;
    return STATUS_OK;
}

/* Work on all classes together, after all of them. */
static void read_together(struct reader *reader, const struct event *event)
{
    if (!reader->together || event->time < reader->first.time)
        reader->first = *event;
    if (!reader->together || event->time >= reader->last.time)
        reader->last = *event;
    if (event->rank == 0) {
        reader->fixed_share = event->fixed_share;
        reader->split_share = event->split_share;
    }
    reader->together = true;
}

/* Work on no class, when the times of all classes are known: events of several ranks are in the file as they
 * came in, so that what was before what their times alone tell. */
static enum status read_rank(void *data, const struct event *event)
{
    struct reader *reader = data;
    if (event->kind != EVENT_RANK || event->state != STATE_RUNNING || event->class_index >= 0)
        return STATUS_OK;
    if (event->time < reader->first_figure)
        reader->heard = fmax(reader->heard, event->time);
    if (event->total > 0 && (reader->first_began == 0 || event->time <= reader->first_began)) {
        if (reader->share_began == 0 || event->time < reader->share_began)
            reader->share_began = event->time;
        reader->share_heard = fmax(reader->share_heard, event->time);
    }
    if (event->done > 0 && event->total > 0 && event->time >= reader->last_figure)
        read_together(reader, event);
    return STATUS_OK;
}

/* Marks the ranks that made classes, each the first of a group. */
static void mark_groups(const struct reader *reader, uint8_t *leads)
{
    struct recorded_run *run = reader->run;
    for (int32_t c = 0; c < run->class_count; c++) {
        const struct timed_class *class = &reader->classes[c];
        if (class->done == 0 || class->rank < 0 || class->rank >= run->ranks)
            continue;
        run->groups += !leads[class->rank];
        leads[class->rank] = 1;
    }
}

/* Ranks from `first` to the next that leads a group, or to the end. */
static int32_t reach_of(const uint8_t *leads, int32_t ranks, int32_t first)
{
    int32_t next = first + 1;
    while (next < ranks && !leads[next])
        next++;
    return next - first;
}

/* The smallest group's ranks. */
static int32_t smallest_group(const uint8_t *leads, int32_t ranks)
{
    int32_t smallest = ranks;
    for (int32_t rank = 0; rank < ranks; rank++)
        if (leads[rank] && reach_of(leads, ranks, rank) < smallest)
            smallest = reach_of(leads, ranks, rank);
    return smallest;
}

/* Fills class_seconds and idle_share. */
static void time_classes(const struct reader *reader, const uint8_t *leads, double sharing_loss)
{
    struct recorded_run *run = reader->run;
    int32_t most = smallest_group(leads, run->ranks) + 1;
    double busy = 0, span = reader->last_done - reader->first_began;
    for (int32_t c = 0; c < run->class_count; c++) {
        const struct timed_class *class = &reader->classes[c];
        if (class->done == 0 || class->rank < 0 || class->rank >= run->ranks)
            continue;
        double size = fmin(most, reach_of(leads, run->ranks, class->rank));
        double seconds = fmax(0, class->done - class->began);
        run->class_seconds[run->timed_count++] = seconds * size / (1 + sharing_loss * (size - 1));
        busy += seconds * size;
    }
    run->idle_share = span > 0 ? fmax(0, 1 - busy / (span * run->ranks)) : 0;
}

/* Fills the seconds that are no class's. Steps together are told by their pace: of a run that was resumed
 * only some were seen. */
static void time_the_rest(struct reader *reader)
{
    struct recorded_run *run = reader->run;
    const struct event *first = &reader->first, *last = &reader->last;
    double rest = reader->ended - reader->last_figure;
    run->elapsed = reader->ended - reader->started;
    run->before = fmax(0, reader->first_began - reader->started);
    run->before_shared = fmin(run->before, fmax(0, reader->share_heard - reader->share_began));
    run->besides = reader->first_figure > 0 ? fmax(0, reader->heard - reader->last_done) : 0;
    run->making = fmax(0, reader->last_figure - reader->last_done - run->besides);
    if (reader->together && last->done > first->done && last->time > first->time) {
        double pace = (last->time - first->time) / (double)(last->done - first->done);
        run->together.ready = fmax(0, first->time - reader->last_figure - pace * (double)first->done);
        run->together.seconds = pace * (double)last->total;
        run->together.fixed_share = reader->fixed_share;
        run->together.split_share = reader->split_share;
        rest = reader->ended - last->time;
    }
    run->storing = fmax(0, rest);
}

static enum status fill(struct reader *reader, const char *run_directory, double sharing_loss)
{
    struct recorded_run *run = reader->run;
    uint8_t *leads = NULL;
    enum status status = memory_allocate(&leads, (size_t)run->ranks, 1, "first ranks of groups");
    if (status == STATUS_OK)
        status = memory_allocate(&run->class_seconds, (size_t)run->class_count, sizeof(double),
                                 "times of classes");
    if (status == STATUS_OK) {
        mark_groups(reader, leads);
        if (reader->how != STATE_DONE || run->groups == 0)
            status =
                error_set(STATUS_NOT_FOUND,
                          "%s: its last run %s; give the directory of a finished run that made classes",
                          run_directory, reader->how != STATE_DONE ? "did not end well" : "made no class");
    }
    if (status == STATUS_OK) {
        time_classes(reader, leads, sharing_loss);
        time_the_rest(reader);
    }
    memory_free(&leads);
    return status;
}

enum status recorded_run_read(const char *run_directory, double sharing_loss, struct recorded_run *run)
{
    struct reader reader = {.run = run, .how = STATE_NONE};
    uint64_t skipped = 0;
    memset(run, 0, sizeof *run);
    enum status status = events_file_read(run_directory, read_run, &reader, &skipped);
    if (status == STATUS_OK)
        status = events_file_read(run_directory, read_rank, &reader, &skipped);
    if (status == STATUS_OK)
        status = fill(&reader, run_directory, sharing_loss);
    memory_free(&reader.classes);
    return status;
}

void recorded_run_clear(struct recorded_run *run)
{
    memory_free(&run->class_seconds);
    memset(run, 0, sizeof *run);
}
