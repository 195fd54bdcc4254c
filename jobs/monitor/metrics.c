#include "jobs/monitor/metrics.h"

#include "mpi/wire/summary.h"

/* A figure of each run. */
struct gauge {
    const char *name, *kind, *help;
    double (*value)(const struct picture *picture, const struct picture_summary *summary);
};

#define GAUGE_OF(member)                                                                                     \
    static double value_##member(const struct picture *picture, const struct picture_summary *summary)       \
    {                                                                                                        \
        (void)picture;                                                                                       \
        return (double)summary->member;                                                                      \
    }

GAUGE_OF(ranks)
GAUGE_OF(ranks_heard)
GAUGE_OF(ranks_silent)
GAUGE_OF(progress)
GAUGE_OF(elapsed)
GAUGE_OF(seconds_left)
GAUGE_OF(images_per_second)
GAUGE_OF(memory_bytes)
GAUGE_OF(energy_joules)
GAUGE_OF(co2e_grams)
GAUGE_OF(dropped)
GAUGE_OF(epochs_done)
GAUGE_OF(epochs_total)

static double value_running(const struct picture *picture, const struct picture_summary *summary)
{
    (void)summary;
    return picture->ended ? 0 : 1;
}

static double value_failed(const struct picture *picture, const struct picture_summary *summary)
{
    (void)summary;
    return picture->ended && picture->end.state != STATE_DONE ? 1 : 0;
}

static double value_energy_counted(const struct picture *picture, const struct picture_summary *summary)
{
    (void)picture;
    return summary->energy_source == ENERGY_COUNTED ? 1 : 0;
}

static double value_start(const struct picture *picture, const struct picture_summary *summary)
{
    (void)summary;
    return picture->start.time;
}

static const struct gauge gauges[] = {
    {"facet_run_running", "gauge", "1 while the run goes on", value_running},
    {"facet_run_failed", "gauge", "1 when the run has ended and not well", value_failed},
    {"facet_run_start_time_seconds", "gauge", "when the run began, since 1970", value_start},
    {"facet_run_elapsed_seconds", "gauge", "how long it has been running", value_elapsed},
    {"facet_run_left_seconds", "gauge", "how long it will go on; -1: unknown", value_seconds_left},
    {"facet_run_progress_ratio", "gauge", "0 to 1 of what there is to do; -1: unknown", value_progress},
    {"facet_ranks", "gauge", "ranks of the run", value_ranks},
    {"facet_ranks_heard", "gauge", "ranks that have said something", value_ranks_heard},
    {"facet_ranks_silent", "gauge", "ranks at work of which nothing was heard for long", value_ranks_silent},
    {"facet_images_per_second", "gauge", "of all ranks at work", value_images_per_second},
    {"facet_memory_bytes", "gauge", "resident memory of all ranks", value_memory_bytes},
    {"facet_energy_joules_total", "counter", "since the run's start", value_energy_joules},
    {"facet_energy_counted", "gauge",
     "1 when the processors of all nodes count the energy; 0 when it is, in part, an estimate",
     value_energy_counted},
    {"facet_co2e_grams_total", "counter", "since the run's start, of that energy", value_co2e_grams},
    {"facet_events_dropped_total", "counter", "events that never left their ranks", value_dropped},
    {"facet_epochs_done", "gauge", "epochs that are over", value_epochs_done},
    {"facet_epochs", "gauge", "epochs there will be", value_epochs_total},
};

/* A label's value: backslash, quote and line feed are escaped. */
static void label_write(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\' || *text == '"')
            fputc('\\', out);
        if (*text == '\n')
            fputs("\\n", out);
        else
            fputc(*text, out);
    }
}

static void sample_write(FILE *out, const char *name, const char *run, const char *state, double value)
{
    fprintf(out, "%s{run=\"", name);
    label_write(out, run);
    if (state != NULL)
        fprintf(out, "\",state=\"%s", state);
    fprintf(out, "\"} %.15g\n", value);
}

static void classes_write(FILE *out, const char *run, const struct picture_summary *summary)
{
    sample_write(out, "facet_classes", run, "waiting", summary->classes_waiting);
    sample_write(out, "facet_classes", run, "running", summary->classes_running);
    sample_write(out, "facet_classes", run, "done", summary->classes_done - summary->classes_resumed);
    sample_write(out, "facet_classes", run, "resumed", summary->classes_resumed);
    sample_write(out, "facet_classes", run, "failed", summary->classes_failed);
}

void metrics_write(FILE *out, const struct picture *const *pictures, const char *const *names, int count,
                   double now)
{
    struct picture_summary summary;
    for (size_t i = 0; i < sizeof gauges / sizeof gauges[0]; i++) {
        fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", gauges[i].name, gauges[i].help, gauges[i].name,
                gauges[i].kind);
        for (int run = 0; run < count; run++)
            if (pictures[run] != NULL) {
                picture_summarise(pictures[run], now, &summary);
                sample_write(out, gauges[i].name, names[run], NULL, gauges[i].value(pictures[run], &summary));
            }
    }
    fputs("# HELP facet_classes classes by state\n# TYPE facet_classes gauge\n", out);
    for (int run = 0; run < count; run++)
        if (pictures[run] != NULL) {
            picture_summarise(pictures[run], now, &summary);
            classes_write(out, names[run], &summary);
        }
}
