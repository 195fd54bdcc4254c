#include "jobs/monitor/describe.h"

#include <math.h>
#include <string.h>
#include <time.h>

enum { BAR_CELLS = 20, RANK_BAR_CELLS = 10, FAILED_CLASSES_SHOWN = 10 };

void describe_duration(double seconds, char text[DESCRIBE_NUMBER_BYTES])
{
    long long s = seconds > 0 && seconds < 1e12 ? (long long)(seconds + 0.5) : 0;
    if (s < 60)
        snprintf(text, DESCRIBE_NUMBER_BYTES, "%lld s", s);
    else if (s < 3600)
        snprintf(text, DESCRIBE_NUMBER_BYTES, "%lld min %02lld s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(text, DESCRIBE_NUMBER_BYTES, "%lld h %02lld min", s / 3600, s / 60 % 60);
    else
        snprintf(text, DESCRIBE_NUMBER_BYTES, "%lld d %lld h", s / 86400, s / 3600 % 24);
}

void describe_clock(double time, char text[DESCRIBE_NUMBER_BYTES])
{
    struct tm parts;
    time_t seconds = (time_t)time;
    if (localtime_r(&seconds, &parts) == NULL ||
        strftime(text, DESCRIBE_NUMBER_BYTES, "%H:%M:%S", &parts) == 0)
        snprintf(text, DESCRIBE_NUMBER_BYTES, "??:??:??");
}

void describe_count(double count, char text[DESCRIBE_NUMBER_BYTES])
{
    char digits[DESCRIBE_NUMBER_BYTES];
    int length = snprintf(digits, sizeof digits, "%.0f", fmin(fmax(count, 0), 1e15));
    int used = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
}

void describe_bytes(uint64_t bytes, char text[DESCRIBE_NUMBER_BYTES])
{
    double mebibytes = (double)bytes / 1048576.0;
    if (mebibytes < 1024)
        snprintf(text, DESCRIBE_NUMBER_BYTES, "%.0f MiB", mebibytes);
    else
        snprintf(text, DESCRIBE_NUMBER_BYTES, "%.1f GiB", mebibytes / 1024);
}

void describe_energy(const struct picture_summary *summary, char text[DESCRIBE_ENERGY_BYTES])
{
    static const char *const sources[] = {
        [ENERGY_ESTIMATED] = "est.", [ENERGY_COUNTED] = "counted", [ENERGY_MIXED] = "part est."};
    double watt_hours = summary->energy_joules / 3600, grams = summary->co2e_grams;
    bool kilo = watt_hours >= 1000, kilograms = grams >= 1000;
    text[0] = '\0';
    if (!(watt_hours > 0))
        return;
    int length = snprintf(text, DESCRIBE_ENERGY_BYTES, "%s %.*g %s", sources[summary->energy_source],
                          kilo ? 4 : 3, kilo ? watt_hours / 1000 : watt_hours, kilo ? "kWh" : "Wh");
    if (grams > 0)
        snprintf(text + length, DESCRIBE_ENERGY_BYTES - (size_t)length, ", %.*g %s CO2e", kilograms ? 4 : 3,
                 kilograms ? grams / 1000 : grams, kilograms ? "kg" : "g");
}

static void bar_write(FILE *out, double fraction, int cells)
{
    int full = (int)(fmin(fmax(fraction, 0), 1) * cells);
    fputc('[', out);
    for (int i = 0; i < cells; i++)
        fputc(i < full ? '#' : '.', out);
    fputc(']', out);
}

void describe_class(FILE *out, const struct picture *picture, int32_t class_index)
{
    const struct picture_class *class = &picture->classes[class_index];
    fprintf(out, "class %d", (int)class_index);
    if (class->name[0] != '\0')
        fprintf(out, " (%s)", class->name);
    fprintf(out, " %s", event_state_name(class->state));
    if (class->value >= 0)
        fprintf(out, ", %.4g", class->value);
    fprintf(out, ", rank %d", (int)class->rank);
}

void describe_epoch(FILE *out, const struct picture_epoch *epoch)
{
    fprintf(out, "epoch %lld of %lld: loss %.4g, train %.2f %%", (long long)epoch->done,
            (long long)epoch->total, epoch->loss, 100 * epoch->train_top1);
    if (!(epoch->test_top1 < 0))
        fprintf(out, ", test %.2f %%", 100 * epoch->test_top1);
}

void describe_log(FILE *out, const struct event *event)
{
    char clock[DESCRIBE_NUMBER_BYTES];
    describe_clock(event->time, clock);
    fprintf(out, "%s rank %d: %s", clock, (int)event->rank, event->text);
}

static void class_counts_write(FILE *out, const struct picture_summary *summary)
{
    char done[DESCRIBE_NUMBER_BYTES], total[DESCRIBE_NUMBER_BYTES];
    describe_count(summary->classes_done, done);
    describe_count(summary->classes, total);
    fprintf(out, "%s of %s classes done", done, total);
    if (summary->classes_resumed > 0)
        fprintf(out, " (%d of them before)", (int)summary->classes_resumed);
    if (summary->classes_running > 0)
        fprintf(out, ", %d running", (int)summary->classes_running);
    if (summary->classes_waiting > 0)
        fprintf(out, ", %d waiting", (int)summary->classes_waiting);
    if (summary->classes_failed > 0)
        fprintf(out, ", %d failed", (int)summary->classes_failed);
}

static void pace_write(FILE *out, const struct picture_summary *summary)
{
    char number[DESCRIBE_NUMBER_BYTES];
    describe_count(summary->images_per_second, number);
    fprintf(out, "%s images/s", number);
    if (summary->seconds_left >= 0) {
        describe_duration(summary->seconds_left, number);
        fprintf(out, ", about %s left", number);
    }
}

void describe_progress(FILE *out, const struct picture *picture, double now)
{
    struct picture_summary summary;
    picture_summarise(picture, now, &summary);
    if (summary.classes > 0) {
        class_counts_write(out, &summary);
        fputs(", ", out);
    } else if (summary.epochs_total > 0) {
        fprintf(out, "%lld of %lld epochs done, ", (long long)summary.epochs_done,
                (long long)summary.epochs_total);
    } else if (summary.progress >= 0) {
        fprintf(out, "%.0f %% done, ", 100 * summary.progress);
    }
    fprintf(out, "%d of %d ranks heard, ", (int)summary.ranks_heard, (int)summary.ranks);
    if (summary.ranks_silent > 0)
        fprintf(out, "%d silent, ", (int)summary.ranks_silent);
    pace_write(out, &summary);
}

static void headline_write(FILE *out, const struct picture *picture, const struct picture_summary *summary)
{
    char elapsed[DESCRIBE_NUMBER_BYTES], memory[DESCRIBE_NUMBER_BYTES], energy[DESCRIBE_ENERGY_BYTES];
    const char *end = picture->end.state == STATE_DONE      ? "finished"
                      : picture->end.state == STATE_STOPPED ? "stopped"
                                                            : "failed";
    describe_duration(summary->elapsed, elapsed);
    describe_energy(summary, energy);
    fprintf(out, "%s\n", picture->start.text);
    if (picture->ended) {
        fprintf(out, "%s after %s%s%s", end, elapsed, energy[0] != '\0' ? ", " : "", energy);
        if (picture->end.text[0] != '\0')
            fprintf(out, ": %s", picture->end.text);
        fputc('\n', out);
        return;
    }
    describe_bytes(summary->memory_bytes, memory);
    fprintf(out, "running for %s on %d %s, ", elapsed, (int)summary->ranks,
            summary->ranks == 1 ? "rank" : "ranks");
    if (summary->ranks_heard < summary->ranks)
        fprintf(out, "%d heard so far, ", (int)summary->ranks_heard);
    fprintf(out, "%s, ", memory);
    pace_write(out, summary);
    fprintf(out, "%s%s\n", energy[0] != '\0' ? ", " : "", energy);
}

static void progress_write(FILE *out, const struct picture *picture, const struct picture_summary *summary)
{
    if (summary->progress >= 0 && !picture->ended) {
        bar_write(out, summary->progress, BAR_CELLS);
        fprintf(out, " %3.0f %%  ", floor(100 * summary->progress));
    }
    if (summary->classes > 0)
        class_counts_write(out, summary);
    else if (summary->epochs_total > 0)
        fprintf(out, "%lld of %lld epochs done", (long long)summary->epochs_done,
                (long long)summary->epochs_total);
    if (summary->classes > 0 || summary->epochs_total > 0 || (summary->progress >= 0 && !picture->ended))
        fputc('\n', out);
    if (summary->value_count > 0)
        fprintf(out, "figures of %d classes: mean %.4g, least %.4g, most %.4g\n", (int)summary->value_count,
                summary->value_mean, summary->value_least, summary->value_most);
}

static void failed_classes_write(FILE *out, const struct picture *picture)
{
    int shown = 0;
    int failed = 0;
    for (int32_t i = 0; i < picture->class_count; i++) {
        if (picture->classes[i].state != STATE_FAILED)
            continue;
        if (failed++ >= FAILED_CLASSES_SHOWN)
            continue;
        shown++;
        describe_class(out, picture, i);
        fputc('\n', out);
    }
    if (failed > shown)
        fprintf(out, "and %d more failed classes\n", failed - shown);
}

static void rank_write(FILE *out, const struct picture *picture, int32_t index, double now)
{
    const struct picture_rank *rank = &picture->ranks[index];
    char speed[DESCRIBE_NUMBER_BYTES], silence[DESCRIBE_NUMBER_BYTES];
    describe_count(rank->images_per_second, speed);
    fprintf(out, "%5d %-10.10s ", (int)index, rank->host);
    if (rank->total > 0) {
        bar_write(out, (double)rank->done / (double)rank->total, RANK_BAR_CELLS);
        fprintf(out, " %3.0f %%", floor(100 * fmin((double)rank->done / (double)rank->total, 1)));
    } else {
        fprintf(out, "%*s", RANK_BAR_CELLS + 8, "");
    }
    fprintf(out, " %9s  ", speed);
    if (rank->class_index >= 0 && rank->class_index < picture->class_count &&
        picture->classes[rank->class_index].name[0] != '\0')
        fprintf(out, "%s: ", picture->classes[rank->class_index].name);
    else if (rank->class_index >= 0)
        fprintf(out, "class %d: ", (int)rank->class_index);
    fprintf(out, "%s", rank->text[0] != '\0' ? rank->text : event_state_name(rank->state));
    if (picture_rank_is_silent(picture, index, now)) {
        describe_duration(now - rank->last_time, silence);
        fprintf(out, " (silent for %s)", silence);
    }
    fputc('\n', out);
}

static void ranks_write(FILE *out, const struct picture *picture, const struct picture_summary *summary,
                        double now, int limit)
{
    int shown = 0;
    if (limit <= 0 || summary->ranks_heard == 0)
        return;
    if (summary->ranks_heard > limit) /* the last line then counts the others */
        limit--;
    fprintf(out, " rank host       progress             images/s  doing\n");
    for (int32_t i = 0; i < picture->rank_count && shown < limit; i++)
        if (picture->ranks[i].heard) {
            rank_write(out, picture, i, now);
            shown++;
        }
    if (summary->ranks_heard > shown)
        fprintf(out, "      and %d more ranks", (int)summary->ranks_heard - shown);
    if (summary->ranks_heard > shown && summary->ranks_silent > 0)
        fprintf(out, " (silent, of all: %d)", (int)summary->ranks_silent);
    if (summary->ranks_heard > shown)
        fputc('\n', out);
}

void describe_picture(FILE *out, const struct picture *picture, double now,
                      const struct describe_limits *limits)
{
    struct picture_summary summary;
    picture_summarise(picture, now, &summary);
    headline_write(out, picture, &summary);
    progress_write(out, picture, &summary);
    failed_classes_write(out, picture);
    if (!picture->ended)
        ranks_write(out, picture, &summary, now, limits->ranks);
    int32_t first = picture->epoch_count > limits->epochs ? picture->epoch_count - limits->epochs : 0;
    for (int32_t i = first; i < picture->epoch_count; i++) {
        if (picture->epochs[i].class_index >= 0) /* of classes there is a line when they are done */
            continue;
        describe_epoch(out, &picture->epochs[i]);
        fputc('\n', out);
    }
    first = picture->log_count > limits->log ? picture->log_count - limits->log : 0;
    for (int32_t i = first; i < picture->log_count; i++) {
        describe_log(out, &picture->log[i]);
        fputc('\n', out);
    }
}
