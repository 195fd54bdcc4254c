/* facet: the program. Finds the subcommand; everything else is in jobs/commands/. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/standard_streams.h"
#include "jobs/commands/commands.h"
#include "jobs/documentation.h"
#include "jobs/job.h"

static const struct command commands[] = {
    {"import-data", "images with labels into a dataset file", command_import_data, &argp_import_data},
    {"import", "a network trained elsewhere into a network file", command_import, &argp_import},
    {"train", "train a network, data-parallel over ranks", command_train, &argp_train},
    {"train-modules", "train one module a class from scratch, classes shared among ranks",
     command_train_modules, &argp_train_modules},
    {"decompose", "cut a network into one module a class, classes shared among ranks", command_decompose,
     &argp_decompose},
    {"compose", "make a classifier of modules", command_compose, &argp_compose},
    {"replace", "exchange one module of a composition for another", command_replace, &argp_replace},
    {"adapt", "tune modules further on classes they have not seen", command_adapt, &argp_adapt},
    {"evaluate", "top-1, top-5 and per-class accuracy of a network, modules or a composition",
     command_evaluate, &argp_evaluate},
    {"predict", "what a classifier says of images or of an array of them", command_predict, &argp_predict},
    {"plan", "what a run would take on other numbers of ranks", command_plan, &argp_plan},
    {"export", "a network, modules or a composition as an ONNX file", command_export, &argp_export},
    {"inspect", "what a Facet file holds", command_inspect, &argp_inspect},
    {"study", "the experiments on your own networks, as tables and plots", command_study, &argp_study},
    {"report", "a run as a page to look at", command_report, &argp_report},
    {"bench", "how fast a network runs here, layer by layer", command_bench, &argp_bench},
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

/* argp looks for it by name, so it must be seen from outside. */
__attribute__((visibility("default"))) const char *argp_program_version = "facet " FACET_VERSION;

/* After the list of commands in --help, and in facet(1). */
static const char introduction[] = "What computes runs on many ranks under mpirun or srun,\n"
                                   "and alone as one. facet-monitor shows a running job.\n\n"
                                   "  facet import-data fashion-mnist/ --split train -o train.h5\n"
                                   "  mpirun -n 4 facet train --net lenet --data train.h5 -o lenet.h5\n"
                                   "  mpirun -n 4 facet decompose lenet.h5 --data train.h5 -o run\n"
                                   "  facet compose run/modules.h5:0,1 -o two.h5\n";

static void print_help(FILE *out)
{
    fputs("Usage: facet COMMAND [OPTION...]\n"
          "Cut a trained image classifier into one module a class; reuse, replace and recombine modules.\n\n",
          out);
    for (int i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-13s %s\n", commands[i].name, commands[i].summary);
    fprintf(out,
            "\n`facet COMMAND --help` explains a command; `facet document` prints man pages and\n"
            "completions of shells. %s",
            introduction);
}

const struct command *command_find(const char *name)
{
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* --- documents --- */

/* `facet document man [COMMAND]`, `facet document bash` and `facet document zsh`: the build installs them. */
static int print_document(int argc, char **argv)
{
    struct documented pages[COMMAND_COUNT];
    for (int i = 0; i < COMMAND_COUNT; i++)
        pages[i] = (struct documented){"facet", commands[i].name, commands[i].summary, commands[i].argp};
    const char *kind = argc > 1 ? argv[1] : "", *name = argc > 2 ? argv[2] : NULL;
    if (strcmp(kind, "bash") == 0)
        documentation_bash(stdout, pages, COMMAND_COUNT);
    else if (strcmp(kind, "zsh") == 0)
        documentation_zsh(stdout, pages, COMMAND_COUNT);
    else if (strcmp(kind, "man") == 0 && name == NULL)
        documentation_man_overview(stdout, "facet", introduction, pages, COMMAND_COUNT);
    else if (strcmp(kind, "man") == 0 && command_find(name) != NULL)
        documentation_man(stdout, &pages[command_find(name) - commands], "facet(1), facet\\-monitor(1)");
    else {
        fputs("Usage: facet document man [COMMAND] | bash | zsh\n"
              "Prints a man page, to be seen with `facet document man train | man -l -`, or the completion\n"
              "of a shell, to be had at once with `. <(facet document bash)`.\n",
              stderr);
        return EXIT_CODE_USAGE;
    }
    return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_CODE_OK : EXIT_CODE_ERROR;
}

/* --- running --- */

static int tell_unknown(const char *name, bool speaks)
{
    if (speaks)
        fprintf(stderr, "facet: there is no command '%s'; `facet --help` lists them\n", name);
    return EXIT_CODE_USAGE;
}

static int run(const struct command *command, int argc, char **argv)
{
    char name[64]; /* argp speaks of argv[0] in its messages */
    snprintf(name, sizeof name, "facet %s", command->name);
    argv[0] = name;
    return command->run(argc, argv);
}

int main(int argc, char **argv)
{
    standard_streams_occupy();
    bool speaks = job_launched_rank() == 0;
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "--help") == 0 || strcmp(word, "help") == 0 || strcmp(word, "-?") == 0) {
        const struct command *asked = argc > 2 ? command_find(argv[2]) : NULL;
        char help[] = "--help", *arguments[] = {argv[0], help, NULL};
        if (asked != NULL)
            return run(asked, 2, arguments);
        if (argc > 2)
            return tell_unknown(argv[2], speaks);
        if (speaks)
            print_help(stdout);
        return EXIT_CODE_OK;
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        if (speaks)
            puts(argp_program_version);
        return EXIT_CODE_OK;
    }
    if (strcmp(word, "document") == 0)
        return speaks ? print_document(argc - 1, argv + 1) : EXIT_CODE_OK;
    const struct command *command = command_find(word);
    if (command != NULL)
        return run(command, argc - 1, argv + 1);
    if (*word != '\0')
        return tell_unknown(word, speaks);
    if (speaks)
        print_help(stderr);
    return EXIT_CODE_USAGE;
}
