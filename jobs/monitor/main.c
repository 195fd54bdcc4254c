/* facet-monitor: shows how runs of facet are doing, from a login node. */
#include <argp.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compute/base/standard_streams.h"
#include "jobs/documentation.h"
#include "jobs/monitor/run_names.h"
#include "jobs/monitor/screen.h"
#include "jobs/monitor/signals.h"
#include "jobs/monitor/watch.h"
#include "mpi/wire/endpoint_file.h"

enum {
    EXIT_USAGE = 2,
    KEY_ONCE = 256,
    KEY_JSON,
    KEY_TIMEOUT,
    KEY_DOCUMENT,
    KEY_KEY_FILE,
    KEY_METRICS,
    KEY_PLAIN,
    KEY_ASCII,
    KEY_STAY
};

_Static_assert((int)RUN_NAMES_MAX == (int)VIEW_RUNS_MAX, "what can be named can be shown");

/* argp looks the name up, which hidden symbols do not allow */
__attribute__((visibility("default"))) const char *argp_program_version = "facet-monitor " FACET_VERSION;

static const char documentation[] =
    "Show how runs of facet are doing: ranks, classes, learning curves and last messages, and the time left."
    "\v"
    "RUN is the directory given to facet's -o; several may be named, or a folder that holds several. The "
    "monitor may be started before a run (it waits), while it goes on (it shows everything, however late it "
    "comes) and afterwards (it shows the result). In a terminal it fills the screen until the last run has "
    "ended; ? shows the keys. Elsewhere it prints a line for each class, epoch and message.\n"
    "\n"
    "What goes over the network is encrypted, and only who can read RUN/monitor.key, the run's owner, is let "
    "in. tcp://HOST:PORT is the \"snapshot\" endpoint in RUN/monitor.json, for machines that do not see the "
    "directory; it needs --key-file with a copy of that key.\n"
    "\n"
    "Examples:\n"
    "  facet-monitor runs/cifar100                  follow until the end\n"
    "  facet-monitor runs                           all runs in that folder\n"
    "  facet-monitor runs/cifar100 --once           one look\n"
    "  facet-monitor runs/cifar100 --once --json | jq .class_counts\n"
    "  facet-monitor runs/cifar100 && sbatch next   go on only if it ended well\n"
    "  facet-monitor runs --plain --metrics 9311    for Prometheus, at http://127.0.0.1:9311/metrics\n"
    "\n"
    "Exit status: 0 when all runs ended successfully (with --once: or are still running), 1 when one failed, "
    "was stopped or cannot be reached, or you left before the end, 2 for a wrong command line.";

static const struct argp_option option_table[] = {
    {"once", KEY_ONCE, NULL, 0,
     "Print one picture and exit; does not wait for a run to begin unless --timeout is given", 0},
    {"json", KEY_JSON, NULL, 0,
     "Print every event as a line of JSON; with --once, the picture as one JSON object a run "
     "(docs/protocol.md)",
     0},
    {"plain", KEY_PLAIN, NULL, 0, "Print lines also in a terminal", 0},
    {"ascii", KEY_ASCII, NULL, 0,
     "Draw bars and curves of plain letters (default where the locale is not UTF-8)", 0},
    {"stay", KEY_STAY, NULL, 0, "Keep the full screen when all runs have ended, until q is pressed", 0},
    {"metrics", KEY_METRICS, "[ADDRESS:]PORT", 0,
     "Answer Prometheus there, by HTTP, at /metrics (default address: loopback). Whoever reaches the port "
     "can "
     "read the figures",
     0},
    {"key-file", KEY_KEY_FILE, "FILE", 0,
     "The run's monitor.key, or a copy of it, for those who cannot read the one in the run directory; needed "
     "with tcp://HOST:PORT",
     0},
    {"timeout", KEY_TIMEOUT, "SECONDS", 0, "Wait at most so long for a run to begin (default: for ever)", 0},
    {"document", KEY_DOCUMENT, "man|bash|zsh", OPTION_HIDDEN, "For the build", 0},
    {0},
};

struct arguments {
    struct run_names runs;
    struct follower_options follow;
    const char *metrics;
    bool once, json, plain, ascii, stay, timeout_given;
};

static void endpoint_argument_check(const struct arguments *arguments, const char *run,
                                    struct argp_state *state)
{
    if (strncmp(run, "tcp:", 4) != 0)
        return;
    if (endpoint_check(run) != STATUS_OK)
        argp_error(state, "%s", error_message());
    if (arguments->follow.key_file == NULL)
        argp_error(state, "%s: needs --key-file with the run's monitor.key", run);
}

static void arguments_check(const struct arguments *arguments, struct argp_state *state)
{
    if (arguments->runs.count == 0)
        argp_error(state, "name a run directory or tcp://HOST:PORT");
    for (int i = 0; i < arguments->runs.count; i++)
        endpoint_argument_check(arguments, arguments->runs.names[i], state);
    if (arguments->follow.key_file != NULL && arguments->runs.count > 1)
        argp_error(state,
                   "--key-file: is the key of one run, and %d are named; start one facet-monitor a run",
                   arguments->runs.count);
}

