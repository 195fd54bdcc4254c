#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/monitor/describe.h"
#include "jobs/monitor/view.h"
#include "mpi/wire/machine.h"

/* A file or a pipe has no height; a thousand ranks are still too much to read. */
static const struct describe_limits limits = {.ranks = 64, .epochs = 10, .log = 20};

static const double PROGRESS_SECONDS = 60; /* between two lines on how far a run is */

static struct {
    bool joined;
    double progress_shown; /* monotonic */
} shown[VIEW_RUNS_MAX];

/* Each line with the run's name in front when there are several. */
static void text_write(const struct view_runs *runs, int place, const char *text)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        if (runs->count > 1)
            printf("%s: ", follower_name(runs->followers[place]));
        fwrite(text, 1, length, stdout);
        putchar('\n');
        text += length + (text[length] == '\n');
    }
    fflush(stdout);
}

struct note {
    char *text;
    size_t bytes;
    FILE *out;
};

/* The stream keeps the addresses of the note's members: the note stays where it is. */
static bool note_begin(struct note *note)
{
    *note = (struct note){NULL, 0, NULL};
    note->out = open_memstream(&note->text, &note->bytes);
    return note->out != NULL;
}

/* Without memory nothing is shown. */
static void note_end(struct note *note, const struct view_runs *runs, int place)
{
    if (fclose(note->out) == 0)
        text_write(runs, place, note->text);
    free(note->text);
}

static void picture_write(const struct view_runs *runs, int place)
{
    struct note note;
    if (!note_begin(&note))
        return;
    describe_picture(note.out, follower_picture(runs->followers[place]), machine_time(), &limits);
    note_end(&note, runs, place);
}

static void progress_write(const struct view_runs *runs, int place, bool with_clock)
{
    char clock[DESCRIBE_NUMBER_BYTES];
    struct note note;
    if (!note_begin(&note))
        return;
    describe_clock(machine_time(), clock);
    if (with_clock)
        fprintf(note.out, "%s ", clock);
    describe_progress(note.out, follower_picture(runs->followers[place]), machine_time());
    note_end(&note, runs, place);
}

static void event_write(const struct view_runs *runs, int place, const struct event *event)
{
    const struct picture *picture = follower_picture(runs->followers[place]);
    char clock[DESCRIBE_NUMBER_BYTES];
    bool class_ended =
        event->kind == EVENT_CLASS && event->state != STATE_WAITING && event->state != STATE_RUNNING;
    bool epoch_ended = event->kind == EVENT_EPOCH && event->class_index < 0 && event->done > 0 &&
                       event->state != STATE_RESUMED;
    struct note note;
    if ((!class_ended && !epoch_ended && event->kind != EVENT_LOG) || !note_begin(&note))
        return;
    describe_clock(event->time, clock);
    if (event->kind == EVENT_LOG)
        describe_log(note.out, event);
    else
        fprintf(note.out, "%s ", clock);
    if (class_ended)
        describe_class(note.out, picture, event->class_index);
    if (epoch_ended)
        describe_epoch(note.out, &picture->epochs[picture->epoch_count - 1]);
    note_end(&note, runs, place);
}

static void plain_news(struct view *view, const struct view_runs *runs, int place, enum follower_news news,
                       const struct event *event)
{
    (void)view;
    if (news == FOLLOWER_EVENT)
        event_write(runs, place, event);
    if (news != FOLLOWER_PICTURE || follower_picture(runs->followers[place])->ended)
        return;              /* plain_end will show it */
    if (shown[place].joined) /* events were missed, or only snapshots reach us: how it stands is enough */
        progress_write(runs, place, false);
    else
        picture_write(runs, place);
    shown[place].joined = true;
    shown[place].progress_shown = machine_monotonic();
}

static bool plain_tick(struct view *view, const struct view_runs *runs)
{
    double now = machine_monotonic();
    (void)view;
    for (int i = 0; i < runs->count; i++) {
        const struct picture *picture = follower_picture(runs->followers[i]);
        if (picture == NULL || picture->ended || now - shown[i].progress_shown < PROGRESS_SECONDS)
            continue;
        shown[i].progress_shown = now;
        progress_write(runs, i, true);
    }
    return true;
}

static void plain_end(struct view *view, const struct view_runs *runs, bool whole)
{
    (void)view;
    (void)whole;
    for (int i = 0; i < runs->count; i++) {
        const struct picture *picture = follower_picture(runs->followers[i]);
        if (picture != NULL && picture->ended)
            picture_write(runs, i);
    }
    fflush(stdout);
}

struct view *view_plain(void)
{
    static struct view view = {-1, plain_news, plain_tick, plain_end};
    return &view;
}
