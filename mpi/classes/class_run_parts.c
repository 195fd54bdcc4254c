#include "mpi/classes/class_run.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compute/base/memory.h"
#include "mpi/classes/class_queue.h"
#include "mpi/classes/class_schedule.h"
#include "mpi/classes/parts.h"
#include "mpi/ranks.h"

static const char part_suffix[] = ".h5", checkpoint_suffix[] = ".checkpoint.h5";

/* What is known of a class's part. */
enum part_state { PART_MISSING, PART_WHOLE, PART_DAMAGED };

/* One rank's side of a run. */
struct runner {
    const struct class_work *work;
    class_part_make *make;
    void *context;
    char *parts;    /* RUN/parts */
    uint8_t *found; /* (class_count) enum part_state */
    int32_t *todo;  /* (todo_count) rows to make, in the order of the queue */
    int32_t todo_count;
    int32_t groups;
    MPI_Comm group;
    struct class_queue *queue;
    int32_t made; /* by this rank's group, counted on its rank 0 */
};

static void tell(const struct runner *runner, int32_t row, enum event_state state)
{
    const struct class_work *work = runner->work;
    int32_t number = work->numbers == NULL ? row : work->numbers[row];
    if (work->progress != NULL && number >= 0)
        run_progress_class(work->progress, number, work->class_names[row], state, -1);
}

static void note(const struct class_work *work, const char *line)
{
    if (work->note != NULL && ranks_rank(work->comm) == 0)
        work->note(work->note_context, line);
}

/* --- what is there already --- */

/* Rank 0. Parts of an earlier run are not those of this one. */
static enum status forget_parts(const struct runner *runner)
{
    int32_t removed = 0;
    char line[512];
    enum status status = parts_folder_clear(runner->parts, &removed);
    if (status == STATUS_OK && removed > 0) {
        snprintf(
            line, sizeof line,
            "%s: %d files of an earlier run removed (with the same options --resume goes on from such files)",
            runner->parts, (int)removed);
        note(runner->work, line);
    }
    return status;
}

/* Every rank looks at its share of the parts; only damage and absence mean that a class is made again. */
static enum status look_at_parts(struct runner *runner)
{
    const struct class_work *work = runner->work;
    int rank = ranks_rank(work->comm), ranks = ranks_count(work->comm);
    struct share share = share_of(work->class_count, ranks, rank);
    enum status status = STATUS_OK;
    for (int64_t row = share.first; row < share.first + share.count && status == STATUS_OK; row++) {
        const struct part_identity identity = {work->classes[row], work->records};
        char *path = NULL;
        status = part_path(runner->parts, identity.class_index, part_suffix, &path);
        if (status == STATUS_OK)
            status = part_check(path, &identity);
        runner->found[row] = (uint8_t)(status == STATUS_OK       ? PART_WHOLE
                                       : status == STATUS_FORMAT ? PART_DAMAGED
                                                                 : PART_MISSING);
        if (status == STATUS_FORMAT || status == STATUS_NOT_FOUND)
            status = STATUS_OK;
        memory_free(&path);
    }
    return status;
}

static void report_parts(const struct runner *runner)
{
    const struct class_work *work = runner->work;
    char line[512];
    if (ranks_rank(work->comm) != 0)
        return;
    for (int32_t row = 0; row < work->class_count; row++) {
        tell(runner, row, runner->found[row] == PART_WHOLE ? STATE_RESUMED : STATE_WAITING);
        if (runner->found[row] != PART_DAMAGED)
            continue;
        snprintf(line, sizeof line, "%s: the part of class %s is damaged; the class is made again",
                 runner->parts, work->class_names[row]);
        note(work, line);
    }
}

/* Collective. Fills found and todo. */
static enum status find_parts(struct runner *runner)
{
    const struct class_work *work = runner->work;
    enum status status = STATUS_OK;
    if (ranks_rank(work->comm) == 0) {
        status = parts_folder_make(runner->parts);
        if (status == STATUS_OK && !work->resume)
            status = forget_parts(runner);
    }
    status = ranks_agree(work->comm, status);
    if (status == STATUS_OK && work->resume)
        status = ranks_agree(work->comm, look_at_parts(runner));
    if (status != STATUS_OK)
        return status;
    MPI_Allreduce(MPI_IN_PLACE, runner->found, work->class_count, MPI_UINT8_T, MPI_MAX, work->comm);
    report_parts(runner);
    for (int32_t row = 0; row < work->class_count; row++)
        if (runner->found[row] != PART_WHOLE)
            runner->todo[runner->todo_count++] = row;
    return STATUS_OK;
}

/* --- groups --- */

