#include "jobs/study/step.h"

#include <ctype.h>
#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute/base/digest.h"
#include "compute/base/memory.h"
#include "jobs/command_line.h"
#include "jobs/commands/commands.h"
#include "jobs/hushed.h"
#include "jobs/json_output.h"
#include "mpi/energy/energy.h"
#include "mpi/ranks.h"

/* --- putting one together --- */

void step_begin(struct study *study, struct study_step *step, const char *name_format, ...)
{
    va_list arguments;
    va_start(arguments, name_format);
    vsnprintf(step->name, sizeof step->name, name_format, arguments);
    va_end(arguments);
    for (char *c = step->name; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && strchr(".-_", *c) == NULL)
            *c = '_';
    study_path(study, step->folder, "work/%s", step->name);
    step->commands = json_array();
    step->inputs = json_array();
    step->outputs = json_array();
    step->broken = step->commands == NULL || step->inputs == NULL || step->outputs == NULL;
}

static void append_text(struct study_step *step, json_t *array, const char *text)
{
    step->broken |= json_array_append_new(array, json_stringn_nocheck(text, strlen(text))) != 0;
}

static json_t *last_command(const struct study_step *step)
{
    return json_array_get(step->commands, json_array_size(step->commands) - 1);
}

void step_command(struct study_step *step, const char *subcommand, ...)
{
    va_list words;
    step->broken |= json_array_append_new(step->commands, json_array()) != 0;
    append_text(step, last_command(step), subcommand);
    va_start(words, subcommand);
    for (const char *word = va_arg(words, const char *); word != NULL; word = va_arg(words, const char *))
        append_text(step, last_command(step), word);
    va_end(words);
}

