#include "mpi/wire/summary.h"

#include <math.h>
#include <string.h>

static bool rank_is_at_work(const struct picture *picture, const struct picture_rank *rank)
{
    return !picture->ended && rank->heard && rank->state != STATE_DONE && rank->state != STATE_FAILED &&
           rank->state != STATE_STOPPED;
}

bool picture_rank_is_silent(const struct picture *picture, int32_t rank, double now)
{
    const struct picture_rank *state = &picture->ranks[rank];
    return rank_is_at_work(picture, state) && now - state->last_time > SUMMARY_SILENT_SECONDS;
}

static void ranks_summarise(const struct picture *picture, double now, struct picture_summary *summary)
{
    summary->ranks = picture->start.total < EVENT_RANKS_MAX ? (int32_t)picture->start.total : EVENT_RANKS_MAX;
    int32_t counted = 0;
    for (int32_t i = 0; i < picture->rank_count; i++) {
        const struct picture_rank *rank = &picture->ranks[i];
        if (!rank->heard)
            continue;
        bool silent = picture_rank_is_silent(picture, i, now);
        summary->ranks_heard++;
        summary->ranks_silent += silent;
        summary->memory_bytes += rank->memory_bytes;
        summary->energy_joules += rank->energy_joules;
        counted += rank->energy_counted;
        summary->dropped += rank->dropped;
        if (rank_is_at_work(picture, rank) && !silent)
            summary->images_per_second += rank->images_per_second;
    }
    summary->energy_source = counted == 0                      ? ENERGY_ESTIMATED
                             : counted == summary->ranks_heard ? ENERGY_COUNTED
                                                               : ENERGY_MIXED;
    summary->co2e_grams = summary->energy_joules * picture->start.co2e_grams_per_joule;
}

static void value_add(struct picture_summary *summary, double value)
{
    if (!(value >= 0)) /* none, or undefined */
        return;
    summary->value_least = summary->value_count == 0 ? value : fmin(summary->value_least, value);
    summary->value_most = summary->value_count == 0 ? value : fmax(summary->value_most, value);
    summary->value_count++;
    summary->value_mean += (value - summary->value_mean) / summary->value_count;
}

static void classes_summarise(const struct picture *picture, struct picture_summary *summary)
{
    for (int32_t i = 0; i < picture->class_count; i++) {
        const struct picture_class *class = &picture->classes[i];
        if (class->state == STATE_DONE || class->state == STATE_RESUMED) {
            summary->classes_done++;
            summary->classes_resumed += class->state == STATE_RESUMED;
            value_add(summary, class->value);
        } else if (class->state == STATE_FAILED) {
            summary->classes_failed++;
        } else if (class->state == STATE_RUNNING) {
            summary->classes_running++;
        }
    }
    summary->classes = picture->start.class_count > 0 ? picture->start.class_count : picture->class_count;
    summary->classes_waiting =
        summary->classes - summary->classes_done - summary->classes_failed - summary->classes_running;
}

static void epochs_summarise(const struct picture *picture, struct picture_summary *summary)
{
    int32_t last = picture->epoch_count - 1;
    while (last >= 0 && picture->epochs[last].class_index >= 0)
        last--;
    if (last >= 0) {
        summary->epochs_done = picture->epochs[last].done;
        summary->epochs_total = picture->epochs[last].total;
    } else if (picture->epochs_announced) {
        summary->epochs_done = picture->epochs_start.done;
        summary->epochs_total = picture->epochs_start.total;
    }
}

/* How far the ranks are with what they count: of_classes: those at a class, with that class; else those at
 * none, with all they have to do. */
static double ranks_fraction(const struct picture *picture, bool of_classes)
{
    double done = 0;
    double total = 0;
    for (int32_t i = 0; i < picture->rank_count; i++) {
        const struct picture_rank *rank = &picture->ranks[i];
        bool fits = rank->heard && rank->total > 0 && (rank->class_index >= 0) == of_classes;
        if (fits && of_classes)
            fits = rank->class_index < picture->class_count &&
                   picture->classes[rank->class_index].state == STATE_RUNNING;
        if (!fits)
            continue;
        done += (double)rank->done;
        total += (double)rank->total;
    }
    return total > 0 ? fmin(done / total, 1) : 0;
}

static double progress_estimate(const struct picture *picture, const struct picture_summary *summary)
{
    double done, total;
    if (picture->ended && picture->end.state == STATE_DONE)
        return 1;
    if (summary->classes > 0) {
        done = summary->classes_done - summary->classes_resumed + summary->classes_failed +
               summary->classes_running * ranks_fraction(picture, true);
        total = summary->classes - summary->classes_resumed;
    } else if (summary->epochs_total > 0) {
        double before = picture->epochs_announced ? (double)picture->epochs_start.done : 0;
        double epochs = (double)summary->epochs_done;
        total = (double)summary->epochs_total;
        /* a rank may be counting something else for a while (the images of a test): then only whole epochs
         * say */
        done = fmin(fmax(total * ranks_fraction(picture, false), epochs), epochs + 1) - before;
        total -= before;
    } else {
        done = ranks_fraction(picture, false);
        total = 1;
    }
    return total > 0 ? fmin(fmax(done / total, 0), 1) : -1;
}

void picture_summarise(const struct picture *picture, double now, struct picture_summary *summary)
{
    memset(summary, 0, sizeof *summary);
    summary->progress = -1;
    summary->seconds_left = -1;
    if (!picture->started)
        return;
    ranks_summarise(picture, now, summary);
    classes_summarise(picture, summary);
    epochs_summarise(picture, summary);
    summary->elapsed = fmax((picture->ended ? picture->end.time : now) - picture->start.time, 0);
    summary->progress = progress_estimate(picture, summary);
    if (!picture->ended && summary->progress > 0)
        summary->seconds_left = summary->elapsed * (1 - summary->progress) / summary->progress;
}
