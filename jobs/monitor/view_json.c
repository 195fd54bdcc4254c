#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "jobs/monitor/view.h"
#include "mpi/wire/machine.h"
#include "mpi/wire/summary.h"

/* Whose events are written: with several runs each line says so. */
struct stream_place {
    const char *run; /* NULL: the only one */
};

static enum status line_write(void *data, const struct event *event)
{
    const struct stream_place *place = data;
    char line[EVENT_MESSAGE_BYTES_MAX];
    event_encode(event, line, sizeof line);
    json_t *name = place->run != NULL ? json_string(place->run) : NULL;
    char *quoted = name != NULL ? json_dumps(name, JSON_ENCODE_ANY) : NULL;
    if (quoted != NULL)
        printf("{\"run\":%s,\"event\":%s}\n", quoted, line);
    else
        puts(line);
    free(quoted);
    json_decref(name);
    return STATUS_OK;
}

static void stream_news(struct view *view, const struct view_runs *runs, int place, enum follower_news news,
                        const struct event *event)
{
    struct stream_place where = {runs->count > 1 ? follower_name(runs->followers[place]) : NULL};
    (void)view;
    if (news == FOLLOWER_PICTURE)
        picture_replay(follower_picture(runs->followers[place]), line_write, &where);
    else if (news == FOLLOWER_EVENT)
        line_write(&where, event);
    fflush(stdout);
}

static void nothing_news(struct view *view, const struct view_runs *runs, int place, enum follower_news news,
                         const struct event *event)
{
    (void)view;
    (void)runs;
    (void)place;
    (void)news;
    (void)event;
}

static bool nothing_tick(struct view *view, const struct view_runs *runs)
{
    (void)view;
    (void)runs;
    return true;
}

/* null for what is unknown or not finite. */
static json_t *real_or_null(double value, bool known)
{
    return known && isfinite(value) ? json_real(value) : json_null();
}

static json_t *run_to_json(const struct picture *picture, const struct picture_summary *summary)
{
    static const char *const sources[] = {
        [ENERGY_ESTIMATED] = "estimate", [ENERGY_COUNTED] = "counters", [ENERGY_MIXED] = "mixed"};
    const char *state = picture->ended ? event_state_name(picture->end.state) : "running";
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:f, s:f, s:o, s:o, s:f, s:I, s:o, s:s, s:o, s:I}",
        "command", picture->start.text, "host", picture->start.host, "state", state, "text",
        picture->end.text, "job", picture->start.job, "nodes", (int)picture->start.nodes, "ranks",
        (int)summary->ranks, "ranks_silent", (int)summary->ranks_silent, "started", picture->start.time,
        "elapsed_seconds", summary->elapsed, "seconds_left",
        real_or_null(summary->seconds_left, summary->seconds_left >= 0), "progress",
        real_or_null(summary->progress, summary->progress >= 0), "images_per_second",
        summary->images_per_second, "memory_bytes", (json_int_t)summary->memory_bytes, "energy_joules",
        real_or_null(summary->energy_joules, summary->energy_joules > 0), "energy_source",
        sources[summary->energy_source], "co2e_grams",
        real_or_null(summary->co2e_grams, summary->co2e_grams > 0), "dropped", (json_int_t)summary->dropped);
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
                     real_or_null(epoch->train_top1, epoch->train_top1 >= 0), "test_top1",
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

/* One line a run; null for one that is not known. */
static void object_end(struct view *view, const struct view_runs *runs, bool whole)
{
    (void)view;
    for (int i = 0; i < runs->count; i++) {
        const struct picture *picture = follower_picture(runs->followers[i]);
        if (picture == NULL && !whole && runs->count == 1)
            return;
        json_t *object = picture != NULL ? picture_to_json(picture) : json_null();
        if (object == NULL ||
            json_dumpf(object, stdout, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) != 0)
            fputs("facet-monitor: no memory to write the picture as JSON\n", stderr);
        fputc('\n', stdout);
        json_decref(object);
    }
    fflush(stdout);
}

static void stream_end(struct view *view, const struct view_runs *runs, bool whole)
{
    (void)view;
    (void)runs;
    (void)whole;
    fflush(stdout);
}

struct view *view_json(bool stream)
{
    static struct view lines = {-1, stream_news, nothing_tick, stream_end};
    static struct view object = {-1, nothing_news, nothing_tick, object_end};
    return stream ? &lines : &object;
}
