#include "jobs/class_run_options.h"

#include <string.h>

enum { KEY_RESUME = 0x2000, KEY_KEEP_PARTS, KEY_RANKS_PER_CLASS, KEY_CHECKPOINT_EVERY };

struct class_run_options class_run_options_default(void)
{
    return (struct class_run_options){.checkpoint_seconds = 300};
}

static const struct argp_option option_table[] = {
    {0, 0, 0, 0, "Class by class:", 6},
    {"resume", KEY_RESUME, 0, 0,
     "Go on where an earlier run with the same options, network and data was stopped or killed; the result "
     "is "
     "the same as without the interruption, also with another number of ranks",
     6},
    {"keep-parts", KEY_KEEP_PARTS, 0, 0, "Leave the finished classes in RUN/parts after they were merged", 6},
    {"ranks-per-class", KEY_RANKS_PER_CLASS, "auto|N", 0,
     "So many ranks share a class; auto (default): one while there are classes for all ranks, else as many "
     "as "
     "leave the fewest ranks idle",
     6},
    {"checkpoint-every", KEY_CHECKPOINT_EVERY, "SECONDS", 0,
     "How often a long class saves where it is (default 300), as it does when it is asked to stop: in "
     "train-modules and methods distill and gradient; method activation saves whole classes alone",
     6},
    {0}};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct class_run_options *run = state->input;
    switch (key) {
    case KEY_RESUME:
        run->resume = true;
        return 0;
    case KEY_KEEP_PARTS:
        run->keep_parts = true;
        return 0;
    case KEY_RANKS_PER_CLASS:
        run->ranks_per_class = strcmp(text, "auto") == 0
                                   ? 0
                                   : (int32_t)parse_integer(state, "--ranks-per-class", text, 1, 1 << 20);
        return 0;
    case KEY_CHECKPOINT_EVERY:
        run->checkpoint_seconds = (double)parse_integer(state, "--checkpoint-every", text, 1, 1000000);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp class_run_argp = {option_table, parse_option, NULL, NULL, NULL, NULL, NULL};

struct class_work class_run_work(const struct class_run_options *options, const struct job *job,
                                 const char *run_directory, struct run_progress *progress,
                                 struct console *console)
{
    return (struct class_work){.comm = job->comm,
                               .run_directory = run_directory,
                               .ranks_per_class = options->ranks_per_class,
                               .resume = options->resume,
                               .keep_parts = options->keep_parts,
                               .checkpoint_seconds = options->checkpoint_seconds,
                               .stop = job->stop,
                               .progress = progress,
                               .note = console_note,
                               .note_context = console};
}
