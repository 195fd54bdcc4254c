#include "compute/formats/cifar.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "compute/base/memory.h"
#include "compute/formats/class_names_file.h"

enum { SIDE = 32, CHANNELS = 3, PLANE = SIDE * SIDE, IMAGE_BYTES = CHANNELS * PLANE, PATH_BYTES = 4096 };
enum { FILES_MAX = 5, FILE_BYTES_MAX = 1 << 30 };

/* What tells the two data sets apart. */
struct cifar_kind {
    int32_t label_bytes; /* the last of which is the label */
    int32_t class_count;
    const char *names_file;
    const char *train[FILES_MAX + 1], *test[2]; /* NULL at the end */
};

static const struct cifar_kind kinds[] = {
    {1,
     10,
     "batches.meta.txt",
     {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin",
      NULL},
     {"test_batch.bin", NULL}},
    {2, 100, "fine_label_names.txt", {"train.bin", NULL}, {"test.bin", NULL}},
};
enum { KIND_COUNT = sizeof kinds / sizeof *kinds };

static bool has_file(const char *folder, const char *name)
{
    char path[PATH_BYTES];
    struct stat found;
    int used = snprintf(path, sizeof path, "%s/%s", folder, name);
    return used > 0 && used < PATH_BYTES && stat(path, &found) == 0 && S_ISREG(found.st_mode);
}

static const struct cifar_kind *kind_of(const char *folder)
{
    for (int i = 0; i < KIND_COUNT; i++)
        if (has_file(folder, kinds[i].train[0]) || has_file(folder, kinds[i].test[0]))
            return &kinds[i];
    return NULL;
}

bool cifar_is_folder(const char *folder)
{
    return kind_of(folder) != NULL;
}

/* --- reading --- */

struct cifar_images {
    const struct cifar_kind *kind;
    int64_t count, capacity;
    uint8_t *pixels; /* (capacity, H, W, C) */
    int32_t *labels; /* (capacity) */
};

/* From one plane a colour to one pixel after the other. */
static void interleave(const uint8_t *planes, uint8_t *pixels)
{
    for (int i = 0; i < PLANE; i++)
        for (int c = 0; c < CHANNELS; c++)
            *pixels++ = planes[c * PLANE + i];
}

static enum status add_record(struct cifar_images *images, const char *path, const uint8_t *record)
{
    const struct cifar_kind *kind = images->kind;
    int32_t label = record[kind->label_bytes - 1];
    if (label >= kind->class_count)
        return error_set(STATUS_FORMAT, "%s: image %lld has label %d; expected 0 to %d; get the file again",
                         path, (long long)images->count, (int)label, (int)kind->class_count - 1);
    images->labels[images->count] = label;
    interleave(record + kind->label_bytes, images->pixels + images->count * IMAGE_BYTES);
    images->count++;
    return STATUS_OK;
}

static enum status read_records(struct cifar_images *images, FILE *file, const char *path, int64_t count)
{
    uint8_t record[2 + IMAGE_BYTES];
    size_t bytes = (size_t)images->kind->label_bytes + IMAGE_BYTES;
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < count && status == STATUS_OK; i++) {
        if (fread(record, 1, bytes, file) != bytes)
            status = error_set(STATUS_IO, "%s: cannot read: %s", path,
                               ferror(file) != 0 ? strerror(errno) : "it became shorter");
        else
            status = add_record(images, path, record);
    }
    return status;
}

/* Records of a file; 0 with the reason when it is no whole number of them. */
static enum status count_records(const struct cifar_kind *kind, const char *path, int64_t *count)
{
    struct stat found;
    int64_t bytes = kind->label_bytes + IMAGE_BYTES;
    if (stat(path, &found) != 0)
        return error_set(STATUS_IO, "%s: cannot open: %s; all files of the split must be there", path,
                         strerror(errno));
    if (found.st_size == 0 || found.st_size % bytes != 0 || found.st_size > FILE_BYTES_MAX)
        return error_set(STATUS_FORMAT,
                         "%s: has %lld bytes; expected a multiple of %lld, up to %d; get the file again",
                         path, (long long)found.st_size, (long long)bytes, FILE_BYTES_MAX);
    *count = found.st_size / bytes;
    return STATUS_OK;
}

