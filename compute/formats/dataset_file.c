#include "compute/formats/dataset_file.h"

#include "compute/base/memory.h"
#include "compute/formats/dataset_writer.h"
#include "compute/formats/hdf5_file.h"

enum { PIXEL_RANK = DATASET_PIXEL_RANK };

static const char *const kind = DATASET_KIND, *const pixels_name = DATASET_PIXELS,
                         *const labels_name = DATASET_LABELS, *const class_start_name = DATASET_CLASS_START,
                         *const class_names_name = DATASET_CLASS_NAMES;

/* --- writing --- */

static enum status write_content(hid_t file, const void *content)
{
    const struct dataset *dataset = content;
    hid_t pixels;
    enum status status = dataset_index_write(file, dataset, &pixels);
    if (status != STATUS_OK)
        return status;
    status = hdf5_write_rows(pixels, H5P_DEFAULT, H5T_NATIVE_UINT8, 0, (hsize_t)dataset->image_count,
                             dataset->pixels);
    H5Dclose(pixels);
    return status;
}

enum status dataset_file_write(const struct dataset *dataset, const char *path)
{
    if (dataset->loaded != dataset->image_count)
        return error_set(STATUS_USAGE, "%s: only %lld of %lld images are loaded; load all before writing",
                         path, (long long)dataset->loaded, (long long)dataset->image_count);
    return hdf5_save(path, kind, write_content, dataset);
}

/* --- reading --- */

/* Shape of the images and their number. */
static enum status read_extent(hid_t file, struct shape *shape, int64_t *image_count)
{
    hid_t array;
    hsize_t extent[PIXEL_RANK];
    enum status status = hdf5_open_array(file, pixels_name, H5T_NATIVE_UINT8, PIXEL_RANK, extent, &array);
    if (status != STATUS_OK)
        return status;
    if (extent[1] > INT32_MAX || extent[2] > INT32_MAX || extent[3] > SCALING_CHANNELS_MAX)
        status = hdf5_refuse(STATUS_FORMAT, array, "has images of %llu×%llu×%llu (H×W×C); channels end at %d",
                             (unsigned long long)extent[1], (unsigned long long)extent[2],
                             (unsigned long long)extent[3], SCALING_CHANNELS_MAX);
    H5Dclose(array);
    *shape = (struct shape){(int32_t)extent[1], (int32_t)extent[2], (int32_t)extent[3]};
    *image_count = (int64_t)extent[0];
    return status;
}

/* The labels say again what class_start says; a file in which they differ was made by something else. */
static enum status check_labels(hid_t file, const struct dataset *dataset)
{
    int32_t *labels = NULL;
    hsize_t extent = (hsize_t)dataset->image_count;
    enum status status =
        memory_allocate(&labels, (size_t)dataset->image_count, sizeof *labels, "labels of a dataset");
    if (status == STATUS_OK)
        status = hdf5_read_array(file, labels_name, H5T_NATIVE_INT32, 1, &extent, labels);
    for (int32_t c = 0; status == STATUS_OK && c < dataset->class_count; c++)
        for (int64_t i = dataset->class_start[c]; status == STATUS_OK && i < dataset->class_start[c + 1]; i++)
            if (labels[i] != c)
                status = hdf5_refuse(
                    STATUS_FORMAT, file,
                    "image %lld has label %d; by class_start it is of class %d: sort the images by "
                    "class",
                    (long long)i, labels[i], c);
    memory_free(&labels);
    return status;
}

static enum status read_index(hid_t file, const char *path, struct dataset **dataset)
{
    struct shape shape;
    int64_t image_count = 0;
    int32_t class_count = 0;
    class_name *names = NULL;
    int64_t *class_start = NULL;
    hsize_t starts;
    enum status status = read_extent(file, &shape, &image_count);
    if (status == STATUS_OK)
        status = hdf5_read_class_names(file, class_names_name, &class_count, &names);
    starts = (hsize_t)class_count + 1;
    if (status == STATUS_OK)
        status =
            memory_allocate(&class_start, (size_t)starts, sizeof *class_start, "class ranges of a dataset");
    if (status == STATUS_OK)
        status = hdf5_read_array(file, class_start_name, H5T_NATIVE_INT64, 1, &starts, class_start);
    if (status == STATUS_OK && class_start[class_count] != image_count)
        status = error_set(STATUS_FORMAT, "%s: class_start ends with %lld; there are %lld images", path,
                           (long long)class_start[class_count], (long long)image_count);
    if (status == STATUS_OK)
        status = dataset_create_unloaded(shape, class_count, names, class_start, path, dataset);
    if (status == STATUS_OK && (status = check_labels(file, *dataset)) != STATUS_OK)
        dataset_destroy(dataset);
    memory_free(&class_start);
    memory_free(&names);
    return status;
}

static enum status read_pixels(hid_t file, const char *path, struct dataset *dataset, int64_t first,
                               int64_t count)
{
    hid_t array;
    hsize_t extent[PIXEL_RANK];
    size_t bytes = 0;
    enum status status = hdf5_open_array(file, pixels_name, H5T_NATIVE_UINT8, PIXEL_RANK, extent, &array);
    if (status != STATUS_OK)
        return status;
    if (extent[0] != (hsize_t)dataset->image_count || extent[1] != (hsize_t)dataset->shape.h ||
        extent[2] != (hsize_t)dataset->shape.w || extent[3] != (hsize_t)dataset->shape.c)
        status = error_set(STATUS_MISMATCH,
                           "%s: no longer holds the images it did when it was opened; start again", path);
    if (status == STATUS_OK)
        status = dataset_pixel_bytes(dataset->shape, count, &bytes);
    if (status == STATUS_OK)
        status = memory_allocate(&dataset->pixels, bytes, 1, path);
    if (status == STATUS_OK)
        status = hdf5_read_rows(array, H5P_DEFAULT, H5T_NATIVE_UINT8, (hsize_t)first, (hsize_t)count,
                                dataset->pixels);
    if (status == STATUS_OK) {
        dataset->first = first;
        dataset->loaded = count;
    } else {
        memory_free(&dataset->pixels);
    }
    H5Dclose(array);
    return status;
}

enum status dataset_file_open(const char *path, struct dataset **dataset)
{
    hid_t file;
    *dataset = NULL;
    enum status status = hdf5_open(path, kind, H5P_DEFAULT, &file, NULL);
    if (status != STATUS_OK)
        return status;
    status = read_index(file, path, dataset);
    H5Fclose(file); /* read only: nothing is lost if that fails */
    return status;
}

enum status dataset_file_load_range(struct dataset *dataset, const char *path, int64_t first, int64_t count)
{
    hid_t file;
    if (first < 0 || count < 0 || first > dataset->image_count || count > dataset->image_count - first)
        return error_set(STATUS_SHAPE, "%s: asked for %lld images from image %lld; there are %lld", path,
                         (long long)count, (long long)first, (long long)dataset->image_count);
    memory_free(&dataset->pixels);
    dataset->first = dataset->loaded = 0;
    enum status status = hdf5_open(path, kind, H5P_DEFAULT, &file, NULL);
    if (status != STATUS_OK)
        return status;
    status = read_pixels(file, path, dataset, first, count);
    H5Fclose(file);
    return status;
}

enum status dataset_file_load(const char *path, struct dataset **dataset)
{
    enum status status = dataset_file_open(path, dataset);
    if (status != STATUS_OK)
        return status;
    status = dataset_file_load_range(*dataset, path, 0, (*dataset)->image_count);
    if (status != STATUS_OK)
        dataset_destroy(dataset);
    return status;
}