void step_word(struct study_step *step, const char *format, ...)
{
    char word[2 * STUDY_PATH_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(word, sizeof word, format, arguments);
    va_end(arguments);
    step->broken |= length < 0 || (size_t)length >= sizeof word;
    append_text(step, last_command(step), word);
}

void step_words(struct study_step *step, const char *text)
{
    for (text = text != NULL ? text : ""; *text != '\0';) {
        size_t length = strcspn(text, " ");
        if (length > 0)
            step_word(step, "%.*s", (int)length, text);
        text += length + (text[length] == ' ');
    }
}

void step_input(struct study_step *step, const char *path)
{
    append_text(step, step->inputs, path);
}

void step_output(struct study_step *step, const char *path)
{
    append_text(step, step->outputs, path);
}

static void release(struct study_step *step)
{
    json_decref(step->commands);
    json_decref(step->inputs);
    json_decref(step->outputs);
    step->commands = step->inputs = step->outputs = NULL;
}

/* --- believing --- */

/* Each file is read once a study. */
static enum status digest_of(struct study *study, const char *path, const char **hex)
{
    uint8_t digest[DIGEST_BYTES];
    char text[DIGEST_HEX_BYTES];
    if (json_object_get(study->digests, path) == NULL) {
        enum status status = digest_file(path, digest);
        if (status != STATUS_OK)
            return status;
        digest_to_hex(digest, text);
        if (json_object_set_new(study->digests, path, json_string(text)) != 0)
            return error_set(STATUS_NO_MEMORY, "no memory for the digest of %s", path);
    }
    *hex = json_string_value(json_object_get(study->digests, path));
    return STATUS_OK;
}

static void add_text(struct digest_state *state, const char *text)
{
    digest_add(state, text, strlen(text) + 1);
}

/* What the result is a function of. */
static enum status step_key(struct study *study, const struct study_step *step, char key[DIGEST_HEX_BYTES])
{
    struct digest_state state;
    uint8_t digest[DIGEST_BYTES];
    enum status status = STATUS_OK;
    json_t *command, *word, *input;
    size_t i, j;
    digest_begin(&state);
    add_text(&state, FACET_VERSION);
    add_text(&state, study->job->convolutions);
    json_array_foreach(step->commands, i, command)
    {
        add_text(&state, ""); /* no word is empty: commands cannot run into one another */
        json_array_foreach(command, j, word) add_text(&state, json_string_value(word));
    }
    json_array_foreach(step->inputs, i, input)
    {
        const char *hex = "";
        if (status == STATUS_OK)
            status = digest_of(study, json_string_value(input), &hex);
        add_text(&state, hex);
    }
    digest_end(&state, digest);
    digest_to_hex(digest, key);
    return status;
}

/* The record there, when it is that of this step and its files are there; else NULL. */
static json_t *believe(const struct study_step *step, const char *path, const char *key)
{
    json_t *record = NULL, *output;
    size_t i;
    if (json_file_read(path, &record) != STATUS_OK)
        return NULL;
    bool good = strcmp(result_text(record, "key"), key) == 0 &&
                json_array_size(json_object_get(record, "commands")) == json_array_size(step->commands);
    json_array_foreach(step->outputs, i, output) good = good && access(json_string_value(output), R_OK) == 0;
    if (!good) {
        json_decref(record);
        record = NULL;
    }
    return record;
}

/* --- running --- */

static int remove_one(const char *path, const struct stat *found, int type, struct FTW *place)
{
    (void)found;
    (void)type;
    (void)place;
    return remove(path);
}

static void remove_folder(const char *path)
{
    if (access(path, F_OK) == 0)
        nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Rank 0. An empty folder for the step, or the one it was interrupted in (*resume). */
static enum status prepare_folder(struct study *study, const struct study_step *step, const char *key,
                                  bool *resume)
{
    char path[STUDY_PATH_BYTES];
    json_t *begun = NULL;
    study_path(study, path, "steps/%s.begun", step->name);
    *resume = json_file_read(path, &begun) == STATUS_OK && strcmp(result_text(begun, "key"), key) == 0 &&
              access(step->folder, F_OK) == 0;
    json_decref(begun);
    if (*resume)
        return STATUS_OK;
    remove_folder(step->folder);
    if (mkdir(step->folder, 0777) != 0)
        return error_set(STATUS_IO, "%s: cannot be made: %s", step->folder, strerror(errno));
    return json_file_write(path, json_pack("{s:s}", "key", key));
}

/* A command's words as argv, with `--resume` where it can go on. *text is the command as one would type it,
 * without that. */
static enum status make_arguments(const json_t *words, bool resume, int *argc, char ***argv, char **text)
{
    static const char *resumable[] = {"train", "train-modules", "decompose"};
    const char *name = json_string_value(json_array_get(words, 0));
    size_t count = json_array_size(words), i;
    json_t *word;
    enum status status = memory_allocate(argv, count + 2, sizeof(char *), "words of a command");
    if (status != STATUS_OK)
        return status;
    json_array_foreach(words, i, word)
    {
        char first[STUDY_NAME_BYTES];
        snprintf(first, sizeof first, "facet %s", name);
        (*argv)[i] = strdup(i == 0 ? first : json_string_value(word));
        if ((*argv)[i] == NULL)
            return error_set(STATUS_NO_MEMORY, "no memory for the words of facet %s", name);
    }
    *text = command_line_join((int)count, *argv);
    for (i = 0; i < sizeof resumable / sizeof *resumable; i++)
        if (resume && strcmp(name, resumable[i]) == 0 && ((*argv)[count] = strdup("--resume")) != NULL)
            count++;
    *argc = (int)count;
    return STATUS_OK;
}

static void free_arguments(size_t count, char ***argv, char **text)
{
    for (size_t i = 0; *argv != NULL && i <= count; i++)
        free((*argv)[i]);
    memory_free(argv);
    free(*text);
}

static void add_sums(json_t *record, const struct energy_cost *cost)
{
    double seconds = json_number_value(json_object_get(record, "seconds"));
    double joules = json_number_value(json_object_get(record, "energy_joules"));
    double grams = json_number_value(json_object_get(record, "co2e_grams"));
    json_object_set_new(record, "seconds", json_real(seconds + cost->seconds));
    json_object_set_new(record, "energy_joules", json_real(joules + cost->joules));
    json_object_set_new(record, "co2e_grams", json_real(grams + cost->co2e_grams));
    json_object_set_new(record, "energy_source", json_string(cost->source));
}

/* Of a command that had finished before its step was interrupted: what it took then. */
static struct energy_cost earlier_cost(const json_t *result)
{
    struct energy_cost cost = {.seconds = json_number_value(json_object_get(result, "seconds"))};
    cost.processor_seconds = json_number_value(json_object_get(result, "processor_seconds"));
    cost.joules = json_number_value(json_object_get(result, "energy_joules"));
    cost.co2e_grams = json_number_value(json_object_get(result, "co2e_grams"));
    cost.grid_intensity = json_number_value(json_object_get(result, "grid_intensity"));
    cost.pue = json_number_value(json_object_get(result, "pue"));
    snprintf(cost.source, sizeof cost.source, "%s", result_text(result, "energy_source"));
    return cost;
}

/* Collective. Runs one command; on rank 0 its result and cost go into the record. */
static enum status run_command(struct study *study, const json_t *words, bool resume, json_t *record)
{
    char **argv = NULL, *text = NULL;
    int argc = 0;
    json_t *result = NULL;
    struct energy_meter meter;
    struct hushed hushed;
    const struct command *command = command_find(json_string_value(json_array_get(words, 0)));
    enum status status = command == NULL ? error_set(STATUS_INTERNAL, "facet has no command '%s'",
                                                     json_string_value(json_array_get(words, 0)))
                                         : make_arguments(words, resume, &argc, &argv, &text);
    status = ranks_agree(study->job->comm, status);
    if (status == STATUS_OK) {
        energy_start(&meter);
        hush(&hushed);
        json_keep(&result);
        status = job_run_inside(study->job, command->run, argc, argv);
        json_keep(NULL);
        unhush(&hushed);
        struct energy_cost cost = energy_read(study->job->comm, &meter);
        if (json_is_true(json_object_get(result, "already_finished")))
            cost = earlier_cost(result);
        if (status != STATUS_OK && status != STATUS_STOPPED)
            status = error_prefix(status, "%s: ", text);
        if (status == STATUS_OK && study->job->rank == 0) {
            json_t *entry = json_pack("{s:o}", "command", json_text(text));
            json_add_cost(entry, &cost);
            json_object_set(entry, "result", result != NULL ? result : json_null());
            json_array_append_new(json_object_get(record, "commands"), entry);
            add_sums(record, &cost);
        }
    }
    json_decref(result);
    free_arguments(json_array_size(words) + 1, &argv, &text);
    return status;
}

/* Collective. Rank 0's record to all, itself included, with the digits that its file has: so a step gives the
 * same figures when it has just run and when it is believed. */
static enum status share_record(struct study *study, json_t **record)
{
    char *text = NULL;
    int bytes = 0;
    json_error_t reason;
    enum status status = STATUS_OK;
    if (study->job->rank == 0) {
        text = json_dumps(*record, JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9));
        bytes = text != NULL ? (int)strlen(text) + 1 : 0;
    }
    MPI_Bcast(&bytes, 1, MPI_INT, 0, study->job->comm);
    if (study->job->rank != 0)
        text = malloc((size_t)bytes + 1);
    if (text == NULL || bytes == 0)
        status = error_set(STATUS_NO_MEMORY, "no memory for the record of a step");
    status = ranks_agree(study->job->comm, status);
    if (status == STATUS_OK) {
        MPI_Bcast(text, bytes, MPI_CHAR, 0, study->job->comm);
        json_decref(*record);
        *record = json_loads(text, 0, &reason);
        if (*record == NULL)
            status = error_set(STATUS_NO_MEMORY, "the record of a step cannot be read: %s", reason.text);
    }
    free(text);
    return ranks_agree(study->job->comm, status);
}

/* Rank 0, after the last command. */
static enum status finish(struct study *study, const struct study_step *step, const json_t *record)
{
    char path[STUDY_PATH_BYTES], begun[STUDY_PATH_BYTES];
    json_t *output;
    size_t i;
    study_path(study, path, "steps/%s.json", step->name);
    study_path(study, begun, "steps/%s.begun", step->name);
    json_array_foreach(step->outputs, i, output) json_object_del(study->digests, json_string_value(output));
    enum status status = json_file_write(path, json_incref((json_t *)record));
    if (status != STATUS_OK)
        return status;
    unlink(begun);
    if (json_array_size(step->outputs) == 0)
        remove_folder(step->folder);
    return STATUS_OK;
}

/* Collective. */
static enum status run_all(struct study *study, const struct study_step *step, const char *key,
                           json_t **record)
{
    enum status status = STATUS_OK;
    json_t *words;
    size_t i;
    bool resume = false;
    int resume_all = 0;
    if (study->job->rank == 0) {
        status = prepare_folder(study, step, key, &resume);
        *record = json_pack("{s:s, s:s, s:s, s:i, s:i, s:[]}", "name", step->name, "key", key, "facet",
                            FACET_VERSION, "ranks", study->job->rank_count, "threads", study->job->threads,
                            "commands");
        resume_all = resume;
    }
    status = ranks_agree(study->job->comm, status);
    MPI_Bcast(&resume_all, 1, MPI_INT, 0, study->job->comm);
    json_array_foreach(step->commands, i, words) if (status == STATUS_OK) status =
        run_command(study, words, resume_all != 0, *record);
    if (status == STATUS_OK && study->job->rank == 0)
        status = finish(study, step, *record);
    return ranks_agree(study->job->comm, status);
}

/* Rank 0: the step's key, and its record when there is one to believe. */
static enum status look_up(struct study *study, const struct study_step *step, char key[DIGEST_HEX_BYTES],
                           json_t **record)
{
    char path[STUDY_PATH_BYTES];
    if (step->broken)
        return error_set(STATUS_NO_MEMORY, "step %s: no memory, or too long a word", step->name);
    enum status status = step_key(study, step, key);
    if (status == STATUS_OK) {
        study_path(study, path, "steps/%s.json", step->name);
        *record = believe(step, path, key);
    }
    return status;
}

/* Adds the record to the study's, unless the same step was run for something else before: what it cost counts
 * once. Returns the study's. */
static json_t *list_record(struct study *study, json_t *record)
{
    json_t *listed;
    size_t i;
    json_array_foreach(study->steps, i, listed) if (json_equal(listed, record) != 0) return listed;
    json_array_append(study->steps, record);
    return record;
}

enum status step_run(struct study *study, struct study_step *step, json_t **record)
{
    char key[DIGEST_HEX_BYTES] = "";
    json_t *found = NULL;
    enum status status = STATUS_OK;
    if (*study->job->stop)
        status = error_set(STATUS_STOPPED, "stopped by a signal before step %s; the same command goes on",
                           step->name);
    else if (study->job->rank == 0)
        status = look_up(study, step, key, &found);
    int believed = found != NULL;
    status = ranks_agree(study->job->comm, status);
    MPI_Bcast(&believed, 1, MPI_INT, 0, study->job->comm);
    if (status == STATUS_OK && !believed) {
        run_progress_rank(study->progress, step->name, -1, study->run_count, 0, 0);
        status = run_all(study, step, key, &found);
    }
    if (status == STATUS_OK)
        status = share_record(study, &found);
    if (status == STATUS_OK) {
        study->run_count += believed ? 0 : 1;
        study->believed_count += believed;
        if (study->job->rank == 0)
            console_print(study->console, "%s: %.1f s%s", step->name, result_number(found, "seconds"),
                          believed ? " (done before)" : "");
        json_t *listed = list_record(study, found);
        if (record != NULL)
            *record = listed;
    }
    json_decref(found); /* the study's array keeps what it lists */
    release(step);
    return status;
}

/* --- reading results --- */

json_t *step_result(json_t *record, int command)
{
    json_t *commands = json_object_get(record, "commands");
    size_t count = json_array_size(commands), at = command < 0 ? count - 1 : (size_t)command;
    json_t *result = json_object_get(json_array_get(commands, at), "result");
    return json_is_object(result) ? result : NULL;
}

double result_number(const json_t *result, const char *name)
{
    const json_t *value = json_object_get(result, name);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

const char *result_text(const json_t *result, const char *name)
{
    const char *text = json_string_value(json_object_get(result, name));
    return text != NULL ? text : "";
}
