#include "jobs/monitor/follower.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "compute/base/memory.h"
#include "jobs/monitor/describe.h"
#include "mpi/wire/endpoint_file.h"
#include "mpi/wire/events_file.h"
#include "mpi/wire/key_file.h"
#include "mpi/wire/machine.h"
#include "mpi/wire/subscriber.h"

enum { NOTICE_BYTES = 1024 };

static const double FILE_INTERVAL = 0.25; /* seconds between two looks for monitor.json */
static const double AGAIN_INTERVAL = 2;   /* the same when the run was there before */
static const double JOIN_SECONDS = 6;   /* a server that runs has let us in by then, on a busy machine, too */
static const double ANSWER_SECONDS = 3; /* and is heard so often afterwards */
static const double LOST_SECONDS = 60;  /* silence after which a run is given up */

struct follower {
    struct follower_options options;
    bool is_endpoint; /* options.run is tcp://HOST:PORT: there is no directory to look into */
    enum follower_phase phase;
    struct endpoint_description description; /* of the run that is followed; run "" before */
    struct subscriber *subscriber;
    struct picture *result; /* of a run that has ended, from its files */
    double created, look;   /* monotonic: since when it waits; when to look for monitor.json again */
    char notice[NOTICE_BYTES];
};

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

static enum status event_add(void *data, const struct event *event)
{
    enum status status = picture_apply(data, event);
    return status == STATUS_FORMAT ? STATUS_OK : status; /* one odd line does not hide the rest */
}