static enum status read_file(struct cifar_images *images, const char *path)
{
    int64_t count = 0;
    enum status status = count_records(images->kind, path, &count);
    if (status != STATUS_OK)
        return status;
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return error_set(STATUS_IO, "%s: cannot open: %s", path, strerror(errno));
    int64_t left = images->capacity - images->count;
    status = read_records(images, file, path, count < left ? count : left);
    fclose(file); /* read only: nothing is lost if that fails */
    return status;
}

/* Calls for each file of the split with its path. */
static enum status each_file(const char *folder, const char *const *names, struct cifar_images *images,
                             enum status (*call)(struct cifar_images *images, const char *path))
{
    enum status status = STATUS_OK;
    for (; *names != NULL && status == STATUS_OK; names++) {
        char path[PATH_BYTES];
        int used = snprintf(path, sizeof path, "%s/%s", folder, *names);
        status = used > 0 && used < PATH_BYTES
                     ? call(images, path)
                     : error_set(STATUS_USAGE, "%.200s…: the path is too long", folder);
    }
    return status;
}

static enum status add_count(struct cifar_images *images, const char *path)
{
    int64_t count = 0;
    enum status status = count_records(images->kind, path, &count);
    images->capacity += count;
    return status;
}

/* --- names --- */

/* The names to use: those given, or those of the folder's own file, or none. *own is released by the caller.
 */
static enum status find_names(const struct cifar_kind *kind, const char *folder, class_name **own,
                              const class_name **names, int32_t *count)
{
    char path[PATH_BYTES];
    enum status status = STATUS_OK;
    if (*names == NULL && has_file(folder, kind->names_file)) {
        snprintf(path, sizeof path, "%s/%s", folder, kind->names_file);
        status = class_names_file_read(path, own, count);
        *names = (const class_name *)*own;
    }
    if (status == STATUS_OK && *names != NULL && *count != kind->class_count)
        status = error_set(STATUS_MISMATCH, "%s: %d class names for %d classes", folder, (int)*count,
                           (int)kind->class_count);
    return status;
}

enum status cifar_read_split(const char *folder, const char *split, const class_name *class_names,
                             int32_t class_name_count, struct dataset **dataset)
{
    const struct cifar_kind *kind = kind_of(folder);
    class_name *own = NULL;
    *dataset = NULL;
    bool test = strcmp(split, "test") == 0;
    if (kind == NULL)
        return error_set(STATUS_IO, "%s: no CIFAR-10 or CIFAR-100 binary files", folder);
    if (!test && strcmp(split, "train") != 0)
        return error_set(STATUS_USAGE, "%s: no split \"%.80s\" in CIFAR folders; ask for train or test",
                         folder, split);
    struct cifar_images images = {.kind = kind};
    const char *const *files = test ? kind->test : kind->train;
    enum status status = find_names(kind, folder, &own, &class_names, &class_name_count);
    if (status == STATUS_OK)
        status = each_file(folder, files, &images, add_count);
    if (status == STATUS_OK)
        status = memory_allocate(&images.pixels, (size_t)images.capacity, IMAGE_BYTES, folder);
    if (status == STATUS_OK)
        status = memory_allocate(&images.labels, (size_t)images.capacity, sizeof(int32_t), folder);
    if (status == STATUS_OK)
        status = each_file(folder, files, &images, read_file);
    if (status == STATUS_OK)
        status = dataset_create((struct shape){SIDE, SIDE, CHANNELS}, kind->class_count, class_names,
                                images.pixels, images.labels, images.count, dataset);
    memory_free(&images.pixels);
    memory_free(&images.labels);
    memory_free(&own);
    return status;
}
