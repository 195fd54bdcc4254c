#include "jobs/monitor/follow.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "jobs/monitor/describe.h"
#include "jobs/monitor/signals.h"
#include "mpi/wire/endpoint_file.h"
#include "mpi/wire/events_file.h"
#include "mpi/wire/key_file.h"
#include "mpi/wire/machine.h"
#include "mpi/wire/subscriber.h"

enum { NEWS_MS = 200 };

static const double FILE_INTERVAL = 0.25; /* seconds between two looks for monitor.json */
static const double ANSWER_SECONDS = 3;   /* a server that runs has answered by then */
static const double LOST_SECONDS = 60;    /* silence after which a run is given up */

static void pause_for(double seconds)
{
    struct timespec time = {(time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds))};
    nanosleep(&time, NULL); /* a signal may end it early */
}

static enum status caught(void)
{
    return signals_ending() != 0 ? error_set(STATUS_STOPPED, "stopped by a signal") : STATUS_OK;
}

/* A wrong name would wait for ever; what can be seen to be wrong is said at once. */
static enum status directory_check(const char *run)
{
    struct stat found;
    if (stat(run, &found) == 0 && !S_ISDIR(found.st_mode))
        return error_set(STATUS_NOT_FOUND,
                         "%s: is not a run directory; name the directory given to -o, or "
                         "tcp://HOST:PORT",
                         run);
    return STATUS_OK;
}

/* Waits for RUN/monitor.json. */
static enum status description_await(const struct follow_options *options,
                                     struct endpoint_description *description)
{
    char line[512];
    bool said = false;
    double start = machine_monotonic();
    for (;;) {
        enum status status = directory_check(options->run);
        if (status == STATUS_OK)
            status = endpoint_file_read(options->run, description);
        if (status != STATUS_NOT_FOUND || directory_check(options->run) != STATUS_OK)
            return status;
        double waited = machine_monotonic() - start;
        if (options->timeout >= 0 && waited >= options->timeout)
            return error_set(STATUS_NOT_FOUND,
                             "%s/monitor.json: no run has begun there; is the directory the one given to -o? "
                             "(--timeout waits longer)",
                             options->run);
        if (!said) {
            snprintf(line, sizeof line, "waiting for %.400s/monitor.json: no run has begun there yet",
                     options->run);
            options->say(line);
        }
        said = true;
        pause_for(FILE_INTERVAL);
        status = caught();
        if (status != STATUS_OK)
            return status;
    }
}

static enum status event_add(void *data, const struct event *event)
{
    enum status status = picture_apply(data, event);
    return status == STATUS_FORMAT ? STATUS_OK : status; /* one odd line does not hide the rest */
}

/* A run that has ended is read from its files. */
static enum status result_show(const char *run, const struct endpoint_description *description,
                               struct view *view, enum event_state *state)
{
    struct picture *picture = NULL;
    uint64_t skipped;
    enum status status = picture_create(&picture);
    if (status == STATUS_OK)
        status = events_file_read(run, event_add, picture, &skipped);
    if (status == STATUS_OK && !picture->ended) { /* the disk was full, say: monitor.json knows better */
        struct event end = event_make(EVENT_RUN_END);
        end.state = description->state;
        end.time = picture->start.time;
        for (int32_t i = 0; i < picture->rank_count; i++)
            if (picture->ranks[i].last_time > end.time)
                end.time = picture->ranks[i].last_time;
        snprintf(end.text, sizeof end.text, "events.jsonl is incomplete");
        status = picture_apply(picture, &end);
    }
    if (status == STATUS_OK) {
        view->picture(view, picture);
        view->end(view, picture);
        *state = picture->end.state;
    }
    picture_destroy(&picture);
    return status;
}

/* Nobody is there: why, and what to do. */
static enum status stale_error(const struct follow_options *options,
                               const struct endpoint_description *description, double silence)
{
    char host[EVENT_HOST_BYTES];
    char duration[DESCRIBE_NUMBER_BYTES];
    describe_duration(silence, duration);
    machine_host(host, sizeof host);
    if (description == NULL)
        return error_set(
            STATUS_NOT_FOUND,
            "%s: no answer for %s; it must be the \"snapshot\" endpoint in the monitor.json of a run "
            "that is still going on, and the key file that run's",
            options->run, duration);
    if (endpoint_is_dead(description))
        return error_set(
            STATUS_NOT_FOUND,
            "%s/monitor.json: says that process %lld on this host (%s) runs it, but that process is "
            "gone: the run crashed or was killed; resume it, or read %s/events.jsonl",
            options->run, (long long)description->process, description->host, options->run);
    if (strcmp(host, description->host) != 0 && strncmp(description->snapshot, "tcp://127.", 10) == 0)
        return error_set(
            STATUS_NOT_FOUND,
            "%s/monitor.json: the run (process %lld) answers only on its own host; run facet-monitor "
            "on %s, or start the run with a bind address that this host (%s) reaches",
            options->run, (long long)description->process, description->host, host);
    return error_set(
        STATUS_NOT_FOUND,
        "%s/monitor.json: no answer for %s from process %lld on host %s at %s; see whether it still "
        "runs there (else resume the run) and whether this host reaches it",
        options->run, duration, (long long)description->process, description->host, description->snapshot);
}

