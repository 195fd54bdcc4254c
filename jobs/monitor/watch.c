#include "jobs/monitor/watch.h"

#include <poll.h>
#include <string.h>

#include "jobs/monitor/signals.h"
#include "mpi/wire/machine.h"

enum { PAUSE_MS = 50, POLL_MAX = 1 + METRICS_DESCRIPTORS_MAX };

static const double TURN_SECONDS = 0.02; /* for the news of one run, before keys get their turn */

struct watch {
    const struct watch_options *options;
    struct view_runs *runs;
    struct view *view;
    bool failed[VIEW_RUNS_MAX];  /* cannot be followed (any more) */
    bool told[VIEW_RUNS_MAX];    /* what its follower has to say was said */
    bool busy;                   /* there may be more news at once */
    struct error_carried unsaid; /* the first failure while a screen was in the way of saying it */
};

/* All news of one run that are there, for a while. */
static void news_take(struct watch *watch, int place)
{
    struct follower *follower = watch->runs->followers[place];
    double until = machine_monotonic() + TURN_SECONDS;
    enum follower_news news = FOLLOWER_EVENT;
    struct event event;
    while (!watch->failed[place] && news != FOLLOWER_QUIET) {
        if (follower_turn(follower, &news, &event) != STATUS_OK) {
            if (watch->view->input >= 0)
                error_keep_first(&watch->unsaid, STATUS_IO);
            else
                watch->options->say(error_message());
            watch->failed[place] = true;
        } else if (news != FOLLOWER_QUIET) {
            watch->view->news(watch->view, watch->runs, place, news, &event);
        }
        if (news != FOLLOWER_QUIET && machine_monotonic() >= until) {
            watch->busy = true;
            return;
        }
    }
}

/* Waiting for a run to begin is said once; the full screen shows it anyway. */
static void waiting_tell(struct watch *watch, int place)
{
    const struct follower *follower = watch->runs->followers[place];
    if (watch->view->input >= 0 || watch->told[place] || follower_phase(follower) != FOLLOWER_WAITING ||
        follower_notice(follower)[0] == '\0')
        return;
    watch->told[place] = true;
    watch->options->say(follower_notice(follower));
}

static bool run_is_done(const struct watch *watch, int place)
{
    const struct follower *follower = watch->runs->followers[place];
    bool seen = watch->options->once && follower_picture(follower) != NULL;
    return watch->failed[place] || seen || follower_is_over(follower);
}

static void pause_take(struct watch *watch)
{
    struct pollfd descriptors[POLL_MAX];
    int count = 0;
    if (watch->view->input >= 0)
        descriptors[count++] = (struct pollfd){watch->view->input, POLLIN, 0};
    count += metrics_descriptors(watch->options->metrics, descriptors + count);
    poll(descriptors, (nfds_t)count, watch->busy ? 0 : PAUSE_MS); /* a signal may end it early */
}

static enum watch_result result_of(const struct watch *watch)
{
    for (int i = 0; i < watch->runs->count; i++) {
        const struct picture *picture = follower_picture(watch->runs->followers[i]);
        bool good =
            picture != NULL && (picture->ended ? picture->end.state == STATE_DONE : watch->options->once);
        if (watch->failed[i] || !good)
            return WATCH_BAD;
    }
    return WATCH_GOOD;
}

/* Ends where nothing more will come: not while a screen with something on it stays for the user to leave. */
static bool all_are_done(const struct watch *watch)
{
    bool any_left = false;
    for (int i = 0; i < watch->runs->count; i++) {
        if (!run_is_done(watch, i))
            return false;
        any_left = any_left || !watch->failed[i];
    }
    return watch->view->input < 0 || !any_left;
}

static bool any_failed(const struct watch *watch)
{
    for (int i = 0; i < watch->runs->count; i++)
        if (watch->failed[i])
            return true;
    return false;
}

enum watch_result watch_runs(const struct watch_options *options, struct view_runs *runs, struct view *view)
{
    struct watch watch = {.options = options, .runs = runs, .view = view};
    bool wanted = true;
    while (wanted && signals_ending() == 0) {
        watch.busy = false;
        for (int i = 0; i < runs->count; i++) {
            news_take(&watch, i);
            waiting_tell(&watch, i);
        }
        metrics_turn(options->metrics, runs);
        wanted = view->tick(view, runs) && !all_are_done(&watch);
        if (wanted)
            pause_take(&watch);
    }
    bool all_over = true;
    for (int i = 0; i < runs->count; i++)
        all_over = all_over && run_is_done(&watch, i);
    view->end(view, runs, !any_failed(&watch));
    if (watch.unsaid.status != STATUS_OK)
        options->say(watch.unsaid.message);
    if (signals_ending() != 0)
        return WATCH_SIGNAL;
    return all_over ? result_of(&watch) : WATCH_LEFT;
}
