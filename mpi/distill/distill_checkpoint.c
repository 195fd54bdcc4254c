#include "mpi/distill/distill_checkpoint.h"

#include "compute/base/memory.h"
#include "mpi/ranks.h"
#include "mpi/training/step_checkpoint.h"

enum { PLACES = 2 };

static const char *const state_names[PLACES] = {".joint-0.h5", ".joint-1.h5"};
static const char *const best_names[PLACES] = {".joint-best-0.h5", ".joint-best-1.h5"};

/* The file of a module; the caller releases path. */
static enum status open_file(const struct distill_checkpoint *checkpoint, const struct distill_state *state,
                             const char *name, struct step_checkpoint *file, char **path)
{
    *path = NULL;
    enum status status = part_path(checkpoint->parts, state->class_index, name, path);
    *file = (struct step_checkpoint){
        .comm = MPI_COMM_SELF,
        .path = *path,
        .identity = {.class_index = state->class_index, .records = &checkpoint->records}};
    return status;
}

static enum status load_file(const struct distill_checkpoint *checkpoint, const struct distill_state *state,
                             const char *name, struct network *network, float *velocity, int64_t *step)
{
    struct step_checkpoint file;
    char *path;
    enum status status = open_file(checkpoint, state, name, &file, &path);
    *step = 0;
    if (status == STATUS_OK)
        status = step_checkpoint_resume(&file, network, velocity, step);
    memory_free(&path);
    return status == STATUS_MISMATCH ? STATUS_OK : status; /* of other options: as if it were not there */
}

static enum status save_file(const struct distill_checkpoint *checkpoint, const struct distill_state *state,
                             const char *name, const struct network *network, int64_t step)
{
    struct step_checkpoint file;
    char *path;
    enum status status = open_file(checkpoint, state, name, &file, &path);
    if (status == STATUS_OK)
        status = step_checkpoint_save(&file, network, state->velocity, step);
    memory_free(&path);
    return status;
}

/* Collective. The step of the save in `place`, 0 when it is not whole. */
static enum status find_step(const struct distill_checkpoint *checkpoint, const struct distill_state *states,
                             int64_t count, int place, int64_t *step)
{
    int64_t least = INT64_MAX, most = 0;
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < count; i++)
        for (int file = 0; file < 2 && status == STATUS_OK; file++) {
            int64_t found;
            status = load_file(checkpoint, &states[i], file == 0 ? state_names[place] : best_names[place],
                               NULL, NULL, &found);
            least = found < least ? found : least;
            most = found > most ? found : most;
        }
    status = ranks_agree(checkpoint->comm, status);
    MPI_Allreduce(MPI_IN_PLACE, &least, 1, MPI_INT64_T, MPI_MIN, checkpoint->comm);
    MPI_Allreduce(MPI_IN_PLACE, &most, 1, MPI_INT64_T, MPI_MAX, checkpoint->comm);
    *step = status == STATUS_OK && least == most ? most : 0;
    return status;
}

enum status distill_checkpoint_resume(struct distill_checkpoint *checkpoint,
                                      const struct distill_state *states, int64_t count, int64_t *step)
{
    int newest = 0;
    enum status status = STATUS_OK;
    *step = 0;
    for (int place = 0; place < PLACES && status == STATUS_OK; place++) {
        int64_t found;
        status = find_step(checkpoint, states, count, place, &found);
        if (found > *step) {
            *step = found;
            newest = place;
        }
    }
    if (status != STATUS_OK || *step == 0)
        return status;
    checkpoint->place = (newest + 1) % PLACES;
    for (int64_t i = 0; i < count && status == STATUS_OK; i++) {
        const struct distill_state *state = &states[i];
        int64_t found;
        /* The state last: both files have the velocity. */
        status = load_file(checkpoint, state, best_names[newest], state->best, state->velocity, &found);
        if (status == STATUS_OK)
            status =
                load_file(checkpoint, state, state_names[newest], state->network, state->velocity, &found);
    }
    return ranks_agree(checkpoint->comm, status);
}

enum status distill_checkpoint_save(struct distill_checkpoint *checkpoint, const struct distill_state *states,
                                    int64_t count, int64_t step)
{
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < count && status == STATUS_OK; i++) {
        status = save_file(checkpoint, &states[i], state_names[checkpoint->place], states[i].network, step);
        if (status == STATUS_OK)
            status = save_file(checkpoint, &states[i], best_names[checkpoint->place], states[i].best, step);
    }
    checkpoint->place = (checkpoint->place + 1) % PLACES;
    return ranks_agree(checkpoint->comm, status);
}
