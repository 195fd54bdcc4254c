#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "jobs/monitor/view.h"
#include "mpi/wire/machine.h"
#include "mpi/wire/summary.h"

static enum status line_write(void *data, const struct event *event)
{
    char line[EVENT_MESSAGE_BYTES_MAX];
    (void)data;
    event_encode(event, line, sizeof line);
    puts(line);
    return STATUS_OK;
}

static void stream_picture(struct view *view, const struct picture *picture)
{
    (void)view;
    picture_replay(picture, line_write, NULL);
    fflush(stdout);
}

static void stream_event(struct view *view, const struct picture *picture, const struct event *event)
{
    (void)view;
    (void)picture;
    line_write(NULL, event);
    fflush(stdout);
}

static void nothing_picture(struct view *view, const struct picture *picture)
{
    (void)view;
    (void)picture;
}

static void nothing_event(struct view *view, const struct picture *picture, const struct event *event)
{
    (void)view;
    (void)picture;
    (void)event;
}

static void nothing_tick(struct view *view, const struct picture *picture, double silence)
{
    (void)view;
    (void)picture;
    (void)silence;
}

/* null for what is unknown or not finite. */
static json_t *real_or_null(double value, bool known)
{
    return known && isfinite(value) ? json_real(value) : json_null();
}

static json_t *run_to_json(const struct picture *picture, const struct picture_summary *summary)
{
    const char *state = picture->ended ? event_state_name(picture->end.state) : "running";
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:f, s:f, s:o, s:o, s:f, s:I}", "command",
                     picture->start.text, "host", picture->start.host, "state", state, "text",
                     picture->end.text, "ranks", (int)summary->ranks, "started", picture->start.time,
                     "elapsed_seconds", summary->elapsed, "seconds_left",
                     real_or_null(summary->seconds_left, summary->seconds_left >= 0), "progress",
                     real_or_null(summary->progress, summary->progress >= 0), "images_per_second",
                     summary->images_per_second, "memory_bytes", (json_int_t)summary->memory_bytes);
}

static json_t *counts_to_json(const struct picture_summary *summary)
{
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "total", (int)summary->classes, "done",
                     (int)summary->classes_done, "resumed", (int)summary->classes_resumed, "running",
                     (int)summary->classes_running, "waiting", (int)summary->classes_waiting, "failed",
                     (int)summary->classes_failed);
}

static json_t *rank_to_json(const struct picture_rank *rank, int index)
{
    return json_pack("{s:i, s:s, s:s, s:s, s:i, s:I, s:I, s:f, s:I, s:f}", "rank", index, "host", rank->host,
                     "state", event_state_name(rank->state), "text", rank->text, "class",
                     (int)rank->class_index, "done", (json_int_t)rank->done, "total", (json_int_t)rank->total,
                     "images_per_second", rank->images_per_second, "memory_bytes",
                     (json_int_t)rank->memory_bytes, "last_time", rank->last_time);
}

static json_t *class_to_json(const struct picture_class *class, int index)
{
    return json_pack("{s:i, s:s, s:s, s:i, s:f, s:o}", "class", index, "name", class->name, "state",
                     event_state_name(class->state), "rank", (int)class->rank, "time", class->time, "value",
                     real_or_null(class->value, class->value >= 0));
}

static json_t *epoch_to_json(const struct picture_epoch *epoch)
{
    return json_pack("{s:I, s:I, s:i, s:i, s:f, s:o, s:o, s:o}", "done", (json_int_t)epoch->done, "total",
                     (json_int_t)epoch->total, "class", (int)epoch->class_index, "rank", (int)epoch->rank,
                     "time", epoch->time, "loss", real_or_null(epoch->loss, true), "train_top1",
                     real_or_null(epoch->train_top1, true), "test_top1",
                     real_or_null(epoch->test_top1, epoch->test_top1 >= 0));
}

static json_t *log_to_json(const struct event *event)
{
    return json_pack("{s:f, s:i, s:s}", "time", event->time, "rank", (int)event->rank, "text", event->text);
}

static json_t *picture_to_json(const struct picture *picture)
{
    struct picture_summary summary;
    json_t *ranks = json_array();
    json_t *classes = json_array();
    json_t *epochs = json_array();
    json_t *log = json_array();
    picture_summarise(picture, machine_time(), &summary);
    for (int32_t i = 0; i < picture->rank_count; i++)
        if (picture->ranks[i].heard)
            json_array_append_new(ranks, rank_to_json(&picture->ranks[i], i));
    for (int32_t i = 0; i < picture->class_count; i++)
        if (picture->classes[i].state != STATE_NONE)
            json_array_append_new(classes, class_to_json(&picture->classes[i], i));
    for (int32_t i = 0; i < picture->epoch_count; i++)
        json_array_append_new(epochs, epoch_to_json(&picture->epochs[i]));
    for (int32_t i = 0; i < picture->log_count; i++)
        json_array_append_new(log, log_to_json(&picture->log[i]));
    return json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "v", EVENT_WIRE_VERSION, "run",
                     run_to_json(picture, &summary), "class_counts", counts_to_json(&summary), "classes",
                     classes, "ranks", ranks, "epochs", epochs, "log", log);
}

static void object_end(struct view *view, const struct picture *picture)
{
    (void)view;
    if (picture == NULL)
        return;
    json_t *object = picture_to_json(picture);
    if (object == NULL || json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15)) != 0)
        fputs("facet-monitor: no memory to write the picture as JSON\n", stderr);
    fputc('\n', stdout);
    fflush(stdout);
    json_decref(object);
}

static void stream_end(struct view *view, const struct picture *picture)
{
    (void)view;
    (void)picture;
    fflush(stdout);
}

struct view *view_json(bool stream)
{
    static struct view lines = {stream_picture, stream_event, nothing_tick, stream_end};
    static struct view object = {nothing_picture, nothing_event, nothing_tick, object_end};
    return stream ? &lines : &object;
}
