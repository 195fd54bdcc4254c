#include "jobs/study/results.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "compute/base/output_file.h"
#include "jobs/json_output.h"
#include "jobs/study/results_page.h"
#include "jobs/study/step.h"
#include "jobs/study/table.h"
#include "mpi/wire/machine.h"

/* --- plots --- */

enum status results_plot(struct study *study, const json_t *table, const struct table_plot *how)
{
    char file[2 * STUDY_NAME_BYTES + 16], path[STUDY_PATH_BYTES];
    if (study->job->rank != 0)
        return STATUS_OK;
    snprintf(file, sizeof file, "%s-plot-%zu.svg", study->options->name, json_array_size(study->plots) + 1);
    study_path(study, path, "%s", file);
    enum status status = table_plot(table, how, path);
    if (status == STATUS_NOT_FOUND) { /* no gnuplot: figures are in the tables, too */
        console_print(study->console, "facet: note: %s; this plot is left out", error_message());
        return STATUS_OK;
    }
    if (status == STATUS_OK &&
        json_array_append_new(study->plots, json_pack("{s:s, s:s, s:s}", "file", file, "title", how->title,
                                                      "table", result_text(table, "name"))) != 0)
        status = error_set(STATUS_NO_MEMORY, "no memory for the list of plots");
    return status;
}

/* --- the record --- */

/* The commands of a step and what they took; results stay in STUDY/steps. */
static json_t *step_summary(const json_t *record)
{
    json_t *commands = json_array(), *command;
    size_t i;
    json_array_foreach(json_object_get(record, "commands"), i, command)
        json_array_append(commands, json_object_get(command, "command"));
    return json_pack("{s:O, s:O, s:O, s:O, s:o}", "name", json_object_get(record, "name"), "seconds",
                     json_object_get(record, "seconds"), "ranks", json_object_get(record, "ranks"), "threads",
                     json_object_get(record, "threads"), "commands", commands);
}

static json_t *machine_description(const struct study *study)
{
    char processor[128];
    machine_processor(processor, sizeof processor);
    return json_pack("{s:s, s:i, s:i}", "processor", processor, "ranks", study->job->rank_count, "threads",
                     study->job->threads);
}

static json_t *study_record(const struct study *study)
{
    char now[32];
    struct tm parts;
    time_t seconds = time(NULL);
    json_t *steps = json_array(), *step;
    size_t i;
    double sums[3] = {0};
    const char *figures[] = {"seconds", "energy_joules", "co2e_grams"}, *source = "";
    strftime(now, sizeof now, "%Y-%m-%d", gmtime_r(&seconds, &parts));
    json_array_foreach(study->steps, i, step)
    {
        json_array_append_new(steps, step_summary(step));
        for (int f = 0; f < 3; f++)
            sums[f] += result_number(step, figures[f]);
        source = result_text(step, "energy_source");
    }
    return json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:o, s:f, s:f, s:f, s:s, s:O, s:O, s:O, s:o}",
                     "facet.kind", "study", "kind", study->options->kind, "name", study->options->name,
                     "command", json_text(study->command_line), "finished", now, "facet", FACET_VERSION,
                     "machine", machine_description(study), "seconds", sums[0], "energy_joules", sums[1],
                     "co2e_grams", sums[2], "energy_source", source, "remarks", study->remarks, "tables",
                     study->tables, "plots", study->plots, "steps", steps);
}

/* --- files --- */

static enum status write_table(void *context, FILE *file)
{
    table_write_csv(context, file);
    return STATUS_OK;
}

/* Into `file`, from the file at `context`. */
static enum status write_copy(void *context, FILE *file)
{
    const char *from = context;
    char piece[16384];
    size_t n;
    FILE *in = fopen(from, "re");
    if (in == NULL)
        return error_set(STATUS_IO, "%s: %s", from, strerror(errno));
    while ((n = fread(piece, 1, sizeof piece, in)) > 0 && fwrite(piece, 1, n, file) == n)
        continue;
    enum status status =
        ferror(in) != 0 ? error_set(STATUS_IO, "%s: cannot be read: %s", from, strerror(errno)) : STATUS_OK;
    fclose(in);
    return status;
}

/* The record and the tables into `folder`. */
static enum status write_record(const struct study *study, const char *folder, json_t *record)
{
    char path[2 * STUDY_PATH_BYTES];
    json_t *table;
    size_t i;
    enum status status = STATUS_OK;
    json_array_foreach(study->tables, i, table)
    {
        snprintf(path, sizeof path, "%s/%s-%s.csv", folder, study->options->name, result_text(table, "name"));
        if (status == STATUS_OK)
            status = output_file_write(path, write_table, table);
    }
    snprintf(path, sizeof path, "%s/%s.json", folder, study->options->name);
    if (status == STATUS_OK)
        status = json_file_write(path, json_incref(record));
    return status;
}

static enum status copy_plots(const struct study *study, const char *folder)
{
    char from[STUDY_PATH_BYTES], to[2 * STUDY_PATH_BYTES];
    json_t *plot;
    size_t i;
    enum status status = STATUS_OK;
    json_array_foreach(study->plots, i, plot)
    {
        study_path(study, from, "%s", result_text(plot, "file"));
        snprintf(to, sizeof to, "%s/%s", folder, result_text(plot, "file"));
        if (status == STATUS_OK)
            status = output_file_write(to, write_copy, from);
    }
    return status;
}

enum status results_publish(struct study *study, const char *page)
{
    char folder[STUDY_PATH_BYTES];
    json_t *record = study_record(study);
    if (record == NULL)
        return error_set(STATUS_NO_MEMORY, "no memory for the record of a study");
    enum status status = write_record(study, study->directory, record);
    if (status == STATUS_OK && page != NULL) {
        status = results_page_folder(page, folder, sizeof folder);
        if (status == STATUS_OK && mkdir(folder, 0777) != 0 && errno != EEXIST)
            status = error_set(STATUS_IO, "%s: cannot be made: %s", folder, strerror(errno));
        if (status == STATUS_OK)
            status = write_record(study, folder, record);
        if (status == STATUS_OK)
            status = copy_plots(study, folder);
        if (status == STATUS_OK)
            status = results_write_page(page);
    }
    json_decref(record);
    return status;
}
