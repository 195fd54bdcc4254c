#include "compute/formats/network_records.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/formats/hdf5_record.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

#define LAYER_NUMBER(field, kind)                                                                            \
    {                                                                                                        \
#        field, offsetof(struct layer_record, field), kind, 0                                                \
    }
#define LAYER_INT32(field) LAYER_NUMBER(field, HDF5_MEMBER_INT32)
#define LAYER_FLAG(field) LAYER_NUMBER(field, HDF5_MEMBER_UINT8)

static const struct hdf5_member layer_members[] = {
    {"kind", offsetof(struct layer_record, kind), HDF5_MEMBER_TEXT, KIND_BYTES},
    {"name", offsetof(struct layer_record, name), HDF5_MEMBER_TEXT, LAYER_NAME_BYTES},
    LAYER_INT32(h),
    LAYER_INT32(w),
    LAYER_INT32(c),
    LAYER_INT32(first_input),
    LAYER_INT32(input_count),
    LAYER_INT32(out_c),
    LAYER_INT32(kernel_h),
    LAYER_INT32(kernel_w),
    LAYER_INT32(stride_h),
    LAYER_INT32(stride_w),
    LAYER_INT32(pad_top),
    LAYER_INT32(pad_left),
    LAYER_INT32(pad_bottom),
    LAYER_INT32(pad_right),
    LAYER_INT32(dilation_h),
    LAYER_INT32(dilation_w),
    LAYER_INT32(groups),
    LAYER_INT32(from_h),
    LAYER_INT32(from_w),
    LAYER_INT32(from_c),
    LAYER_INT32(step_h),
    LAYER_INT32(step_w),
    LAYER_INT32(out_h),
    LAYER_INT32(out_w),
    LAYER_NUMBER(epsilon, HDF5_MEMBER_FLOAT),
    LAYER_NUMBER(momentum, HDF5_MEMBER_FLOAT),
    LAYER_NUMBER(low, HDF5_MEMBER_FLOAT),
    LAYER_NUMBER(high, HDF5_MEMBER_FLOAT),
    LAYER_NUMBER(slope, HDF5_MEMBER_FLOAT),
    LAYER_NUMBER(offset, HDF5_MEMBER_FLOAT),
    LAYER_INT32(size),
    LAYER_NUMBER(alpha, HDF5_MEMBER_FLOAT),
    LAYER_NUMBER(beta, HDF5_MEMBER_FLOAT),
    LAYER_NUMBER(constant, HDF5_MEMBER_FLOAT),
    LAYER_FLAG(bias),
    LAYER_FLAG(ceil_mode),
    LAYER_FLAG(count_padding),
    LAYER_NUMBER(parameter_count, HDF5_MEMBER_INT64),
    LAYER_NUMBER(statistic_count, HDF5_MEMBER_INT64),
};

static const struct hdf5_member index_members[] = {
    {"layer", offsetof(struct index_record, layer), HDF5_MEMBER_INT32, 0},
    {"role", offsetof(struct index_record, role), HDF5_MEMBER_TEXT, ROLE_BYTES},
    {"offset", offsetof(struct index_record, offset), HDF5_MEMBER_INT64, 0},
    {"rank", offsetof(struct index_record, rank), HDF5_MEMBER_INT32, 0},
    {"extents", offsetof(struct index_record, extents), HDF5_MEMBER_INT64, INDEX_EXTENTS},
};

enum status layer_record_type(hid_t *type)
{
    return hdf5_record_type(layer_members, COUNT_OF(layer_members), sizeof(struct layer_record), type);
}

enum status index_record_type(hid_t *type)
{
    return hdf5_record_type(index_members, COUNT_OF(index_members), sizeof(struct index_record), type);
}

/* --- layers --- */

struct layer_record layer_record_of(const struct network *network, int32_t layer, int32_t first_input)
{
    const struct layer *from = &network->layers[layer];
    const struct layer_options *o = &from->options;
    struct layer_record record = {
        .h = from->shape.h,
        .w = from->shape.w,
        .c = from->shape.c,
        .first_input = first_input,
        .input_count = from->input_count,
        .out_c = o->out_c,
        .kernel_h = o->kernel_h,
        .kernel_w = o->kernel_w,
        .stride_h = o->stride_h,
        .stride_w = o->stride_w,
        .pad_top = o->pad_top,
        .pad_left = o->pad_left,
        .pad_bottom = o->pad_bottom,
        .pad_right = o->pad_right,
        .dilation_h = o->dilation_h,
        .dilation_w = o->dilation_w,
        .groups = o->groups,
        .from_h = o->from_h,
        .from_w = o->from_w,
        .from_c = o->from_c,
        .step_h = o->step_h,
        .step_w = o->step_w,
        .out_h = o->out_h,
        .out_w = o->out_w,
        .epsilon = o->epsilon,
        .momentum = o->momentum,
        .low = o->low,
        .high = o->high,
        .slope = o->slope,
        .offset = o->offset,
        .size = o->size,
        .alpha = o->alpha,
        .beta = o->beta,
        .constant = o->constant,
        .bias = o->bias,
        .ceil_mode = o->ceil_mode,
        .count_padding = o->count_padding,
        .parameter_count = (int64_t)from->parameter_count,
        .statistic_count = (int64_t)from->statistic_count,
    };
    snprintf(record.kind, sizeof record.kind, "%s", layer_kind_name(from->kind));
    snprintf(record.name, sizeof record.name, "%s", from->name);
    return record;
}

