#include "jobs/study/study.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "mpi/ranks.h"

void study_path(const struct study *study, char path[STUDY_PATH_BYTES], const char *format, ...)
{
    va_list arguments;
    int used = snprintf(path, STUDY_PATH_BYTES, "%s/", study->directory);
    va_start(arguments, format);
    if (used < STUDY_PATH_BYTES)
        vsnprintf(path + used, (size_t)(STUDY_PATH_BYTES - used), format, arguments);
    va_end(arguments);
}

static enum status make_folder(const struct study *study, const char *name)
{
    char path[STUDY_PATH_BYTES];
    study_path(study, path, "%s", name);
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return error_set(STATUS_IO, "%s: cannot be made: %s; name a folder that you may write", path,
                         strerror(errno));
    return STATUS_OK;
}

enum status study_open(struct study *study)
{
    enum status status = STATUS_OK;
    if (strlen(study->directory) > STUDY_PATH_BYTES / 2)
        return error_set(STATUS_USAGE, "%.60s…: too long a path for a study; name one below %d bytes",
                         study->directory, STUDY_PATH_BYTES / 2);
    study->steps = json_array();
    study->tables = json_array();
    study->plots = json_array();
    study->remarks = json_array();
    study->digests = json_object();
    if (study->steps == NULL || study->tables == NULL || study->plots == NULL || study->remarks == NULL ||
        study->digests == NULL)
        status = error_set(STATUS_NO_MEMORY, "no memory for the records of a study");
    if (status == STATUS_OK && study->job->rank == 0) {
        status = make_folder(study, "steps");
        if (status == STATUS_OK)
            status = make_folder(study, "work");
    }
    return ranks_agree(study->job->comm, status);
}

void study_close(struct study *study)
{
    json_decref(study->steps);
    json_decref(study->tables);
    json_decref(study->plots);
    json_decref(study->remarks);
    json_decref(study->digests);
}
