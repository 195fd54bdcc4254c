#include "mpi/decompose/counts_file.h"

#include "compute/formats/hdf5_file.h"

#define ATTRIBUTE_CLASS "class_index"
#define ATTRIBUTE_POSITIVES "positive_images"
#define ATTRIBUTE_NEGATIVES "negative_images"
#define ATTRIBUTE_PASSED "images_passed"

struct counts_content {
    const struct unit_layout *layout;
    const struct class_counts *counts;
    int64_t images_passed;
};

static enum status write_content(hid_t file, const void *argument)
{
    const struct counts_content *content = argument;
    const struct class_counts *counts = content->counts;
    hsize_t units = content->layout->unit_count;
    enum status status = hdf5_write_int_attribute(file, ATTRIBUTE_CLASS, counts->class_index);
    if (status == STATUS_OK)
        status = hdf5_write_int_attribute(file, ATTRIBUTE_POSITIVES, counts->positive_images);
    if (status == STATUS_OK)
        status = hdf5_write_int_attribute(file, ATTRIBUTE_NEGATIVES, counts->negative_images);
    if (status == STATUS_OK)
        status = hdf5_write_int_attribute(file, ATTRIBUTE_PASSED, content->images_passed);
    if (status == STATUS_OK)
        status = hdf5_write_array(file, "positive", H5T_NATIVE_UINT32, 1, &units, counts->positive);
    if (status == STATUS_OK)
        status = hdf5_write_array(file, "negative", H5T_NATIVE_UINT32, 1, &units, counts->negative);
    return status;
}

enum status counts_file_write(const char *path, const struct unit_layout *layout,
                              const struct class_counts *counts, int64_t images_passed)
{
    const struct counts_content content = {layout, counts, images_passed};
    return hdf5_write_new(path, "counts", write_content, &content);
}

static enum status read_content(hid_t file, const struct unit_layout *layout, struct class_counts *counts,
                                int64_t *images_passed)
{
    hsize_t units = layout->unit_count;
    int64_t index = 0, positives = 0, negatives = 0;
    enum status status = hdf5_read_int_attribute(file, ATTRIBUTE_CLASS, 0, INT32_MAX, &index);
    if (status == STATUS_OK)
        status = hdf5_read_int_attribute(file, ATTRIBUTE_POSITIVES, 0, INT32_MAX, &positives);
    if (status == STATUS_OK)
        status = hdf5_read_int_attribute(file, ATTRIBUTE_NEGATIVES, 0, INT32_MAX, &negatives);
    if (status == STATUS_OK)
        status = hdf5_read_int_attribute(file, ATTRIBUTE_PASSED, 0, INT64_MAX, images_passed);
    if (status == STATUS_OK)
        status = hdf5_read_array(file, "positive", H5T_NATIVE_UINT32, 1, &units, counts->positive);
    if (status == STATUS_OK)
        status = hdf5_read_array(file, "negative", H5T_NATIVE_UINT32, 1, &units, counts->negative);
    counts->class_index = (int32_t)index;
    counts->positive_images = (int32_t)positives;
    counts->negative_images = (int32_t)negatives;
    return status;
}

enum status counts_file_read(const char *path, const struct unit_layout *layout, struct class_counts **counts,
                             int64_t *images_passed)
{
    hid_t file = H5I_INVALID_HID;
    enum status status = class_counts_create(layout, counts);
    if (status == STATUS_OK)
        status = hdf5_open(path, "counts", H5P_DEFAULT, &file, NULL);
    if (status == STATUS_OK) {
        status = read_content(file, layout, *counts, images_passed);
        hdf5_close(&file, path);
    }
    if (status != STATUS_OK)
        class_counts_destroy(counts);
    return status;
}
