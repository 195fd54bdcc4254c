#include "modules/modules_rows.h"

#include <stdio.h>
#include <string.h>

enum column_kind { COLUMN_NAME, COLUMN_INT32, COLUMN_UINT64, COLUMN_FLOAT32 };

static const struct column {
    const char *name;
    size_t offset;
    enum column_kind kind;
} columns[] = {
    {"class_name", HOFFSET(struct module_row, class_name), COLUMN_NAME},
    {"label", HOFFSET(struct module_row, label), COLUMN_NAME},
    {"parent", HOFFSET(struct module_row, parent), COLUMN_INT32},
    {"class_index", HOFFSET(struct module_row, class_index), COLUMN_INT32},
    {"bias_class", HOFFSET(struct module_row, bias_class), COLUMN_FLOAT32},
    {"bias_rest", HOFFSET(struct module_row, bias_rest), COLUMN_FLOAT32},
    {"scale", HOFFSET(struct module_row, scale), COLUMN_FLOAT32},
    {"offset", HOFFSET(struct module_row, offset), COLUMN_FLOAT32},
    {"positive_images", HOFFSET(struct module_row, positive_images), COLUMN_INT32},
    {"negative_images", HOFFSET(struct module_row, negative_images), COLUMN_INT32},
    {"units_kept", HOFFSET(struct module_row, units_kept), COLUMN_UINT64},
    {"channels_kept", HOFFSET(struct module_row, channels_kept), COLUMN_UINT64},
};

_Static_assert(sizeof(struct module_row) ==
                   2 * sizeof(class_name) + 4 * sizeof(int32_t) + 4 * sizeof(float) + 2 * sizeof(uint64_t),
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

static hid_t name_type(void)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 && H5Tset_size(type, sizeof(class_name)) >= 0 &&
        H5Tset_strpad(type, H5T_STR_NULLTERM) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0)
        return type;
    if (type >= 0)
        H5Tclose(type);
    return H5I_INVALID_HID;
}

static hid_t column_type(enum column_kind kind, hid_t name)
{
    switch (kind) {
    case COLUMN_NAME:
        return name;
    case COLUMN_INT32:
        return H5T_NATIVE_INT32;
    case COLUMN_UINT64:
        return H5T_NATIVE_UINT64;
    case COLUMN_FLOAT32:
        return H5T_NATIVE_FLOAT;
    }
    return H5I_INVALID_HID;
}

hid_t module_row_type(void)
{
    hid_t name = name_type();
    hid_t row = name < 0 ? H5I_INVALID_HID : H5Tcreate(H5T_COMPOUND, sizeof(struct module_row));
    for (size_t i = 0; row >= 0 && i < sizeof columns / sizeof *columns; i++) {
        if (H5Tinsert(row, columns[i].name, columns[i].offset, column_type(columns[i].kind, name)) < 0) {
            H5Tclose(row);
            row = H5I_INVALID_HID;
        }
    }
    if (name >= 0)
        H5Tclose(name);
    return row;
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
                             .units_kept = module->units_kept,
                             .channels_kept = module->channels_kept};
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
    module->units_kept = row->units_kept;
    module->channels_kept = row->channels_kept;
}
