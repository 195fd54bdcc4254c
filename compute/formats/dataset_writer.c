#include "compute/formats/dataset_writer.h"

#include "compute/base/memory.h"
#include "compute/formats/hdf5_file.h"

static enum status write_labels(hid_t file, const struct dataset *dataset)
{
    int32_t *labels = NULL;
    hsize_t extent = (hsize_t)dataset->image_count;
    enum status status =
        memory_allocate(&labels, (size_t)dataset->image_count, sizeof *labels, "labels of a dataset");
    if (status != STATUS_OK)
        return status;
    for (int32_t c = 0; c < dataset->class_count; c++)
        for (int64_t i = dataset->class_start[c]; i < dataset->class_start[c + 1]; i++)
            labels[i] = c;
    status = hdf5_write_array(file, DATASET_LABELS, H5T_NATIVE_INT32, 1, &extent, labels);
    memory_free(&labels);
    return status;
}

enum status dataset_index_write(hid_t file, const struct dataset *dataset, hid_t *pixels)
{
    hsize_t starts = (hsize_t)dataset->class_count + 1;
    hsize_t extent[DATASET_PIXEL_RANK] = {(hsize_t)dataset->image_count, (hsize_t)dataset->shape.h,
                                          (hsize_t)dataset->shape.w, (hsize_t)dataset->shape.c};
    *pixels = H5I_INVALID_HID;
    enum status status =
        hdf5_write_class_names(file, DATASET_CLASS_NAMES, dataset->class_names, dataset->class_count);
    if (status == STATUS_OK)
        status =
            hdf5_write_array(file, DATASET_CLASS_START, H5T_NATIVE_INT64, 1, &starts, dataset->class_start);
    if (status == STATUS_OK)
        status = write_labels(file, dataset);
    if (status == STATUS_OK)
        status =
            hdf5_create_array(file, DATASET_PIXELS, H5T_NATIVE_UINT8, DATASET_PIXEL_RANK, extent, pixels);
    return status;
}

enum status dataset_writer_open(const char *beside, const struct dataset *index, hid_t access,
                                struct dataset_writer *writer)
{
    writer->file = writer->pixels = H5I_INVALID_HID;
    enum status status = hdf5_create(beside, DATASET_KIND, access, &writer->file);
    if (status != STATUS_OK)
        return status;
    struct error_carried first = {STATUS_OK, ""}; /* closing after a failure fails too, less tellingly */
    error_keep_first(&first, dataset_index_write(writer->file, index, &writer->pixels));
    if (first.status != STATUS_OK)
        error_keep_first(&first, hdf5_close(&writer->file, beside));
    return error_raise(&first);
}

enum status dataset_writer_put(struct dataset_writer *writer, int64_t first, int64_t count,
                               const uint8_t *pixels)
{
    return hdf5_write_rows(writer->pixels, H5P_DEFAULT, H5T_NATIVE_UINT8, (hsize_t)first, (hsize_t)count,
                           pixels);
}

enum status dataset_writer_close(struct dataset_writer *writer, const char *beside)
{
    if (writer->pixels != H5I_INVALID_HID)
        H5Dclose(writer->pixels);
    writer->pixels = H5I_INVALID_HID;
    return hdf5_close(&writer->file, beside);
}
