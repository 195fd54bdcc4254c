#include "mpi/distill/distiller_file.h"

#include <string.h>

#include "compute/base/memory.h"
#include "compute/formats/hdf5_file.h"
#include "compute/formats/network_file.h"

static const char kind[] = "distilling";

/* A place as an array of doubles: exact for every count below 2^53. */
enum { PLACE_FIELDS = 6 };

enum { ARRAYS = 7, VALUES_MAX = 1 << 30 };

/* One of the state's arrays. */
struct array_of {
    const char *name;
    hid_t type;
    size_t bytes; /* of an element */
    void *where;  /* the state's pointer to its values */
    size_t *count;
};

static void list_arrays(struct distiller_state *state, struct array_of arrays[ARRAYS])
{
    const struct array_of list[ARRAYS] = {
        {"layer_of", H5T_NATIVE_INT32, sizeof(int32_t), &state->layer_of, &state->layer_count},
        {"channel_of", H5T_NATIVE_INT32, sizeof(int32_t), &state->channel_of, &state->channel_count},
        {"importance", H5T_NATIVE_DOUBLE, sizeof(double), &state->importance, &state->importance_count},
        {"velocity", H5T_NATIVE_FLOAT, sizeof(float), &state->velocity, &state->velocity_count},
        {"best", H5T_NATIVE_FLOAT, sizeof(float), &state->best, &state->best_count},
        {"scores", H5T_NATIVE_DOUBLE, sizeof(double), &state->scores, &state->score_count},
        {"open", H5T_NATIVE_UINT8, sizeof(uint8_t), &state->open, &state->open_count},
    };
    for (int i = 0; i < ARRAYS; i++)
        arrays[i] = list[i];
}

static void *values_of(const struct array_of *array)
{
    void *values;
    memcpy(&values, array->where, sizeof values);
    return values;
}

/* --- writing --- */

static enum status write_content(hid_t file, const void *content)
{
    struct distiller_state state = *(const struct distiller_state *)content;
    const struct distiller_place *place = &state.place;
    const double fields[PLACE_FIELDS] = {place->phase, place->round,        place->done,
                                         place->worse, (double)place->step, place->best_loss};
    const hsize_t field_count = PLACE_FIELDS;
    struct array_of arrays[ARRAYS];
    list_arrays(&state, arrays);
    enum status status = hdf5_write_array(file, "place", H5T_NATIVE_DOUBLE, 1, &field_count, fields);
    if (status == STATUS_OK)
        status = network_group_write(file, "network", state.network);
    for (int i = 0; i < ARRAYS && status == STATUS_OK; i++) {
        const hsize_t count = *arrays[i].count;
        if (count > 0)
            status = hdf5_write_array(file, arrays[i].name, arrays[i].type, 1, &count, values_of(&arrays[i]));
    }
    return status;
}

enum status distiller_file_write(const char *path, const struct distiller_state *state)
{
    return hdf5_write_new(path, kind, write_content, state);
}

/* --- reading --- */

static enum status place_unpack(const double fields[PLACE_FIELDS], const char *path,
                                struct distiller_place *place)
{
    const double limits[PLACE_FIELDS] = {DISTILLER_SETTLING, INT32_MAX, INT32_MAX, INT32_MAX, 0x1p53, 1e300};
    for (int i = 0; i < PLACE_FIELDS; i++)
        if (!(fields[i] >= 0 && fields[i] <= limits[i]))
            return error_set(
                STATUS_FORMAT,
                "%s:/place: field %d is %g, expected 0 to %g; remove the file to begin the class "
                "anew",
                path, i, fields[i], limits[i]);
    *place = (struct distiller_place){.phase = (enum distiller_phase)fields[0],
                                      .round = (int32_t)fields[1],
                                      .done = (int32_t)fields[2],
                                      .worse = (int32_t)fields[3],
                                      .step = (int64_t)fields[4],
                                      .best_loss = fields[5]};
    return STATUS_OK;
}

/* One that is not there is empty. */
static enum status read_array(hid_t file, const struct array_of *array)
{
    hsize_t count;
    if (H5Lexists(file, array->name, H5P_DEFAULT) <= 0)
        return STATUS_OK;
    enum status status = hdf5_array_extent(file, array->name, 1, VALUES_MAX, &count);
    if (status == STATUS_OK)
        status = memory_allocate(array->where, (size_t)count, array->bytes, "what a class has come to");
    if (status == STATUS_OK)
        status = hdf5_read_array(file, array->name, array->type, 1, &count, values_of(array));
    if (status == STATUS_OK)
        *array->count = (size_t)count;
    return status;
}

static enum status read_content(hid_t file, const char *path, struct distiller_state *state)
{
    double fields[PLACE_FIELDS];
    const hsize_t field_count = PLACE_FIELDS;
    struct array_of arrays[ARRAYS];
    list_arrays(state, arrays);
    enum status status = hdf5_read_array(file, "place", H5T_NATIVE_DOUBLE, 1, &field_count, fields);
    if (status == STATUS_OK)
        status = place_unpack(fields, path, &state->place);
    if (status == STATUS_OK)
        status = network_group_read(file, "network", &state->network);
    for (int i = 0; i < ARRAYS && status == STATUS_OK; i++)
        status = read_array(file, &arrays[i]);
    if (status == STATUS_OK && state->layer_count != (size_t)state->network->layer_count)
        status = error_set(STATUS_FORMAT, "%s:/layer_of: %zu layers, expected the network's %d", path,
                           state->layer_count, (int)state->network->layer_count);
    return status;
}

enum status distiller_file_read(const char *path, struct distiller_state *state)
{
    hid_t file = H5I_INVALID_HID;
    *state = (struct distiller_state){.network = NULL};
    enum status status = hdf5_open(path, kind, H5P_DEFAULT, &file, NULL);
    if (status == STATUS_OK)
        status = read_content(file, path, state);
    hdf5_close(&file, path);
    return status;
}

void distiller_state_clear(struct distiller_state *state)
{
    network_destroy(&state->network);
    memory_free(&state->layer_of);
    memory_free(&state->channel_of);
    memory_free(&state->importance);
    memory_free(&state->velocity);
    memory_free(&state->best);
    memory_free(&state->scores);
    memory_free(&state->open);
    *state = (struct distiller_state){.network = NULL};
}
