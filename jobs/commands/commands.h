/* The subcommands of `facet`, one file each. Every one takes its own argv ("facet NAME", …) and returns the
 * exit code; argp_NAME is how it parses them, and what its man page and completion are made of. */
#ifndef FACET_JOBS_COMMANDS_COMMANDS_H
#define FACET_JOBS_COMMANDS_COMMANDS_H

#include <argp.h>

struct command {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
    const struct argp *argp;
};

/* The subcommand of that name, or NULL. */
const struct command *command_find(const char *name);

int command_export(int argc, char **argv);
int command_import(int argc, char **argv);
int command_import_data(int argc, char **argv);
int command_train(int argc, char **argv);
int command_train_modules(int argc, char **argv);
int command_decompose(int argc, char **argv);
int command_compose(int argc, char **argv);
int command_replace(int argc, char **argv);
int command_adapt(int argc, char **argv);
int command_evaluate(int argc, char **argv);
int command_plan(int argc, char **argv);
int command_predict(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_study(int argc, char **argv);
int command_report(int argc, char **argv);

extern const struct argp argp_export;
extern const struct argp argp_import;
extern const struct argp argp_import_data;
extern const struct argp argp_train;
extern const struct argp argp_train_modules;
extern const struct argp argp_decompose;
extern const struct argp argp_compose;
extern const struct argp argp_replace;
extern const struct argp argp_adapt;
extern const struct argp argp_evaluate;
extern const struct argp argp_plan;
extern const struct argp argp_predict;
extern const struct argp argp_inspect;
extern const struct argp argp_bench;
extern const struct argp argp_study;
extern const struct argp argp_report;

#endif
