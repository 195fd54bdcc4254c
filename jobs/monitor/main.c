/* facet-monitor: shows how a run of facet is doing, from a login node. */
#include <argp.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jobs/monitor/follow.h"
#include "jobs/monitor/signals.h"
#include "mpi/wire/endpoint_file.h"

enum { EXIT_USAGE = 2, KEY_ONCE = 256, KEY_JSON, KEY_TIMEOUT, KEY_KEY_FILE };

/* argp looks the name up, which hidden symbols do not allow */
__attribute__((visibility("default"))) const char *argp_program_version = "facet-monitor " FACET_VERSION;

static const char documentation[] =
    "Show how a run of facet is doing: its ranks, classes, epochs and last messages, and the time left."
    "\v"
    "RUN is the directory given to facet's -o. The monitor may be started before the run (it waits), while "
    "it "
    "goes on (it shows everything, however late it comes) and afterwards (it shows the result). In a "
    "terminal "
    "it redraws one block; else it prints a line for each class, epoch and message.\n"
    "\n"
    "tcp://HOST:PORT is the \"snapshot\" endpoint in RUN/monitor.json, for machines that do not see the "
    "directory; a copy of RUN/monitor.key, which only the run's owner can read, lets the monitor in.\n"
    "\n"
    "Examples:\n"
    "  facet-monitor runs/cifar100                  follow until the end\n"
    "  facet-monitor runs/cifar100 --once           one look\n"
    "  facet-monitor runs/cifar100 --once --json | jq .class_counts\n"
    "  facet-monitor runs/cifar100 && sbatch next   go on only if it ended well\n"
    "\n"
    "Exit status: 0 when the run ended successfully (with --once: or is still running), 1 when it failed, "
    "was "
    "stopped or cannot be reached, 2 for a wrong command line.";

static const struct argp_option option_table[] = {
    {"once", KEY_ONCE, NULL, 0,
     "Print one picture and exit; does not wait for a run to begin unless --timeout "
     "is given",
     0},
    {"json", KEY_JSON, NULL, 0,
     "Print every event as a line of JSON; with --once, the picture as one JSON object "
     "(docs/protocol.md)",
     0},
    {"key-file", KEY_KEY_FILE, "FILE", 0,
     "The run's monitor.key, or a copy of it, for those who cannot read the one in the run directory; needed "
     "with tcp://HOST:PORT",
     0},
    {"timeout", KEY_TIMEOUT, "SECONDS", 0, "Wait at most so long for the run to begin (default: for ever)",
     0},
    {0},
};

struct arguments {
    struct follow_options follow;
    bool json, timeout_given;
};

static error_t option_parse(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    char *end;
    switch (key) {
    case KEY_ONCE:
        arguments->follow.once = true;
        return 0;
    case KEY_JSON:
        arguments->json = true;
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
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            argp_error(state, "%s: one run at a time; %s was named before", argument, arguments->follow.run);
        arguments->follow.run = argument;
        return 0;
    case ARGP_KEY_END:
        if (arguments->follow.run == NULL)
            argp_error(state, "name a run directory or tcp://HOST:PORT");
        else if (strncmp(arguments->follow.run, "tcp:", 4) == 0 &&
                 endpoint_check(arguments->follow.run) != STATUS_OK)
            argp_error(state, "%s", error_message());
        else if (strncmp(arguments->follow.run, "tcp:", 4) == 0 && arguments->follow.key_file == NULL)
            argp_error(state, "%s: needs --key-file with the run's monitor.key", arguments->follow.run);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void say(const char *line)
{
    fprintf(stderr, "facet-monitor: %s\n", line);
}

static struct view *view_choose(const struct arguments *arguments)
{
    const char *terminal = getenv("TERM");
    bool can_redraw = isatty(STDOUT_FILENO) && terminal != NULL && strcmp(terminal, "dumb") != 0;
    if (arguments->json)
        return view_json(!arguments->follow.once);
    return can_redraw && !arguments->follow.once ? view_terminal() : view_plain();
}

int main(int count, char **words)
{
    static const struct argp parser = {option_table, option_parse, "RUN|tcp://HOST:PORT", documentation, NULL,
                                       NULL,         NULL};
    struct arguments arguments = {.follow = {.timeout = -1, .say = say}};
    enum event_state state = STATE_RUNNING;
    setlocale(LC_CTYPE, ""); /* widths of characters; numbers stay as C writes them */
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&parser, count, words, 0, NULL, &arguments);
    if (arguments.follow.once && !arguments.timeout_given)
        arguments.follow.timeout = 0;
    signals_catch();
    enum status status = follow_run(&arguments.follow, view_choose(&arguments), &state);
    if (signals_ending() != 0)
        signals_obey(signals_ending());
    if (status != STATUS_OK) {
        say(error_message());
        return EXIT_FAILURE;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        say("cannot write to standard output");
        return EXIT_FAILURE;
    }
    return state == STATE_DONE || state == STATE_RUNNING ? EXIT_SUCCESS : EXIT_FAILURE;
}
