#include "compute/formats/dataset_join.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compute/base/memory.h"
#include "compute/formats/dataset_file.h"

enum { READ_IMAGES = 512 }; /* of a file at a time, those between strides included: bounds memory */

/* --- opening --- */

/* The name of a file without folder and ".h5", as much as fits. */
static void name_after_file(struct joined_dataset *set)
{
    const char *slash = strrchr(set->path, '/'), *name = slash == NULL ? set->path : slash + 1;
    size_t length = strlen(name);
    if (length > 3 && strcmp(name + length - 3, ".h5") == 0)
        length -= 3;
    if (length > sizeof set->name - 1)
        length = sizeof set->name - 1;
    memcpy(set->name, name, length);
    set->name[length] = '\0';
}

static enum status split_argument(const char *argument, struct joined_dataset *set)
{
    const char *equals = strchr(argument, '=');
    set->path = argument;
    if (equals == NULL || access(argument, F_OK) == 0) {
        name_after_file(set);
        return STATUS_OK;
    }
    size_t length = (size_t)(equals - argument);
    if (length == 0 || length > sizeof set->name - 1)
        return error_set(STATUS_USAGE, "%s: a data set's name of %zu bytes; expected NAME=FILE with 1 to %zu",
                         argument, length, sizeof set->name - 1);
    memcpy(set->name, argument, length);
    set->name[length] = '\0';
    set->path = equals + 1;
    if (!text_is_printable(set->name))
        return error_set(STATUS_USAGE, "%s: a data set's name must be printable text", argument);
    return STATUS_OK;
}

enum status dataset_join_open(char *const *arguments, int32_t count, struct dataset_join **join)
{
    *join = NULL;
    if (count < 1)
        return error_set(STATUS_USAGE, "no data set given; at least one is needed");
    enum status status = memory_allocate(join, 1, sizeof **join, "joined data sets");
    if (status == STATUS_OK)
        status =
            memory_allocate(&(*join)->sets, (size_t)count, sizeof(struct joined_dataset), "joined data sets");
    for (int32_t i = 0; i < count && status == STATUS_OK; i++) {
        struct joined_dataset *set = &(*join)->sets[i];
        status = split_argument(arguments[i], set);
        if (status == STATUS_OK)
            status = dataset_file_open(set->path, &set->dataset);
        (*join)->count = i + 1;
    }
    if (status != STATUS_OK)
        dataset_join_destroy(join);
    return status;
}

void dataset_join_destroy(struct dataset_join **join)
{
    if (*join == NULL)
        return;
    for (int32_t i = 0; i < (*join)->count; i++)
        dataset_destroy(&(*join)->sets[i].dataset);
    memory_free(&(*join)->sets);
    memory_free(join);
}

enum status dataset_join_load(struct dataset_join *join)
{
    enum status status = STATUS_OK;
    for (int32_t i = 0; i < join->count && status == STATUS_OK; i++) {
        struct dataset *dataset = join->sets[i].dataset;
        status = dataset_file_load_range(dataset, join->sets[i].path, 0, dataset->image_count);
    }
    return status;
}

/* --- finding --- */

/* What of `label` is the class's name when it is to be a class of that dataset: what follows "NAME/", or all
 * of it; NULL when it does not begin so. */
static const char *name_within(const struct joined_dataset *set, const char *label, bool qualified)
{
    size_t length = strlen(set->name);
    if (!qualified)
        return label;
    return strncmp(label, set->name, length) == 0 && label[length] == '/' ? label + length + 1 : NULL;
}

static enum status refuse_ambiguous(const struct dataset_join *join, const char *label, const char *where,
                                    int32_t first, int32_t second, bool qualified)
{
    const struct joined_dataset *a = &join->sets[first], *b = &join->sets[second];
    if (qualified || strcmp(a->name, b->name) == 0)
        return error_set(STATUS_MISMATCH,
                         "label \"%s\" of %s could be of %s or of %s, which are both called \"%s\"; give "
                         "each a name of its own, as in NAME=FILE",
                         label, where, a->path, b->path, a->name);
    return error_set(STATUS_MISMATCH,
                     "label \"%s\" of %s is a class of both %s and %s; call the module \"%s/%s\" or "
                     "\"%s/%s\" in the composition, or give one of the two alone",
                     label, where, a->path, b->path, a->name, label, b->name, label);
}

static enum status find_among(const struct dataset_join *join, const char *label, const char *where,
                              bool qualified, struct joined_class *found)
{
    *found = (struct joined_class){-1, -1};
    for (int32_t i = 0; i < join->count; i++) {
        const char *name = name_within(&join->sets[i], label, qualified);
        const struct dataset *dataset = join->sets[i].dataset;
        int32_t class_index =
            name == NULL ? -1 : class_names_index(dataset->class_names, dataset->class_count, name);
        if (class_index >= 0 && found->dataset >= 0)
            return refuse_ambiguous(join, label, where, found->dataset, i, qualified);
        if (class_index >= 0)
            *found = (struct joined_class){i, class_index};
    }
    return STATUS_OK;
}

enum status dataset_join_find(const struct dataset_join *join, const char *label, const char *where,
                              struct joined_class *found)
{
    enum status status = find_among(join, label, where, true, found);
    if (status == STATUS_OK && found->dataset < 0)
        status = find_among(join, label, where, false, found);
    return status;
}

/* --- images --- */

int64_t dataset_join_class_images(const struct dataset_join *join, struct joined_class class)
{
    const int64_t *start = join->sets[class.dataset].dataset->class_start + class.class_index;
    return start[1] - start[0];
}

enum status dataset_join_read(struct dataset_join *join, struct joined_class class, int64_t place,
                              int64_t stride, int64_t count, uint8_t *pixels)
{
    struct dataset *dataset = join->sets[class.dataset].dataset;
    const char *path = join->sets[class.dataset].path;
    size_t image_bytes = shape_count(dataset->shape);
    int64_t first = dataset->class_start[class.class_index] + place;
    bool in_memory = dataset->loaded == dataset->image_count;
    int64_t at_once = in_memory ? count : (READ_IMAGES - 1) / stride + 1;
    enum status status = STATUS_OK;
    for (int64_t done = 0; done < count && status == STATUS_OK; done += at_once) {
        int64_t end = done + at_once < count ? done + at_once : count;
        if (!in_memory)
            status =
                dataset_file_load_range(dataset, path, first + done * stride, (end - done - 1) * stride + 1);
        for (int64_t i = done; i < end && status == STATUS_OK; i++)
            memcpy(pixels + (size_t)i * image_bytes, dataset_image(dataset, first + i * stride), image_bytes);
    }
    return status;
}

void dataset_join_describe(const struct dataset_join *join, char *text, size_t bytes)
{
    size_t at = 0;
    text[0] = '\0';
    for (int32_t i = 0; i < join->count && at < bytes; i++) {
        const char *between = i == 0 ? "" : i + 1 < join->count ? ", " : " and ";
        const char *path = join->sets[i].path == NULL ? join->sets[i].name : join->sets[i].path;
        int written = snprintf(text + at, bytes - at, "%s%s", between, path);
        at += written > 0 ? (size_t)written : 0;
    }
}
