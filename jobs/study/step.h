/* A step of a study: one or more Facet commands with one recorded result. A finished step is not run again:
 * its record is believed when its commands (word by word), the content of its input files and the ways of
 * convolving are the same, and the files it leaves are there. A step that was interrupted goes on where its
 * commands can (--resume), and otherwise begins anew. */
#ifndef FACET_JOBS_STUDY_STEP_H
#define FACET_JOBS_STUDY_STEP_H

#include "jobs/study/study.h"

struct study_step {
    char name[STUDY_STEP_BYTES];
    char folder[STUDY_PATH_BYTES]; /* STUDY/work/NAME, the step's own */
    json_t *commands;              /* arrays of words; the first is the subcommand */
    json_t *inputs, *outputs;      /* paths */
    bool broken;                   /* no memory while it was put together: told by step_run */
};

/* Names are letters, digits, '.', '-' and '_'; what else is in them becomes '_'. */
void step_begin(struct study *study, struct study_step *step, const char *name_format, ...)
    __attribute__((format(printf, 3, 4)));

/* Begins a command: the subcommand's name and its first words, up to NULL. */
void step_command(struct study_step *step, const char *subcommand, ...) __attribute__((sentinel));
/* Adds a word, printf style, to the command begun last. */
void step_word(struct study_step *step, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds words that stand in `text` apart by blanks; NULL adds none. */
void step_words(struct study_step *step, const char *text);
/* A file whose content decides about the result. */
void step_input(struct study_step *step, const char *path);
/* A file in the step's folder that later steps read. Without any the folder is removed when the step has
 * ended. */
void step_output(struct study_step *step, const char *path);

/* Collective. Runs the step or believes its record, and releases it (also after a failure). *record (may be
 * NULL) is the study's: {"name", "seconds", "energy_joules", "co2e_grams", "energy_source", "commands":
 * [{"command", "seconds", …, "result"}]}, the same on every rank. */
enum status step_run(struct study *study, struct study_step *step, json_t **record);

/* The result (--json) of the step's command number `command`, or of its last with −1; NULL when it has none.
 */
json_t *step_result(json_t *record, int command);

/* A number or a text of a result: NAN or "" when it is not there. */
double result_number(const json_t *result, const char *name);
const char *result_text(const json_t *result, const char *name);

#endif
