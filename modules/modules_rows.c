#include "modules/modules_rows.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "compute/formats/hdf5_record.h"

static const struct hdf5_member members[] = {
    {"class_name", offsetof(struct module_row, class_name), HDF5_MEMBER_TEXT, sizeof(class_name)},
    {"label", offsetof(struct module_row, label), HDF5_MEMBER_TEXT, sizeof(class_name)},
    {"parent", offsetof(struct module_row, parent), HDF5_MEMBER_INT32, 0},
    {"class_index", offsetof(struct module_row, class_index), HDF5_MEMBER_INT32, 0},
    {"bias_class", offsetof(struct module_row, bias_class), HDF5_MEMBER_FLOAT, 0},
    {"bias_rest", offsetof(struct module_row, bias_rest), HDF5_MEMBER_FLOAT, 0},
    {"scale", offsetof(struct module_row, scale), HDF5_MEMBER_FLOAT, 0},
    {"offset", offsetof(struct module_row, offset), HDF5_MEMBER_FLOAT, 0},
    {"positive_images", offsetof(struct module_row, positive_images), HDF5_MEMBER_INT32, 0},
    {"negative_images", offsetof(struct module_row, negative_images), HDF5_MEMBER_INT32, 0},
    {"units_kept", offsetof(struct module_row, units_kept), HDF5_MEMBER_INT64, 0},
    {"channels_kept", offsetof(struct module_row, channels_kept), HDF5_MEMBER_INT64, 0},
};

_Static_assert(sizeof(struct module_row) ==
                   2 * sizeof(class_name) + 4 * sizeof(int32_t) + 4 * sizeof(float) + 2 * sizeof(int64_t),
               "a row has no gaps, whose bytes would be undefined");

enum status modules_counts_check(const char *kind, int32_t parent_count, int32_t module_count)
{
    bool modules = strcmp(kind, "modules") == 0;
    if (!modules && strcmp(kind, "composition") != 0)
        return error_set(STATUS_INTERNAL, "file kind \"%s\"; expected modules or composition", kind);
    if (parent_count < 1 || parent_count > MODULES_PARENTS_MAX || module_count < 1 ||
        module_count > MODULES_MAX)
        return error_set(STATUS_SHAPE,
                         "a %s file of %d parents and %d modules; at least one and at most %d and %d fit",
                         kind, (int)parent_count, (int)module_count, MODULES_PARENTS_MAX, MODULES_MAX);
    if (modules && parent_count != 1)
        return error_set(STATUS_SHAPE, "a modules file of %d parents; only a composition has several",
                         (int)parent_count);
    return STATUS_OK;
}

void modules_parent_name(int32_t index, char name[PARENT_NAME_BYTES])
{
    snprintf(name, PARENT_NAME_BYTES, "%d", (int)index);
}

enum status module_row_type(hid_t *type)
{
    return hdf5_record_type(members, sizeof members / sizeof *members, sizeof(struct module_row), type);
}

/* Copies the text and nothing that may stand behind its end. */
static void name_copy(class_name to, const class_name from)
{
    size_t length = strnlen(from, sizeof(class_name) - 1);
    memset(to, 0, sizeof(class_name));
    memcpy(to, from, length);
}

struct module_row module_row_of(const struct module *module)
{
    struct module_row row = {.parent = module->parent,
                             .class_index = module->class_index,
                             .bias_class = module->head_bias[0],
                             .bias_rest = module->head_bias[1],
                             .scale = module->scale,
                             .offset = module->offset,
                             .positive_images = module->positive_images,
                             .negative_images = module->negative_images,
                             .units_kept = (int64_t)module->kept.units,
                             .channels_kept = (int64_t)module->kept.channels};
    name_copy(row.class_name, module->class_name);
    name_copy(row.label, module->label);
    return row;
}

void module_row_apply(const struct module_row *row, struct module *module)
{
    name_copy(module->class_name, row->class_name);
    name_copy(module->label, row->label);
    module->parent = row->parent;
    module->class_index = row->class_index;
    module->head_bias[0] = row->bias_class;
    module->head_bias[1] = row->bias_rest;
    module->scale = row->scale;
    module->offset = row->offset;
    module->positive_images = row->positive_images;
    module->negative_images = row->negative_images;
    module->kept.units = (uint64_t)row->units_kept;
    module->kept.channels = (uint64_t)row->channels_kept;
}
