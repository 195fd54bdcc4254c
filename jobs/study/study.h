/* A study: experiments made of Facet's own commands, run one after the other on all ranks, each with a
 * recorded result, and the tables and plots made of them.
 *
 *   STUDY/steps/NAME.json   a finished step: its commands, what they said as --json, what they cost
 *   STUDY/work/NAME/        files of a step that later ones need
 *   STUDY/NAME.json, .csv, .svg   the study's record (study/record.h), tables and plots */
#ifndef FACET_JOBS_STUDY_STUDY_H
#define FACET_JOBS_STUDY_STUDY_H

#include <jansson.h>

#include "jobs/console.h"
#include "jobs/job.h"

enum {
    STUDY_NAME_BYTES = 48,  /* of a study or a network */
    STUDY_STEP_BYTES = 192, /* of a step */
    STUDY_PATH_BYTES = 1024,
    STUDY_NETWORKS_MAX = 32,
    STUDY_READY_MAX = 32,
    STUDY_VALUES_MAX = 32,
    STUDY_DRAWS_MAX = 1000
};

/* A trained network and its images. */
struct study_network {
    char name[STUDY_NAME_BYTES];
    const char *network, *train, *test; /* files */
    const char *modules;                /* a modules file made of it already, or NULL */
};

/* A further modules file of a network, made already. */
struct study_ready {
    char name[STUDY_NAME_BYTES];
    const char *file;
    int32_t network; /* index into networks */
};

/* A pair of thresholds of method activation. */
struct study_tau {
    double plus, minus;
};

struct study_options {
    const char *kind; /* of kinds.h */
    char name[STUDY_NAME_BYTES];
    int32_t network_count;
    struct study_network networks[STUDY_NETWORKS_MAX];
    int32_t ready_count; /* of pareto and subsets */
    struct study_ready ready[STUDY_READY_MAX];

    int32_t tau_count, epsilon_count, edge_count, budget_count;
    struct study_tau taus[STUDY_VALUES_MAX];
    double epsilons[STUDY_VALUES_MAX];
    double edges[STUDY_VALUES_MAX];   /* fractions; with backtracking */
    struct study_tau backtrack_tau;   /* with each of epsilons and edges */
    double budgets[STUDY_VALUES_MAX]; /* fractions of the parent's multiply-adds */

    int32_t draws;      /* random choices of classes (of subsets: of each size), or classes replaced; of one
                           network alone */
    int32_t size_count; /* of subsets: numbers of classes, whole */
    double sizes[STUDY_VALUES_MAX];
    int32_t scratch_draws; /* of these also trained from scratch */
    int32_t pair_draws;    /* choices of two networks together */
    int32_t replace_draws; /* of carbon: classes replaced */
    uint64_t seed;
    int32_t epochs;      /* of networks trained from scratch, at most */
    int32_t weak_epochs; /* of the weak network whose classes are replaced */
    const char *architecture;
    const char *methods; /* of pareto, apart by commas */
    const char *plans;   /* of modules made already, likewise */

    /* Options added to every facet decompose, compose, adapt and train of the study; to decompose with the
     * methods activation, gradient and distill, and with distill when it has joint steps. Words apart by
     * blanks; NULL: none. */
    const char *decompose, *compose, *adapt, *train, *activation, *gradient, *distill, *distill_joint;
};

struct study {
    struct job *job;
    const struct study_options *options;
    const char *directory;
    const char *command_line;
    struct console *console;
    struct run_progress *progress;

    json_t *steps;   /* records of the steps so far, in order; on every rank */
    json_t *tables;  /* study/table.h */
    json_t *plots;   /* {file, title} each */
    json_t *remarks; /* sentences that stand above the tables */
    json_t *digests; /* rank 0: of files already read */
    int32_t run_count, believed_count;
};

/* "STUDY/FORMAT…" into path; too long a path is cut short, which study_open has ruled out for its own names.
 */
void study_path(const struct study *study, char path[STUDY_PATH_BYTES], const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Collective. Makes the folders. STATUS_USAGE when the directory's path is too long. */
enum status study_open(struct study *study);
void study_close(struct study *study);

#endif
