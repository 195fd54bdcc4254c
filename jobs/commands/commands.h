/* The subcommands of `facet`, one file each. Every one takes its own argv ("facet NAME", …) and returns the
 * exit code. */
#ifndef FACET_JOBS_COMMANDS_COMMANDS_H
#define FACET_JOBS_COMMANDS_COMMANDS_H

int command_export(int argc, char **argv);
int command_import(int argc, char **argv);
int command_import_data(int argc, char **argv);
int command_train(int argc, char **argv);
int command_decompose(int argc, char **argv);
int command_compose(int argc, char **argv);
int command_replace(int argc, char **argv);
int command_evaluate(int argc, char **argv);
int command_predict(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_bench(int argc, char **argv);

#endif