struct layer_options layer_record_options(const struct layer_record *record)
{
    return (struct layer_options){
        .out_c = record->out_c,
        .kernel_h = record->kernel_h,
        .kernel_w = record->kernel_w,
        .stride_h = record->stride_h,
        .stride_w = record->stride_w,
        .pad_top = record->pad_top,
        .pad_left = record->pad_left,
        .pad_bottom = record->pad_bottom,
        .pad_right = record->pad_right,
        .dilation_h = record->dilation_h,
        .dilation_w = record->dilation_w,
        .groups = record->groups,
        .bias = record->bias != 0,
        .ceil_mode = record->ceil_mode != 0,
        .count_padding = record->count_padding != 0,
        .epsilon = record->epsilon,
        .momentum = record->momentum,
        .low = record->low,
        .high = record->high,
        .slope = record->slope,
        .offset = record->offset,
        .size = record->size,
        .alpha = record->alpha,
        .beta = record->beta,
        .constant = record->constant,
        .from_h = record->from_h,
        .from_w = record->from_w,
        .from_c = record->from_c,
        .step_h = record->step_h,
        .step_w = record->step_w,
        .out_h = record->out_h,
        .out_w = record->out_w,
    };
}

/* --- parameter index --- */

/* Where the next row goes; rows are counted first, with nowhere to put them. */
struct index_writer {
    struct index_record *records;
    size_t count;
};

static void add_row(struct index_writer *writer, int32_t layer, const char *role, size_t offset, int32_t rank,
                    const int64_t extents[INDEX_EXTENTS])
{
    if (writer->records != NULL) {
        struct index_record *record = &writer->records[writer->count];
        record->layer = layer;
        snprintf(record->role, sizeof record->role, "%s", role);
        record->offset = (int64_t)offset;
        record->rank = rank;
        memcpy(record->extents, extents, sizeof record->extents);
    }
    writer->count++;
}

static void add_vector(struct index_writer *writer, int32_t layer, const char *role, size_t offset, int32_t c)
{
    add_row(writer, layer, role, offset, 1, (const int64_t[INDEX_EXTENTS]){c, 1, 1, 1});
}

static void add_layer_rows(struct index_writer *writer, const struct network *network, int32_t index)
{
    const struct layer *layer = &network->layers[index];
    const struct layer_options *o = &layer->options;
    int32_t c = layer->shape.c;
    size_t channels = (size_t)c;
    if (layer->kind == LAYER_CONVOLUTION || layer->kind == LAYER_DENSE) {
        int32_t in_c = network->layers[layer->inputs[0]].shape.c;
        if (layer->kind == LAYER_DENSE)
            add_row(writer, index, "weight", layer->parameter_offset, 2,
                    (const int64_t[INDEX_EXTENTS]){in_c, c, 1, 1});
        else
            add_row(writer, index, "weight", layer->parameter_offset, 4,
                    (const int64_t[INDEX_EXTENTS]){o->kernel_h, o->kernel_w, in_c / o->groups, c});
        if (o->bias)
            add_vector(writer, index, "bias", layer->parameter_offset + layer->weight_count, c);
    } else if (layer->kind == LAYER_BATCHNORM) {
        add_vector(writer, index, "gamma", layer->parameter_offset, c);
        add_vector(writer, index, "beta", layer->parameter_offset + channels, c);
        add_vector(writer, index, "mean", layer->statistic_offset, c);
        add_vector(writer, index, "variance", layer->statistic_offset + channels, c);
    } else if (layer->kind == LAYER_SCALE) {
        add_vector(writer, index, "factor", layer->parameter_offset, c);
        add_vector(writer, index, "summand", layer->parameter_offset + channels, c);
    } else if (layer->kind == LAYER_UNIT_SCALE) {
        const int64_t extents[INDEX_EXTENTS] = {layer->shape.h, layer->shape.w, c, 1};
        add_row(writer, index, "factor", layer->parameter_offset, 3, extents);
        add_row(writer, index, "summand", layer->parameter_offset + layer->parameter_count / 2, 3, extents);
    }
}

static void add_all_rows(struct index_writer *writer, const struct network *network)
{
    for (int32_t i = 0; i < network->layer_count; i++)
        add_layer_rows(writer, network, i);
}

enum status index_records_of(const struct network *network, struct index_record **records, size_t *count)
{
    struct index_writer counting = {NULL, 0};
    add_all_rows(&counting, network);
    enum status status = memory_allocate(records, counting.count, sizeof **records, "the parameter index");
    if (status != STATUS_OK)
        return status;
    struct index_writer writing = {*records, 0};
    add_all_rows(&writing, network);
    *count = writing.count;
    return STATUS_OK;
}
