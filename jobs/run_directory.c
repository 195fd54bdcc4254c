#include "jobs/run_directory.h"

#include <errno.h>
#include <hdf5.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "compute/base/memory.h"
#include "jobs/finished_run.h"
#include "jobs/json_output.h"
#include "mpi/energy/emissions_file.h"
#include "mpi/ranks.h"

enum { HOST_BYTES = 64 };

enum status run_directory_path(const char *directory, const char *name, char **path)
{
    size_t bytes = strlen(directory) + strlen(name) + 2;
    enum status status = memory_allocate(path, bytes, 1, "path");
    if (status == STATUS_OK)
        snprintf(*path, bytes, "%s/%s", directory, name);
    return status;
}

static enum status make_folder(const char *path)
{
    struct stat found;
    if (mkdir(path, 0777) == 0)
        return STATUS_OK;
    int reason = errno;
    if (reason == EEXIST && stat(path, &found) == 0) {
        if (S_ISDIR(found.st_mode) && access(path, W_OK | X_OK) == 0)
            return STATUS_OK;
        reason = S_ISDIR(found.st_mode) ? errno : ENOTDIR;
    }
    return error_set(
        STATUS_IO, "%s: cannot be made or written as the run directory: %s; name a folder that you may write",
        path, strerror(reason));
}

static json_t *versions(void)
{
    char mpi[MPI_MAX_LIBRARY_VERSION_STRING] = "", hdf5[32];
    int length = 0;
    unsigned major = 0, minor = 0, release = 0;
    MPI_Get_library_version(mpi, &length);
    mpi[strcspn(mpi, ",\n")] = '\0';
    H5get_libversion(&major, &minor, &release);
    snprintf(hdf5, sizeof hdf5, "%u.%u.%u", major, minor, release);
    return json_pack("{s:s, s:s, s:s}", "facet", FACET_VERSION, "mpi", mpi, "hdf5", hdf5);
}

static json_t *run_description(const struct job *job, const char *command_line,
                               const struct option_records *records, const char (*hosts)[HOST_BYTES])
{
    char started[32];
    time_t now = time(NULL);
    struct tm parts;
    strftime(started, sizeof started, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &parts));
    json_t *host_list = json_array();
    for (int r = 0; r < job->rank_count; r++)
        json_array_append_new(host_list, json_string(hosts[r]));
    return json_pack("{s:o, s:s, s:o, s:o, s:i, s:i, s:o}", "command", json_text(command_line), "started",
                     started, "versions", versions(), "options", option_records_json(records), "ranks",
                     job->rank_count, "threads", job->threads, "hosts", host_list);
}

static enum status describe(const struct job *job, const char *directory, const char *command_line,
                            const struct option_records *records, const char (*hosts)[HOST_BYTES])
{
    char *path = NULL;
    enum status status = run_directory_path(directory, "run.json", &path);
    if (status == STATUS_OK)
        status = json_file_write(path, run_description(job, command_line, records, hosts));
    memory_free(&path);
    return status;
}

enum status run_directory_make(const struct job *job, const char *path)
{
    return ranks_agree(job->comm, job->rank == 0 ? make_folder(path) : STATUS_OK);
}

enum status run_directory_describe(const struct job *job, const char *path, const char *command_line,
                                   const struct option_records *records)
{
    char host[HOST_BYTES] = "", (*hosts)[HOST_BYTES] = NULL;
    enum status status = STATUS_OK;
    gethostname(host, sizeof host - 1);
    if (job->rank == 0)
        status = memory_allocate(&hosts, (size_t)job->rank_count, sizeof *hosts, "host names");
    status = ranks_agree(job->comm, status);
    if (status != STATUS_OK)
        return status;
    MPI_Gather(host, HOST_BYTES, MPI_CHAR, hosts, HOST_BYTES, MPI_CHAR, 0, job->comm);
    if (job->rank == 0)
        status = describe(job, path, command_line, records, (const char(*)[HOST_BYTES])hosts);
    memory_free(&hosts);
    return ranks_agree(job->comm, status);
}

