/* What all subcommands share: parsing on every rank but printing on one, starting and ending MPI, stopping on
 * signals, printing an error once, exit codes. */
#ifndef FACET_JOBS_JOB_H
#define FACET_JOBS_JOB_H

#include <argp.h>
#include <mpi.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "compute/base/error.h"
#include "compute/kernels/convolution_way.h"

enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_ERROR = 1,
    EXIT_CODE_USAGE = 2,
    EXIT_CODE_STOPPED = 75 /* a signal ended the run; go on with --resume (sysexits' "try again later") */
};

/* --- parsing; before MPI starts --- */

/* argp_parse for `facet NAME`; on a usage error exits with EXIT_CODE_USAGE. Only the first rank of a launcher
 * prints. Options' values are checked by the parse_… functions below, which call argp_error. */
void job_parse(const struct argp *argp, int argc, char **argv, void *input);

/* This process's rank as its launcher tells it in the environment, 0 without a launcher. */
int job_launched_rank(void);

/* Value of `option` as a number within [least, most]; argp_error otherwise. */
int64_t parse_integer(const struct argp_state *state, const char *option, const char *text, int64_t least,
                      int64_t most);
float parse_number(const struct argp_state *state, const char *option, const char *text, float least,
                   float most);
/* The name of the option that has the key; NULL when none of the table's has. */
const char *parsed_name(const struct argp_option *options, int key);
/* argp_error when `value` is NULL: a required option or argument is missing. */
void parse_require(const struct argp_state *state, const char *option, const void *value);

/* --- commands without ranks (compose, inspect …): one process works, under a launcher the others leave at
 * once --- */

/* Runs `work` on the first rank alone, prints its error; returns the exit code. */
int job_run_single(enum status (*work)(void *input), void *input);

/* --- commands on ranks --- */

/* Options of every such command; add `{.argp = &job_argp}` to the argp's children with a struct job_options
 * as input. */
struct job_options {
    int32_t threads;      /* 0: the processors of the rank's binding */
    const char *progress; /* "auto", "always", "never" */
    const char *bind;     /* address for monitors, or NULL */
    enum convolution_way conv;
    const char *conv_plan; /* file, or NULL */
    float grid_intensity;  /* grams of CO2e a kWh; 0: the default (mpi/energy/energy.h) */
    float pue;             /* of the data centre; 0: likewise */
};
extern const struct argp job_argp;

struct job {
    MPI_Comm comm;
    int rank, rank_count, threads;
    const volatile sig_atomic_t *stop; /* set by SIGINT, SIGTERM or SIGUSR1 */
    bool progress_line;                /* rank 0 draws one */
    char convolutions[96];             /* which ways they take, for option records: results depend on them */
};

/* Starts MPI and threads, runs `work` on all ranks, agrees on its outcome, prints an error once, ends MPI;
 * returns the exit code. */
int job_run(const struct job_options *options, enum status (*work)(struct job *job, void *input),
            void *input);

/* For commands that have nothing to save: from here on signals end the process at once. Within another
 * command, which may have, nothing changes. */
void job_end_at_signals(void);

/* Collective over the ranks of `job`, which runs. Runs a subcommand inside it: on its ranks, its threads (or
 * so many as the subcommand's own --threads says), with its ways of convolving; MPI is neither started nor
 * ended, and nothing is printed of an error: every rank gets it as status and message. A usage error ends the
 * process, as always. */
enum status job_run_inside(struct job *job, int (*command)(int argc, char **argv), int argc, char **argv);

#endif
