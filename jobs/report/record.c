#include "jobs/report/record.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compute/base/memory.h"
#include "jobs/json_output.h"
#include "jobs/run_directory.h"
#include "mpi/wire/events_file.h"

const char *record_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

double record_number(const json_t *object, const char *name)
{
    const json_t *number = json_object_get(object, name);
    return json_is_number(number) ? json_number_value(number) : (double)NAN;
}

const char *record_class_name(const struct record *record, int32_t class_index)
{
    const struct picture *events = record->events;
    return events != NULL && class_index >= 0 && class_index < events->class_count
               ? events->classes[class_index].name
               : "";
}

/* Reads DIRECTORY/NAME when it is there. */
static enum status read_json(const char *directory, const char *name, json_t **object)
{
    char *path = NULL;
    enum status status = run_directory_path(directory, name, &path);
    if (status == STATUS_OK && (access(path, F_OK) == 0 || errno != ENOENT))
        status = json_file_read(path, object);
    memory_free(&path);
    return status;
}

/* --- events --- */

static enum status apply_event(void *data, const struct event *event)
{
    struct record *record = data;
    enum status status = picture_apply(record->events, event);
    if (status == STATUS_FORMAT) {
        record->skipped++;
        return STATUS_OK;
    }
    if (status != STATUS_OK)
        return status;
    if (event->kind == EVENT_RUN_START) {
        int64_t ranks = event->total;
        timeline_destroy(&record->timeline);
        class_curves_clear(&record->class_curves);
        return timeline_create((int32_t)(ranks < 1                 ? 1
                                         : ranks > EVENT_RANKS_MAX ? EVENT_RANKS_MAX
                                                                   : ranks),
                               event->time, &record->timeline);
    }
    status = timeline_add(record->timeline, event);
    return status == STATUS_OK ? class_curves_add(&record->class_curves, event) : status;
}

static enum status read_events(struct record *record)
{
    char *path = NULL;
    uint64_t skipped = 0;
    enum status status = run_directory_path(record->directory, "events.jsonl", &path);
    bool there = status == STATUS_OK && (access(path, F_OK) == 0 || errno != ENOENT);
    memory_free(&path);
    if (!there)
        return status;
    status = picture_create(&record->events);
    if (status == STATUS_OK)
        status = events_file_read(record->directory, apply_event, record, &skipped);
    if (status == STATUS_NOT_FOUND)
        status = error_prefix(STATUS_FORMAT, "damaged, or of another program: move it away: ");
    record->skipped += skipped;
    return status;
}

/* --- studies --- */

static bool is_table(const json_t *table)
{
    json_t *columns = json_object_get(table, "columns"), *rows = json_object_get(table, "rows"), *item;
    size_t i;
    if (!json_is_array(columns) || !json_is_array(rows) || !json_is_string(json_object_get(table, "title")))
        return false;
    json_array_foreach(columns, i,
                       item) if (!json_is_string(json_object_get(item, "name")) ||
                                 !json_is_integer(json_object_get(item, "decimals"))) return false;
    json_array_foreach(rows, i, item) if (!json_is_array(item) ||
                                          json_array_size(item) != json_array_size(columns)) return false;
    return true;
}

static enum status add_study(struct record *record, const char *name)
{
    json_t *study = NULL, *table;
    size_t i;
    enum status status = read_json(record->directory, name, &study);
    if (status != STATUS_OK)
        return status;
    if (strcmp(record_text(study, "facet.kind"), "study") == 0) {
        json_array_foreach(json_object_get(study, "tables"), i, table) if (!is_table(table)) status =
            error_set(STATUS_FORMAT, "%s/%s: table %zu is no table; make the study's record anew",
                      record->directory, name, i);
        if (status == STATUS_OK)
            json_array_append(record->studies, study);
    }
    json_decref(study);
    return status;
}

static int may_be_study(const struct dirent *entry)
{
    static const char *const others[] = {"run.json", "result.json", "monitor.json"};
    size_t length = strlen(entry->d_name);
    if (length <= 5 || strcmp(entry->d_name + length - 5, ".json") != 0)
        return 0;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(entry->d_name, others[i]) == 0)
            return 0;
    return 1;
}

static enum status read_studies(struct record *record)
{
    struct dirent **entries = NULL;
    int count = scandir(record->directory, &entries, may_be_study, alphasort);
    enum status status = STATUS_OK;
    if (count < 0)
        return error_set(STATUS_IO, "%s: %s; expected the directory of a run", record->directory,
                         strerror(errno));
    record->studies = json_array();
    for (int i = 0; i < count; i++) {
        if (status == STATUS_OK)
            status = add_study(record, entries[i]->d_name);
        free(entries[i]);
    }
    free((void *)entries);
    return status;
}

static enum status find_scaling(struct record *record)
{
    enum status status = run_directory_path(record->directory, "scaling.csv", &record->scaling);
    if (status == STATUS_OK && access(record->scaling, F_OK) != 0 && errno == ENOENT)
        memory_free(&record->scaling);
    return status;
}

enum status record_read(const char *directory, struct record *record)
{
    *record = (struct record){.directory = directory};
    enum status status = read_studies(record);
    if (status == STATUS_OK)
        status = read_json(directory, "run.json", &record->run);
    if (status == STATUS_OK)
        status = read_events(record);
    if (status == STATUS_OK)
        status = find_scaling(record);
    if (status == STATUS_OK && record->run == NULL && record->scaling == NULL &&
        json_array_size(record->studies) == 0)
        status =
            error_set(STATUS_NOT_FOUND,
                      "%s: has neither run.json nor the record of a study; expected NET.h5.run of train, "
                      "or the directory of decompose, train-modules, a study or slurm/scaling.sbatch",
                      directory);
    return status;
}

void record_clear(struct record *record)
{
    json_decref(record->run);
    json_decref(record->studies);
    picture_destroy(&record->events);
    timeline_destroy(&record->timeline);
    class_curves_clear(&record->class_curves);
    memory_free(&record->scaling);
}