/* Group i of n has a block of neighbouring ranks, which a launcher usually puts on one node. */
static int group_of(int rank, int ranks, int groups)
{
    int group = 0;
    while (group + 1 < groups && share_of(ranks, groups, group + 1).first <= rank)
        group++;
    return group;
}

/* Collective. */
static enum status form_groups(struct runner *runner)
{
    const struct class_work *work = runner->work;
    int rank = ranks_rank(work->comm), ranks = ranks_count(work->comm);
    enum status status = class_schedule_order(work->costs, runner->todo, runner->todo_count);
    if (status == STATUS_OK)
        status = class_schedule_groups(ranks, work->ranks_per_class, work->costs, runner->todo,
                                       runner->todo_count, &runner->groups);
    status = ranks_agree(work->comm, status);
    if (status == STATUS_OK)
        MPI_Comm_split(work->comm, group_of(rank, ranks, runner->groups), rank, &runner->group);
    return status;
}

/* --- making --- */

/* What the files of one class are called. */
struct class_paths {
    char *part, *open, *checkpoint;
};

static enum status paths_name(const struct runner *runner, int32_t class_index, struct class_paths *paths)
{
    enum status status = part_path(runner->parts, class_index, part_suffix, &paths->part);
    if (status == STATUS_OK)
        status = part_path_open(paths->part, &paths->open);
    if (status == STATUS_OK)
        status = part_path(runner->parts, class_index, checkpoint_suffix, &paths->checkpoint);
    return status;
}

static void paths_free(struct class_paths *paths)
{
    memory_free(&paths->part);
    memory_free(&paths->open);
    memory_free(&paths->checkpoint);
}

/* Rank 0 of the group. A class of less than a second is quicker made again than its part is flushed. */
static enum status finish_part(struct runner *runner, int32_t class_index, double seconds,
                               const struct class_paths *paths)
{
    const struct part_identity identity = {class_index, runner->work->records};
    enum status status = part_seal(paths->open, paths->part, &identity, seconds >= 1.0);
    if (status != STATUS_OK)
        return status;
    unlink(paths->checkpoint); /* of no more use, and no harm when it stays */
    runner->made++;
    return STATUS_OK;
}

/* Collective over the group. */
static enum status make_part(struct runner *runner, int32_t row, const struct class_paths *paths)
{
    const struct class_work *work = runner->work;
    bool leads = ranks_rank(runner->group) == 0;
    const struct class_task task = {.group = runner->group,
                                    .class_index = work->classes[row],
                                    .row = row,
                                    .checkpoint_path = paths->checkpoint,
                                    .checkpoint_seconds = work->checkpoint_seconds,
                                    .stop = class_queue_stop(runner->queue),
                                    .progress = work->progress};
    double started = seconds_now();
    if (leads)
        tell(runner, row, STATE_RUNNING);
    enum status status = runner->make(runner->context, &task, paths->open);
    if (status == STATUS_OK)
        status = ranks_agree(runner->group,
                             leads ? finish_part(runner, task.class_index, seconds_now() - started, paths)
                                   : STATUS_OK);
    if (leads)
        tell(runner, row,
             status == STATUS_OK        ? STATE_DONE
             : status == STATUS_STOPPED ? STATE_STOPPED
                                        : STATE_FAILED);
    return status;
}

/* Collective over the group. */
static enum status make_class(struct runner *runner, int32_t row)
{
    struct class_paths paths = {NULL, NULL, NULL};
    enum status status = ranks_agree(runner->group, paths_name(runner, runner->work->classes[row], &paths));
    if (status == STATUS_OK)
        status = make_part(runner, row, &paths);
    paths_free(&paths);
    return status;
}

/* The group's next row; −1: no more, −2: this rank was asked to stop. Collective over the group. */
static int32_t draw(struct runner *runner)
{
    int32_t item = -1;
    if (ranks_rank(runner->group) == 0) {
        if (*runner->work->stop != 0)
            item = -2;
        else {
            item = class_queue_next(runner->queue);
            item = item < 0 ? -1 : runner->todo[item];
        }
    }
    MPI_Bcast(&item, 1, MPI_INT32_T, 0, runner->group);
    return item;
}

/* Collective over the group; all groups agree afterwards. */
static enum status make_drawn(struct runner *runner)
{
    enum status status = STATUS_OK;
    int32_t row = 0;
    while (status == STATUS_OK && (row = draw(runner)) >= 0)
        status = make_class(runner, row);
    if (status == STATUS_STOPPED || (status == STATUS_OK && row == -2))
        status = error_set(STATUS_STOPPED, "stopped; finished classes are kept: go on with --resume");
    if (status != STATUS_OK && ranks_rank(runner->group) == 0)
        class_queue_close(runner->queue);
    else if (status == STATUS_OK && runner->work->progress != NULL)
        run_progress_rank(runner->work->progress, "waiting for the other ranks", -1, 0, 0, 0);
    return status;
}

