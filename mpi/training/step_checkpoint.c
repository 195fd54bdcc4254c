#include "mpi/training/step_checkpoint.h"

#include <string.h>

#include "compute/base/memory.h"
#include "mpi/ranks.h"
#include "mpi/run_progress.h"
#include "mpi/training/checkpoint.h"

/* --- going on --- */

/* STATUS_FORMAT when it is not of such a network. */
static enum status take_over(const struct network *saved, const float *saved_velocity, const char *path,
                             struct network *network, float *velocity)
{
    if (saved->parameter_count != network->parameter_count ||
        saved->statistic_count != network->statistic_count)
        return error_set(STATUS_FORMAT,
                         "%s: a network of %zu parameters and %zu statistics, expected %zu "
                         "and %zu; remove the file to begin the class anew",
                         path, saved->parameter_count, saved->statistic_count, network->parameter_count,
                         network->statistic_count);
    memcpy(network->parameters, saved->parameters, saved->parameter_count * sizeof(float));
    memcpy(network->statistics, saved->statistics, saved->statistic_count * sizeof(float));
    memcpy(velocity, saved_velocity, saved->parameter_count * sizeof(float));
    return STATUS_OK;
}

static enum status read_whole(const struct step_checkpoint *checkpoint, struct network *network,
                              float *velocity, int64_t *step)
{
    struct network *saved = NULL;
    float *saved_velocity = NULL;
    struct training_position position;
    enum status status =
        checkpoint_read(checkpoint->path, checkpoint->identity.records, &saved, &saved_velocity, &position);
    if (status == STATUS_OK && network != NULL)
        status = take_over(saved, saved_velocity, checkpoint->path, network, velocity);
    if (status == STATUS_OK)
        *step = position.batch;
    network_destroy(&saved);
    memory_free(&saved_velocity);
    return status;
}

enum status step_checkpoint_find(const struct step_checkpoint *checkpoint, bool *whole)
{
    int found = 0;
    enum status status = STATUS_OK;
    if (ranks_rank(checkpoint->comm) == 0) {
        status = part_check(checkpoint->path, &checkpoint->identity);
        found = status == STATUS_OK;
        if (status == STATUS_NOT_FOUND || status == STATUS_FORMAT)
            status = STATUS_OK; /* the class begins anew */
    }
    status = ranks_agree(checkpoint->comm, status);
    MPI_Bcast(&found, 1, MPI_INT, 0, checkpoint->comm);
    *whole = status == STATUS_OK && found;
    return status;
}

enum status step_checkpoint_resume(const struct step_checkpoint *checkpoint, struct network *network,
                                   float *velocity, int64_t *step)
{
    bool whole;
    *step = 0;
    enum status status = step_checkpoint_find(checkpoint, &whole);
    if (status != STATUS_OK || !whole)
        return status;
    return ranks_agree(checkpoint->comm, read_whole(checkpoint, network, velocity, step));
}

/* --- saving --- */

bool step_checkpoint_due(const struct step_checkpoint *checkpoint, double *last)
{
    double now = seconds_now();
    int due = now - *last >= checkpoint->seconds;
    MPI_Bcast(&due, 1, MPI_INT, 0, checkpoint->comm);
    if (due)
        *last = now;
    return due;
}

/* One rank. */
static enum status write_sealed(const struct step_checkpoint *checkpoint,
                                enum status (*write)(const char *path, const void *content),
                                const void *content)
{
    char *open_path = NULL;
    enum status status = part_path_open(checkpoint->path, &open_path);
    if (status == STATUS_OK)
        status = write(open_path, content);
    if (status == STATUS_OK)
        status = part_seal(open_path, checkpoint->path, &checkpoint->identity, true);
    memory_free(&open_path);
    return status;
}

enum status step_checkpoint_replace(const struct step_checkpoint *checkpoint,
                                    enum status (*write)(const char *path, const void *content),
                                    const void *content)
{
    enum status status = STATUS_OK;
    if (ranks_rank(checkpoint->comm) == 0)
        status = write_sealed(checkpoint, write, content);
    return ranks_agree(checkpoint->comm, status);
}

/* What step_checkpoint_save writes. */
struct steps_content {
    const struct step_checkpoint *checkpoint;
    const struct network *network;
    const float *velocity;
    int64_t step;
};

static enum status write_steps(const char *path, const void *argument)
{
    const struct steps_content *content = argument;
    const struct training_position position = {.batch = content->step};
    return checkpoint_write(path, content->network, content->velocity, &position,
                            content->checkpoint->identity.records);
}

enum status step_checkpoint_save(const struct step_checkpoint *checkpoint, const struct network *network,
                                 const float *velocity, int64_t step)
{
    const struct steps_content content = {checkpoint, network, velocity, step};
    return step_checkpoint_replace(checkpoint, write_steps, &content);
}