/* True when the run's server has said goodbye in monitor.json, or another run has begun there. */
static bool description_has_changed(const struct follow_options *options,
                                    const struct endpoint_description *before)
{
    struct endpoint_description latest;
    return endpoint_file_read(options->run, &latest) == STATUS_OK &&
           (latest.state != STATE_RUNNING || strcmp(latest.run, before->run) != 0);
}

/* True when it is no use to go on waiting for the server. */
static bool contact_is_lost(const struct follow_options *options,
                            const struct endpoint_description *description,
                            const struct subscriber *subscriber)
{
    double silence = subscriber_silence(subscriber);
    if (silence < ANSWER_SECONDS)
        return false;
    if (subscriber_picture(subscriber) == NULL || silence >= LOST_SECONDS)
        return true;
    if (description == NULL)
        return false;
    return endpoint_is_dead(description) || description_has_changed(options, description);
}

/* The key of the run's monitors, which fits the run that is described there. */
static enum status key_find(const struct follow_options *options,
                            const struct endpoint_description *description, struct wire_client_key *key)
{
    char path[RUN_FILE_PATH_BYTES];
    enum status status = STATUS_OK;
    if (options->key_file == NULL)
        status = key_file_path(options->run, path);
    if (status == STATUS_OK)
        status = key_file_read(options->key_file != NULL ? options->key_file : path, key);
    if (status != STATUS_OK || description == NULL || strcmp(key->server_key, description->server_key) == 0)
        return status;
    return error_set(STATUS_MISMATCH,
                     "%s: is the key of another run than the one described in %s/monitor.json; copy "
                     "monitor.key again (each start of a run draws new keys)",
                     options->key_file != NULL ? options->key_file : path, options->run);
}

static enum status follow_live(const struct follow_options *options,
                               const struct endpoint_description *description, struct view *view,
                               enum event_state *state)
{
    struct subscriber *subscriber = NULL;
    const struct picture *picture = NULL;
    enum subscriber_news news;
    struct event event;
    bool complete = false;
    struct wire_client_key key;
    enum status status = key_find(options, description, &key);
    if (status == STATUS_OK)
        status = subscriber_create(description != NULL ? description->snapshot : options->run,
                                   description != NULL ? description->run : NULL, &key, &subscriber);
    wire_key_forget(&key, sizeof key);
    while (status == STATUS_OK && !complete) {
        status = subscriber_next(subscriber, NEWS_MS, &news, &event);
        if (status == STATUS_OK)
            status = caught();
        if (status != STATUS_OK)
            break;
        picture = subscriber_picture(subscriber);
        if (news == SUBSCRIBER_PICTURE)
            view->picture(view, picture);
        else if (news == SUBSCRIBER_EVENT)
            view->event(view, picture, &event);
        complete = picture != NULL && (picture->ended || options->once);
        if (complete)
            break;
        if (contact_is_lost(options, description, subscriber))
            status = stale_error(options, description, subscriber_silence(subscriber));
        view->tick(view, picture, subscriber_silence(subscriber));
    }
    if (status == STATUS_MISMATCH && description != NULL)
        error_prefix(status, "%s/monitor.json is out of date, its run is gone: ", options->run);
    if (complete)
        *state = picture->ended ? picture->end.state : STATE_RUNNING;
    view->end(view, complete ? picture : NULL);
    subscriber_destroy(&subscriber);
    return status;
}

enum status follow_run(const struct follow_options *options, struct view *view, enum event_state *state)
{
    struct endpoint_description description = {0};
    *state = STATE_RUNNING;
    if (strncmp(options->run, "tcp://", 6) == 0)
        return follow_live(options, NULL, view, state);
    for (;;) {
        struct error_carried failure = {STATUS_OK, ""};
        enum status status = description_await(options, &description);
        if (status != STATUS_OK)
            return status;
        if (description.state != STATE_RUNNING)
            return result_show(options->run, &description, view, state);
        if (endpoint_is_dead(&description))
            status = stale_error(options, &description, 0);
        else
            status = follow_live(options, &description, view, state);
        if (status == STATUS_OK || status == STATUS_STOPPED)
            return status;
        error_keep_first(&failure, status);
        if (!description_has_changed(options, &description))
            return error_raise(&failure);
    }
}
