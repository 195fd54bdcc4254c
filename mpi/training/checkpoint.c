#include "mpi/training/checkpoint.h"

#include "compute/base/memory.h"
#include "compute/formats/hdf5_array.h"
#include "compute/formats/hdf5_file.h"
#include "compute/formats/network_file.h"

/* A position as an array of doubles: exact for every count below 2^53. */
enum { POSITION_FIELDS = 5 };

static void position_pack(const struct training_position *position, double fields[POSITION_FIELDS])
{
    fields[0] = (double)position->epoch;
    fields[1] = (double)position->batch;
    fields[2] = position->loss_sum;
    fields[3] = (double)position->correct_sum;
    fields[4] = (double)position->image_sum;
}

static enum status position_unpack(const double fields[POSITION_FIELDS], const char *path,
                                   struct training_position *position)
{
    for (int i = 0; i < POSITION_FIELDS; i++)
        if (!(fields[i] >= 0 && fields[i] < 0x1p53))
            return error_set(STATUS_FORMAT,
                             "%s:/position: field %d is %g, expected a count; the checkpoint is damaged, "
                             "start afresh without --resume",
                             path, i, fields[i]);
    *position = (struct training_position){(int64_t)fields[0], (int64_t)fields[1], fields[2],
                                           (int64_t)fields[3], (int64_t)fields[4]};
    return STATUS_OK;
}

struct checkpoint_content {
    const struct network *network;
    const float *velocity;
    const struct training_position *position;
    const struct option_records *records;
};

static enum status write_content(hid_t file, const void *argument)
{
    const struct checkpoint_content *content = argument;
    double fields[POSITION_FIELDS];
    const hsize_t field_count = POSITION_FIELDS, velocity_count = content->network->parameter_count;
    const hsize_t options_extent[2] = {(hsize_t)content->records->count, sizeof(struct option_record)};
    position_pack(content->position, fields);
    enum status status = network_group_write(file, "network", content->network);
    if (status == STATUS_OK)
        status = hdf5_write_array(file, "velocity", H5T_NATIVE_FLOAT, 1, &velocity_count, content->velocity);
    if (status == STATUS_OK)
        status = hdf5_write_array(file, "position", H5T_NATIVE_DOUBLE, 1, &field_count, fields);
    if (status == STATUS_OK)
        status =
            hdf5_write_array(file, "options", H5T_NATIVE_UCHAR, 2, options_extent, content->records->records);
    return status;
}

enum status checkpoint_write(const char *path, const struct network *network, const float *velocity,
                             const struct training_position *position, const struct option_records *records)
{
    const struct checkpoint_content content = {network, velocity, position, records};
    return hdf5_save(path, "checkpoint", write_content, &content);
}

static enum status read_options(hid_t file, struct option_records *records)
{
    hsize_t extent[2];
    enum status status =
        hdf5_array_extent(file, "options", 2, sizeof(struct option_record) * OPTION_RECORDS_MAX, extent);
    if (status != STATUS_OK)
        return status;
    if (extent[0] > OPTION_RECORDS_MAX || extent[1] != sizeof(struct option_record))
        return error_set(STATUS_FORMAT, "the options are %llu × %llu bytes, expected at most %d × %zu",
                         (unsigned long long)extent[0], (unsigned long long)extent[1], OPTION_RECORDS_MAX,
                         sizeof(struct option_record));
    status = hdf5_read_array(file, "options", H5T_NATIVE_UCHAR, 2, extent, records->records);
    records->count = (int32_t)extent[0];
    for (int32_t i = 0; i < records->count; i++) {
        records->records[i].name[OPTION_NAME_BYTES - 1] = '\0';
        records->records[i].value[OPTION_VALUE_BYTES - 1] = '\0';
    }
    return status;
}

/* STATUS_MISMATCH when they are not the file's. */
static enum status check_options(hid_t file, const char *path, const struct option_records *records)
{
    struct option_records *old = NULL;
    enum status status = memory_allocate(&old, 1, sizeof *old, "options");
    if (status == STATUS_OK)
        status = read_options(file, old);
    if (status == STATUS_OK)
        status = option_records_compare(old, records, path);
    memory_free(&old);
    return status;
}

enum status checkpoint_check(const char *path, const struct option_records *records)
{
    hid_t file = H5I_INVALID_HID;
    enum status status = hdf5_open(path, "checkpoint", H5P_DEFAULT, &file, NULL);
    if (status == STATUS_OK)
        status = check_options(file, path, records);
    hdf5_close(&file, path);
    return status;
}

static enum status read_content(hid_t file, const char *path, const struct option_records *records,
                                struct network **network, float **velocity,
                                struct training_position *position)
{
    double fields[POSITION_FIELDS];
    const hsize_t field_count = POSITION_FIELDS;
    enum status status = check_options(file, path, records);
    if (status == STATUS_OK)
        status = hdf5_read_array(file, "position", H5T_NATIVE_DOUBLE, 1, &field_count, fields);
    if (status == STATUS_OK)
        status = position_unpack(fields, path, position);
    if (status == STATUS_OK)
        status = network_group_read(file, "network", network);
    if (status != STATUS_OK)
        return status;
    const hsize_t count = (*network)->parameter_count;
    status = memory_allocate(velocity, (size_t)count, sizeof(float), "velocity");
    if (status == STATUS_OK)
        status = hdf5_read_array(file, "velocity", H5T_NATIVE_FLOAT, 1, &count, *velocity);
    return status;
}

enum status checkpoint_read(const char *path, const struct option_records *records, struct network **network,
                            float **velocity, struct training_position *position)
{
    hid_t file = H5I_INVALID_HID;
    *network = NULL;
    *velocity = NULL;
    enum status status = hdf5_open(path, "checkpoint", H5P_DEFAULT, &file, NULL);
    if (status != STATUS_OK)
        return status;
    status = read_content(file, path, records, network, velocity, position);
    hdf5_close(&file, path);
    if (status != STATUS_OK) {
        network_destroy(network);
        memory_free(velocity);
    }
    return status;
}
