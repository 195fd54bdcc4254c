#include "jobs/study/results_page.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"
#include "jobs/json_output.h"
#include "jobs/study/kinds.h"
#include "jobs/study/results_summary.h"
#include "jobs/study/step.h"
#include "jobs/study/table.h"

enum status results_page_folder(const char *page, char *folder, size_t bytes)
{
    size_t length = strlen(page);
    if (length < 4 || length >= bytes || strcmp(page + length - 3, ".md") != 0)
        return error_set(STATUS_USAGE, "%s: expected a page's name that ends in .md", page);
    snprintf(folder, bytes, "%.*s", (int)(length - 3), page);
    return STATUS_OK;
}

/* --- the records --- */

static int compare_records(const void *a, const void *b)
{
    const json_t *left = *(const json_t *const *)a, *right = *(const json_t *const *)b;
    int order = study_kind_place(result_text(left, "kind")) - study_kind_place(result_text(right, "kind"));
    return order != 0 ? order : strcmp(result_text(left, "name"), result_text(right, "name"));
}

static enum status check_record(const char *path, const json_t *record)
{
    static const char *arrays[] = {"remarks", "tables", "plots", "steps"};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        if (!json_is_array(json_object_get(record, arrays[i])))
            return error_set(STATUS_FORMAT,
                             "%s: is no record of a study: it has no %s; take it out of the folder", path,
                             arrays[i]);
    if (study_kind_place(result_text(record, "kind")) < 0 || *result_text(record, "name") == '\0')
        return error_set(STATUS_FORMAT, "%s: is no record of a study that Facet knows: its kind is '%s'",
                         path, result_text(record, "kind"));
    return STATUS_OK;
}

static bool is_json(const char *name)
{
    size_t length = strlen(name);
    return length > 5 && strcmp(name + length - 5, ".json") == 0;
}

static enum status read_records(const char *folder, json_t *records)
{
    enum status status = STATUS_OK;
    DIR *open_folder = opendir(folder);
    if (open_folder == NULL)
        return error_set(STATUS_NOT_FOUND, "%s: %s; it is where facet study --results puts its records",
                         folder, strerror(errno));
    for (const struct dirent *entry = readdir(open_folder); entry != NULL && status == STATUS_OK;
         entry = readdir(open_folder)) {
        char path[2 * STUDY_PATH_BYTES];
        json_t *record = NULL;
        if (!is_json(entry->d_name))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        status = json_file_read(path, &record);
        if (status == STATUS_OK)
            status = check_record(path, record);
        if (status == STATUS_OK)
            json_array_append(records, record);
        json_decref(record);
    }
    closedir(open_folder);
    if (status == STATUS_OK && json_array_size(records) == 0)
        return error_set(STATUS_NOT_FOUND, "%s: holds no record of a study; facet study --results makes them",
                         folder);
    return status;
}

/* --- the page --- */

static void write_commands(const json_t *record, FILE *out)
{
    json_t *step, *command;
    size_t i, j;
    fprintf(out, "<details><summary>The %zu steps it ran</summary>\n\n```\n",
            json_array_size(json_object_get(record, "steps")));
    json_array_foreach(json_object_get(record, "steps"), i, step)
    {
        json_array_foreach(json_object_get(step, "commands"), j, command)
            fprintf(out, "%s\n", json_string_value(command) != NULL ? json_string_value(command) : "");
        fprintf(out, "    # %s, %.1f s\n", result_text(step, "name"), result_number(step, "seconds"));
    }
    fputs("```\n\n</details>\n\n", out);
}

static void write_plots(const json_t *record, const char *table, const char *folder, FILE *out)
{
    json_t *plot;
    size_t i;
    json_array_foreach(json_object_get(record, "plots"), i,
                       plot) if (strcmp(result_text(plot, "table"), table) == 0)
        fprintf(out, "\n![%s](%s/%s)\n", result_text(plot, "title"), folder, result_text(plot, "file"));
}

/* `folder` is as the page sees it: its last part. */
static void write_study(const json_t *record, const char *folder, FILE *out)
{
    json_t *table, *remark;
    size_t i;
    const json_t *machine = json_object_get(record, "machine");
    fprintf(out, "## %s: %s\n\n", result_text(record, "name"), study_kind_title(result_text(record, "kind")));
    fprintf(out, "```\n%s\n```\n\n", result_text(record, "command"));
    fprintf(out,
            "%s; %.0f rank(s) of %.0f thread(s) on %s; its steps took %.0f s, %.0f J and %.2f g of CO2e "
            "(%s).\n\n",
            result_text(record, "finished"), result_number(machine, "ranks"),
            result_number(machine, "threads"), result_text(machine, "processor"),
            result_number(record, "seconds"), result_number(record, "energy_joules"),
            result_number(record, "co2e_grams"), result_text(record, "energy_source"));
    json_array_foreach(json_object_get(record, "remarks"), i, remark)
        fprintf(out, "%s\n\n", json_string_value(remark) != NULL ? json_string_value(remark) : "");
    json_array_foreach(json_object_get(record, "tables"), i, table)
    {
        fprintf(out, "**%s** ([CSV](%s/%s-%s.csv))\n\n", result_text(table, "title"), folder,
                result_text(record, "name"), result_text(table, "name"));
        table_write_markdown(table, out);
        write_plots(record, result_text(table, "name"), folder, out);
        fputc('\n', out);
    }
    write_commands(record, out);
}

static void write_page(const json_t *const *records, size_t count, const char *folder, FILE *out)
{
    fputs("# Results\n\n"
          "Written by `facet study` from the records in the folder beside this page; not by hand. Above each "
          "table stands "
          "the command that measured it, below it the steps of that. A loss is the parent's accuracy minus "
          "the other's, in "
          "percentage points (pp): negative is better than the parent. Terms are those of [the "
          "method](method.md).\n\n",
          out);
    results_write_summary(records, count, out);
    for (size_t i = 0; i < count; i++)
        write_study(records[i], folder, out);
}

/* The records of a page, sorted, and where their files lie beside it. */
struct sorted_records {
    const json_t **records; /* (count) */
    size_t count;
    const char *folder;
};

static enum status write_records(void *context, FILE *file)
{
    const struct sorted_records *sorted = context;
    write_page(sorted->records, sorted->count, sorted->folder, file);
    return STATUS_OK;
}

static enum status write_sorted(const json_t *records, const char *folder, const char *page)
{
    const char *last = strrchr(folder, '/');
    struct sorted_records sorted = {.count = json_array_size(records),
                                    .folder = last != NULL ? last + 1 : folder};
    enum status status = memory_allocate(&sorted.records, sorted.count, sizeof *sorted.records, "records");
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < sorted.count; i++)
        sorted.records[i] = json_array_get(records, i);
    qsort(sorted.records, sorted.count, sizeof *sorted.records, compare_records);
    status = output_file_write(page, write_records, &sorted);
    memory_free(&sorted.records);
    return status;
}

enum status results_write_page(const char *page)
{
    char folder[STUDY_PATH_BYTES];
    json_t *records = json_array();
    enum status status = results_page_folder(page, folder, sizeof folder);
    if (status == STATUS_OK)
        status = read_records(folder, records);
    if (status == STATUS_OK)
        status = write_sorted(records, folder, page);
    json_decref(records);
    return status;
}
