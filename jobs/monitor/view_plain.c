#include "jobs/monitor/describe.h"
#include "jobs/monitor/view.h"
#include "mpi/wire/machine.h"

/* A file or a pipe has no height; a thousand ranks are still too much to read. */
static const struct describe_limits limits = {.ranks = 64, .epochs = 10, .log = 20};

static const double PROGRESS_SECONDS = 60; /* between two lines on how far the run is */

static double progress_shown; /* monotonic */

static void plain_picture(struct view *view, const struct picture *picture)
{
    static bool joined;
    (void)view;
    if (picture->ended) /* plain_end will show it */
        return;
    if (joined) { /* events were missed, or only snapshots reach us: how it stands now is enough */
        describe_progress(stdout, picture, machine_time());
        fputc('\n', stdout);
    } else {
        describe_picture(stdout, picture, machine_time(), &limits);
    }
    joined = true;
    progress_shown = machine_monotonic();
    fflush(stdout);
}

static void plain_event(struct view *view, const struct picture *picture, const struct event *event)
{
    char clock[DESCRIBE_NUMBER_BYTES];
    (void)view;
    describe_clock(event->time, clock);
    if (event->kind == EVENT_CLASS && event->state != STATE_WAITING && event->state != STATE_RUNNING) {
        fprintf(stdout, "%s ", clock);
        describe_class(stdout, picture, event->class_index);
    } else if (event->kind == EVENT_EPOCH && event->done > 0 && event->state != STATE_RESUMED) {
        fprintf(stdout, "%s ", clock);
        describe_epoch(stdout, &picture->epochs[picture->epoch_count - 1]);
    } else if (event->kind == EVENT_LOG) {
        describe_log(stdout, event);
    } else {
        return;
    }
    fputc('\n', stdout);
    fflush(stdout);
}

static void plain_tick(struct view *view, const struct picture *picture, double silence)
{
    char clock[DESCRIBE_NUMBER_BYTES];
    (void)view;
    (void)silence;
    if (picture == NULL || machine_monotonic() - progress_shown < PROGRESS_SECONDS)
        return;
    progress_shown = machine_monotonic();
    describe_clock(machine_time(), clock);
    fprintf(stdout, "%s ", clock);
    describe_progress(stdout, picture, machine_time());
    fputc('\n', stdout);
    fflush(stdout);
}

static void plain_end(struct view *view, const struct picture *picture)
{
    (void)view;
    if (picture != NULL && picture->ended)
        describe_picture(stdout, picture, machine_time(), &limits);
    fflush(stdout);
}

struct view *view_plain(void)
{
    static struct view view = {plain_picture, plain_event, plain_tick, plain_end};
    return &view;
}