/* Collective. A rank that stopped because another failed has nothing to say: the failure is the reason. */
static enum status agree_on_reason(MPI_Comm comm, enum status mine)
{
    int32_t failed = mine != STATUS_OK && mine != STATUS_STOPPED;
    MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT32_T, MPI_MAX, comm);
    return ranks_agree(comm, failed && mine == STATUS_STOPPED ? STATUS_OK : mine);
}

/* Collective. */
static enum status make_missing(struct runner *runner)
{
    MPI_Comm comm = runner->work->comm;
    enum status status = form_groups(runner);
    if (status == STATUS_OK)
        status = class_queue_create(comm, runner->todo_count, runner->work->stop, &runner->queue);
    if (status == STATUS_OK) {
        status = make_drawn(runner);
        class_queue_destroy(&runner->queue);
        status = agree_on_reason(comm, status);
    }
    if (runner->group != MPI_COMM_NULL)
        MPI_Comm_free(&runner->group);
    return status;
}

/* --- all of it --- */

static enum status parts_folder(const struct class_work *work, char **folder)
{
    size_t bytes = strlen(work->run_directory) + sizeof "/parts";
    enum status status = memory_allocate(folder, bytes, 1, "folder of parts");
    if (status == STATUS_OK)
        snprintf(*folder, bytes, "%s/parts", work->run_directory);
    return status;
}

static enum status runner_prepare(struct runner *runner)
{
    size_t rows = (size_t)runner->work->class_count;
    enum status status = parts_folder(runner->work, &runner->parts);
    if (status == STATUS_OK)
        status = memory_allocate(&runner->found, rows, 1, "classes found");
    if (status == STATUS_OK)
        status = memory_allocate(&runner->todo, rows, sizeof(int32_t), "classes to make");
    return status;
}

enum status class_run_parts(const struct class_work *work, class_part_make *make, void *context,
                            struct class_run_result *result)
{
    struct runner runner = {.work = work, .make = make, .context = context, .group = MPI_COMM_NULL};
    memset(result, 0, sizeof *result);
    enum status status = ranks_agree(work->comm, runner_prepare(&runner));
    if (status == STATUS_OK)
        status = find_parts(&runner);
    if (status == STATUS_OK && runner.todo_count > 0)
        status = make_missing(&runner);
    if (status == STATUS_OK) {
        MPI_Allreduce(&runner.made, &result->made, 1, MPI_INT32_T, MPI_SUM, work->comm);
        result->resumed = work->class_count - result->made;
        result->groups = runner.groups;
    }
    memory_free(&runner.parts);
    memory_free(&runner.found);
    memory_free(&runner.todo);
    return status;
}

static enum status check_options(const struct class_work *work, const char *folder, int32_t class_index)
{
    static const char *const suffixes[] = {part_suffix, checkpoint_suffix};
    const struct part_identity identity = {class_index, work->records};
    enum status status = STATUS_OK;
    for (int i = 0; i < 2 && status == STATUS_OK; i++) {
        char *path = NULL;
        status = part_path(folder, class_index, suffixes[i], &path);
        if (status == STATUS_OK)
            status = part_check_options(path, &identity);
        memory_free(&path);
    }
    return status;
}

enum status class_run_check(const struct class_work *work)
{
    struct share share = share_of(work->class_count, ranks_count(work->comm), ranks_rank(work->comm));
    char *folder = NULL;
    if (!work->resume)
        return STATUS_OK;
    enum status status = parts_folder(work, &folder);
    for (int64_t row = share.first; row < share.first + share.count && status == STATUS_OK; row++)
        status = check_options(work, folder, work->classes[row]);
    memory_free(&folder);
    return ranks_agree(work->comm, status);
}

enum status class_run_part_path(const struct class_work *work, int32_t row, char **path)
{
    char *folder = NULL;
    enum status status = parts_folder(work, &folder);
    if (status == STATUS_OK)
        status = part_path(folder, work->classes[row], part_suffix, path);
    memory_free(&folder);
    return status;
}

enum status class_run_parts_drop(const struct class_work *work)
{
    char *folder = NULL;
    enum status status = STATUS_OK;
    if (!work->keep_parts && ranks_rank(work->comm) == 0) {
        status = parts_folder(work, &folder);
        if (status == STATUS_OK)
            status = parts_folder_clear(folder, NULL);
        if (status == STATUS_OK)
            rmdir(folder); /* stays when something that is not ours lies in it */
        memory_free(&folder);
    }
    return ranks_agree(work->comm, status);
}