void run_directory_add_cost(const struct job *job, const char *path, const char *command,
                            const struct energy_cost *cost)
{
    char *file = NULL;
    if (job->rank != 0)
        return;
    enum status status = run_directory_path(path, "emissions.csv", &file);
    if (status == STATUS_OK)
        status = emissions_file_append(file, command, cost);
    if (status != STATUS_OK)
        fprintf(stderr, "facet: note: %s\n", error_message());
    memory_free(&file);
}

static struct finished_run finished_of(const struct published_run *run)
{
    return (struct finished_run){
        .directory = run->directory, .records = run->records, .choice = run->choice, .file = run->result};
}

/* Collective. *before: an earlier run finished this one; rank 0 then has in *result what it told. */
static enum status look_for_finished(const struct published_run *run, bool *before, json_t **result)
{
    MPI_Comm comm = run->job->comm;
    const struct finished_run finished = finished_of(run);
    int found = 0;
    enum status status = STATUS_OK;
    if (run->job->rank == 0) {
        status = finished_run_find(&finished, result);
        found = *result != NULL;
    }
    status = ranks_agree(comm, status);
    MPI_Bcast(&found, 1, MPI_INT, 0, comm);
    *before = found != 0;
    return status;
}

/* Collective. */
static enum status begin(const struct published_run *run)
{
    enum status status =
        ranks_agree(run->job->comm, run->job->rank == 0 ? finished_run_forget(run->directory) : STATUS_OK);
    if (status == STATUS_OK)
        status = run_directory_describe(run->job, run->directory, run->command_line, run->records);
    return status;
}

/* Collective. */
static enum status publish(const struct published_run *run, enum status (*work)(void *context), void *context)
{
    MPI_Comm comm = run->job->comm;
    enum status status = run_progress_open(comm, run->directory, run->bind, run->command_line,
                                           run->class_count, run->progress);
    if (status == STATUS_OK)
        status = begin(run);
    if (status == STATUS_OK)
        status = work(context);
    if (run_progress_close(comm, run->progress, status,
                           status == STATUS_OK ? run->result : error_message()) != STATUS_OK &&
        status == STATUS_OK)
        console_note(run->console, error_message());
    return status;
}

/* Rank 0. */
static void tell_end(const struct published_run *run, void *context, const struct energy_cost *cost)
{
    const struct finished_run finished = finished_of(run);
    json_t *result = run->describe(context);
    json_add_cost(result, cost);
    if (finished_run_write(&finished, result) != STATUS_OK)
        console_note(run->console, error_message());
    if (!run->json)
        run->print(context, cost->seconds);
    else
        json_print(json_incref(result));
    json_decref(result);
}

/* Rank 0. Releases the result. */
static void tell_finished_before(const struct published_run *run, json_t *result)
{
    if (run->json)
        json_print(json_incref(result));
    else
        printf(
            "%s: finished before, with the same options; nothing to do (without --resume it is made anew)\n",
            run->result);
    json_decref(result);
}

enum status run_publish(const struct published_run *run, enum status (*work)(void *context), void *context)
{
    const struct job *job = run->job;
    bool before = false;
    json_t *result = NULL;
    enum status status = run_directory_make(job, run->directory);
    if (status == STATUS_OK && run->resume)
        status = look_for_finished(run, &before, &result);
    if (status == STATUS_OK && !before && run->check != NULL)
        status = run->check(context);
    if (status == STATUS_OK && !before)
        status = publish(run, work, context);
    console_close(run->console);
    if (before && job->rank == 0)
        tell_finished_before(run, result);
    if (status != STATUS_OK || before)
        return status;
    struct energy_cost cost = energy_read(job->comm, run->meter);
    run_directory_add_cost(job, run->directory, run->command, &cost);
    if (job->rank == 0)
        tell_end(run, context, &cost);
    return STATUS_OK;
}
