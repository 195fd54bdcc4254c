#include "jobs/plan_trial.h"

#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "jobs/commands/commands.h"
#include "jobs/hushed.h"
#include "mpi/ranks.h"

enum { TRIAL_CLASSES = 3 };

bool plan_trial_knows(const char *subcommand)
{
    return strcmp(subcommand, "decompose") == 0 || strcmp(subcommand, "train-modules") == 0;
}

/* The value of the option --NAME (or -LETTER), in the same word or the next; NULL when it is not there. */
static const char *value_of(const struct plan_trial *trial, const char *name, char letter)
{
    size_t length = strlen(name);
    const char *value = NULL;
    for (int i = 1; i < trial->count; i++) {
        const char *word = trial->words[i];
        const char *next = i + 1 < trial->count ? trial->words[i + 1] : NULL;
        if (strncmp(word, name, length) == 0 && word[length] == '=')
            value = word + length + 1;
        else if (strcmp(word, name) == 0)
            value = next;
        else if (letter != '\0' && word[0] == '-' && word[1] == letter)
            value = word[2] != '\0' ? word + 2 : next;
    }
    return value;
}

const char *plan_trial_run(const struct plan_trial *trial)
{
    return value_of(trial, "--output", 'o');
}

enum status plan_trial_make(struct job *job, const struct plan_trial *trial)
{
    char classes[48], **argv = NULL;
    struct hushed hushed;
    int argc = trial->count;
    const struct command *command = command_find(trial->words[0]);
    int32_t usual = job->rank_count > TRIAL_CLASSES ? job->rank_count : TRIAL_CLASSES;
    enum status status =
        command == NULL
            ? error_set(STATUS_INTERNAL, "facet has no command '%s'", trial->words[0])
            : memory_allocate(&argv, (size_t)trial->count + 2, sizeof *argv, "words of a command");
    status = ranks_agree(job->comm, status);
    if (status == STATUS_OK) {
        memcpy(argv, trial->words, (size_t)trial->count * sizeof *argv);
        snprintf(classes, sizeof classes, "--classes=0-%d",
                 (int)(trial->classes > 0 ? trial->classes : usual) - 1);
        if (value_of(trial, "--classes", '\0') == NULL)
            argv[argc++] = classes;
        hush(&hushed);
        status = job_run_inside(job, command->run, argc, argv);
        unhush(&hushed);
    }
    memory_free(&argv);
    return status;
}