static const struct argp parser;

/* Prints the man page or a shell's completion, which the build installs, and exits. */
static void document(const struct argp_state *state, const char *kind)
{
    const struct documented page = {"facet-monitor", NULL, "show how runs of facet are doing", &parser};
    if (strcmp(kind, "man") == 0)
        documentation_man(stdout, &page, "facet(1)");
    else if (strcmp(kind, "bash") == 0)
        documentation_bash(stdout, &page, 1);
    else if (strcmp(kind, "zsh") == 0)
        documentation_zsh(stdout, &page, 1);
    else
        argp_error(state, "--document=%s: expected man, bash or zsh", kind);
    exit(fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILURE);
}

static error_t option_parse(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    char *end;
    switch (key) {
    case KEY_ONCE:
        arguments->once = true;
        return 0;
    case KEY_JSON:
        arguments->json = true;
        return 0;
    case KEY_PLAIN:
        arguments->plain = true;
        return 0;
    case KEY_ASCII:
        arguments->ascii = true;
        return 0;
    case KEY_STAY:
        arguments->stay = true;
        return 0;
    case KEY_METRICS:
        arguments->metrics = argument;
        return 0;
    case KEY_KEY_FILE:
        arguments->follow.key_file = argument;
        return 0;
    case KEY_TIMEOUT:
        errno = 0;
        arguments->follow.timeout = strtod(argument, &end);
        if (end == argument || *end != '\0' || !isfinite(arguments->follow.timeout) ||
            arguments->follow.timeout < 0)
            argp_error(state, "--timeout=%s: expected a number of seconds, 0 or more", argument);
        arguments->timeout_given = true;
        return 0;
    case KEY_DOCUMENT:
        document(state, argument);
        return 0;
    case ARGP_KEY_ARG:
        if (run_names_add(&arguments->runs, argument) != STATUS_OK)
            argp_error(state, "%s", error_message());
        return 0;
    case ARGP_KEY_END:
        arguments_check(arguments, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void say(const char *line)
{
    fprintf(stderr, "facet-monitor: %s\n", line);
}

static bool screen_is_wanted(const struct arguments *arguments)
{
    return !arguments->json && !arguments->plain && !arguments->once && screen_is_possible();
}

static struct view *view_choose(const struct arguments *arguments, bool full_screen)
{
    if (arguments->json)
        return view_json(!arguments->once);
    return full_screen ? view_screen(arguments->stay, arguments->ascii) : view_plain();
}

static enum status followers_make(struct arguments *arguments, struct view_runs *runs)
{
    enum status status = STATUS_OK;
    for (int i = 0; status == STATUS_OK && i < arguments->runs.count; i++) {
        struct follower_options options = arguments->follow;
        options.run = arguments->runs.names[i];
        status = follower_create(&options, &runs->followers[i]);
        runs->count += status == STATUS_OK;
    }
    return status;
}

static int exit_status(enum watch_result result)
{
    if (result == WATCH_SIGNAL)
        signals_obey(signals_ending());
    if (fflush(stdout) != 0 || ferror(stdout)) {
        say("cannot write to standard output");
        return EXIT_FAILURE;
    }
    return result == WATCH_GOOD ? EXIT_SUCCESS : EXIT_FAILURE;
}

static enum status run(struct arguments *arguments, enum watch_result *result)
{
    struct metrics_server *metrics = NULL;
    struct view_runs runs = {.count = 0};
    bool full_screen = screen_is_wanted(arguments);
    enum status status = STATUS_OK;
    arguments->follow.patient = full_screen;
    if (arguments->metrics != NULL)
        status = metrics_open(arguments->metrics, &metrics);
    if (status == STATUS_OK)
        status = followers_make(arguments, &runs);
    if (status == STATUS_OK) {
        struct watch_options options = {.once = arguments->once, .metrics = metrics, .say = say};
        *result = watch_runs(&options, &runs, view_choose(arguments, full_screen));
    }
    while (runs.count > 0)
        follower_destroy(&runs.followers[--runs.count]);
    metrics_close(&metrics);
    return status;
}

static const struct argp parser = {option_table, option_parse, "RUN|tcp://HOST:PORT...", documentation, NULL,
                                   NULL,         NULL};

int main(int count, char **words)
{
    static struct arguments arguments = {.follow = {.timeout = -1}};
    enum watch_result result = WATCH_BAD;
    standard_streams_occupy();
    setlocale(LC_CTYPE, ""); /* widths of characters; numbers stay as C writes them */
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&parser, count, words, 0, NULL, &arguments);
    if (arguments.once && !arguments.timeout_given)
        arguments.follow.timeout = 0;
    signals_catch();
    enum status status = run(&arguments, &result);
    run_names_clear(&arguments.runs);
    if (status == STATUS_OK)
        return exit_status(result);
    say(error_message());
    return status == STATUS_USAGE ? EXIT_USAGE : EXIT_FAILURE;
}