/* Nobody is there: why, and what to do. */
static enum status stale_error(const struct follower_options *options,
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

/* The key of the run's monitors, which fits the run that is described there. */
static enum status key_find(const struct follower_options *options,
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

static void connection_drop(struct follower *follower)
{
    subscriber_destroy(&follower->subscriber);
    picture_destroy(&follower->result);
}

/* A run that has ended is read from its files. */
static enum status result_read(struct follower *follower)
{
    struct picture *picture = NULL;
    uint64_t skipped;
    enum status status = picture_create(&picture);
    if (status == STATUS_OK)
        status = events_file_read(follower->options.run, event_add, picture, &skipped);
    if (status == STATUS_OK && !picture->ended) { /* the disk was full, say: monitor.json knows better */
        struct event end = event_make(EVENT_RUN_END);
        end.state = follower->description.state;
        end.time = picture->start.time;
        for (int32_t i = 0; i < picture->rank_count; i++)
            if (picture->ranks[i].last_time > end.time)
                end.time = picture->ranks[i].last_time;
        snprintf(end.text, sizeof end.text, "events.jsonl is incomplete");
        status = picture_apply(picture, &end);
    }
    if (status != STATUS_OK) {
        picture_destroy(&picture);
        return status;
    }
    connection_drop(follower);
    follower->result = picture;
    follower->phase = FOLLOWER_ENDED;
    return STATUS_OK;
}

/* Connects to the run described (NULL: to the endpoint the user named). */
static enum status run_join(struct follower *follower, const struct endpoint_description *description)
{
    const struct follower_options *options = &follower->options;
    struct subscriber *subscriber = NULL;
    struct wire_client_key key;
    enum status status = key_find(options, description, &key);
    if (status == STATUS_OK)
        status = subscriber_create(description != NULL ? description->snapshot : options->run,
                                   description != NULL ? description->run : NULL, &key, &subscriber);
    wire_key_forget(&key, sizeof key);
    if (status != STATUS_OK)
        return status;
    connection_drop(follower);
    follower->subscriber = subscriber;
    follower->phase = FOLLOWER_JOINING;
    return STATUS_OK;
}

static enum status run_begin(struct follower *follower, const struct endpoint_description *description,
                             enum follower_news *news)
{
    follower->description = *description;
    follower->notice[0] = '\0';
    if (description->state != STATE_RUNNING) {
        enum status status = result_read(follower);
        *news = status == STATUS_OK ? FOLLOWER_PICTURE : FOLLOWER_QUIET;
        return status;
    }
    if (endpoint_is_dead(description))
        return stale_error(&follower->options, description, 0);
    return run_join(follower, description);
}

/* Whether monitor.json tells of another run, or of the end of this one; *latest is what it tells. */
static bool description_is_new(const struct follower *follower, struct endpoint_description *latest)
{
    if (follower->is_endpoint || endpoint_file_read(follower->options.run, latest) != STATUS_OK)
        return false;
    return strcmp(latest->run, follower->description.run) != 0 ||
           (follower->phase != FOLLOWER_ENDED && latest->state != STATE_RUNNING);
}

static enum status waiting_turn(struct follower *follower, enum follower_news *news, double now)
{
    struct endpoint_description description;
    const struct follower_options *options = &follower->options;
    enum status status = directory_check(options->run);
    if (status == STATUS_OK)
        status = endpoint_file_read(options->run, &description);
    follower->look = now + FILE_INTERVAL;
    if (status == STATUS_OK) {
        status = run_begin(follower, &description, news);
        /* it has ended, or begun again, between the looks into its files */
        return status != STATUS_OK && description_is_new(follower, &description) ? STATUS_OK : status;
    }
    if (status != STATUS_NOT_FOUND || directory_check(options->run) != STATUS_OK)
        return status;
    if (options->timeout >= 0 && now - follower->created >= options->timeout)
        return error_set(STATUS_NOT_FOUND,
                         "%s/monitor.json: no run has begun there; is the directory the one given to -o? "
                         "(--timeout waits longer)",
                         options->run);
    snprintf(follower->notice, sizeof follower->notice,
             "waiting for %.400s/monitor.json: no run has begun there yet", options->run);
    return STATUS_OK;
}

/* True when it is no use to go on waiting for an answer. */
static bool contact_is_lost(const struct follower *follower)
{
    double silence = subscriber_silence(follower->subscriber);
    bool joined = subscriber_picture(follower->subscriber) != NULL;
    if (silence < (joined ? ANSWER_SECONDS : JOIN_SECONDS))
        return false;
    if (!joined || silence >= LOST_SECONDS)
        return true;
    return !follower->is_endpoint && endpoint_is_dead(&follower->description);
}

static void silence_tell(struct follower *follower)
{
    char duration[DESCRIBE_NUMBER_BYTES];
    double silence = subscriber_silence(follower->subscriber);
    follower->notice[0] = '\0';
    if (silence < ANSWER_SECONDS || follower->phase != FOLLOWER_LIVE)
        return;
    describe_duration(silence, duration);
    snprintf(follower->notice, sizeof follower->notice, "no word from the run for %s", duration);
}

static enum status live_turn(struct follower *follower, enum follower_news *news, struct event *event)
{
    enum subscriber_news heard = SUBSCRIBER_QUIET;
    enum status status = subscriber_next(follower->subscriber, 0, &heard, event);
    if (status == STATUS_MISMATCH && !follower->is_endpoint)
        error_prefix(status, "%s/monitor.json is out of date, its run is gone: ", follower->options.run);
    if (status != STATUS_OK)
        return status;
    *news = heard == SUBSCRIBER_PICTURE ? FOLLOWER_PICTURE
            : heard == SUBSCRIBER_EVENT ? FOLLOWER_EVENT
                                        : FOLLOWER_QUIET;
    if (*news != FOLLOWER_QUIET)
        follower->phase = subscriber_picture(follower->subscriber)->ended ? FOLLOWER_ENDED : FOLLOWER_LIVE;
    if (follower->phase != FOLLOWER_LOST && contact_is_lost(follower))
        return stale_error(&follower->options, follower->is_endpoint ? NULL : &follower->description,
                           subscriber_silence(follower->subscriber));
    if (follower->phase != FOLLOWER_LOST)
        silence_tell(follower);
    return STATUS_OK;
}

/* A run that was there once: has it ended meanwhile, or begun again? */
static enum status again_turn(struct follower *follower, enum follower_news *news, double now)
{
    struct endpoint_description latest;
    follower->look = now + AGAIN_INTERVAL;
    return description_is_new(follower, &latest) ? run_begin(follower, &latest, news) : STATUS_OK;
}

/* Only what may get better by waiting. */
static enum status failure_take(struct follower *follower, enum status status)
{
    if (status == STATUS_OK || !follower->options.patient || status == STATUS_NO_MEMORY)
        return status;
    bool never_there = follower->description.run[0] == '\0' && !follower->is_endpoint;
    if (never_there)
        return status;
    snprintf(follower->notice, sizeof follower->notice, "%s", error_message());
    follower->phase = FOLLOWER_LOST;
    return STATUS_OK;
}

static enum status phase_turn(struct follower *follower, enum follower_news *news, struct event *event)
{
    double now = machine_monotonic();
    enum status status = STATUS_OK;
    bool joined = follower->subscriber != NULL && follower->phase != FOLLOWER_ENDED;
    if (follower->phase == FOLLOWER_WAITING)
        return now >= follower->look ? waiting_turn(follower, news, now) : STATUS_OK;
    if (joined)
        status = live_turn(follower, news, event);
    /* the server said goodbye in monitor.json, or another run has begun there */
    bool silent = !joined || status != STATUS_OK || subscriber_silence(follower->subscriber) > ANSWER_SECONDS;
    bool wanted = follower->phase != FOLLOWER_ENDED || follower->options.patient;
    if (*news != FOLLOWER_QUIET || !silent || !wanted || (now < follower->look && status == STATUS_OK))
        return status;
    struct error_carried failure = {STATUS_OK, ""};
    error_keep_first(&failure, status);
    char run[RUN_IDENTITY_BYTES];
    memcpy(run, follower->description.run, sizeof run);
    enum event_state state = follower->description.state;
    enum status again = again_turn(follower, news, now);
    bool changed = strcmp(run, follower->description.run) != 0 || state != follower->description.state;
    return changed || again != STATUS_OK ? again : error_raise(&failure);
}

enum status follower_turn(struct follower *follower, enum follower_news *news, struct event *event)
{
    *news = FOLLOWER_QUIET;
    return failure_take(follower, phase_turn(follower, news, event));
}

enum status follower_create(const struct follower_options *options, struct follower **follower)
{
    enum status status = memory_allocate(follower, 1, sizeof **follower, "follower");
    if (status != STATUS_OK)
        return status;
    struct follower *made = *follower;
    made->options = *options;
    made->created = made->look = machine_monotonic();
    made->phase = FOLLOWER_WAITING;
    made->is_endpoint = strncmp(options->run, "tcp://", 6) == 0;
    if (made->is_endpoint)
        status = run_join(made, NULL);
    if (status != STATUS_OK)
        follower_destroy(follower);
    return status;
}

void follower_destroy(struct follower **follower)
{
    if (*follower == NULL)
        return;
    connection_drop(*follower);
    memory_free(follower);
}

const char *follower_name(const struct follower *follower)
{
    return follower->options.run;
}

enum follower_phase follower_phase(const struct follower *follower)
{
    return follower->phase;
}

const struct picture *follower_picture(const struct follower *follower)
{
    if (follower->result != NULL)
        return follower->result;
    return follower->subscriber != NULL ? subscriber_picture(follower->subscriber) : NULL;
}

const char *follower_notice(const struct follower *follower)
{
    return follower->notice;
}

struct snapshot_header follower_header(const struct follower *follower)
{
    static const struct snapshot_header none;
    return follower->subscriber != NULL ? *subscriber_header(follower->subscriber) : none;
}

uint64_t follower_gaps(const struct follower *follower)
{
    return follower->subscriber != NULL ? subscriber_gaps(follower->subscriber) : 0;
}

bool follower_is_over(const struct follower *follower)
{
    const struct picture *picture = follower_picture(follower);
    if (follower->phase != FOLLOWER_ENDED || picture == NULL)
        return false;
    /* one that was stopped while it was watched is about to be requeued, perhaps */
    return !follower->options.patient || picture->end.state != STATE_STOPPED || follower->subscriber == NULL;
}
