#include "jobs/monitor/run_names.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mpi/wire/run_file.h"

static bool has_file(const char *folder, const char *name)
{
    char path[RUN_FILE_PATH_BYTES];
    return run_file_path(folder, name, path) == STATUS_OK && access(path, F_OK) == 0;
}

static bool is_run(const char *folder)
{
    return has_file(folder, "monitor.json") || has_file(folder, "events.jsonl");
}

static enum status name_add(struct run_names *names, const char *name)
{
    if (names->count == RUN_NAMES_MAX)
        return error_set(STATUS_USAGE, "%s: more than %d runs; name fewer", name, RUN_NAMES_MAX);
    char *copy = strdup(name);
    if (copy == NULL)
        return error_set(STATUS_NO_MEMORY, "no memory for the name of a run");
    names->names[names->count++] = copy;
    return STATUS_OK;
}

static int name_compare(const void *first, const void *second)
{
    return strcmp(*(char *const *)first, *(char *const *)second);
}

enum status run_names_add(struct run_names *names, const char *argument)
{
    char path[RUN_FILE_PATH_BYTES];
    int before = names->count;
    enum status status = STATUS_OK;
    DIR *folder = NULL;
    if (strncmp(argument, "tcp://", 6) != 0 && !is_run(argument))
        folder = opendir(argument);
    for (struct dirent *entry; folder != NULL && status == STATUS_OK && (entry = readdir(folder)) != NULL;)
        if (entry->d_name[0] != '.' && run_file_path(argument, entry->d_name, path) == STATUS_OK &&
            is_run(path))
            status = name_add(names, path);
    if (folder != NULL)
        closedir(folder);
    qsort(names->names + before, (size_t)(names->count - before), sizeof names->names[0], name_compare);
    if (status == STATUS_OK && names->count == before) /* a run, or one that has not begun */
        status = name_add(names, argument);
    return status;
}

void run_names_clear(struct run_names *names)
{
    while (names->count > 0)
        free(names->names[--names->count]);
}
