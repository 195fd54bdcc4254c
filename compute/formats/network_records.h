/* The tables of a network group: its layers, and where each parameter lies. For network_graph.h and those
 * who store networks. */
#ifndef FACET_COMPUTE_FORMATS_NETWORK_RECORDS_H
#define FACET_COMPUTE_FORMATS_NETWORK_RECORDS_H

#include <hdf5.h>

#include "compute/network/network.h"

enum { KIND_BYTES = 24, ROLE_BYTES = 12, INDEX_EXTENTS = 4 };

/* A row of "layers". */
struct layer_record {
    char kind[KIND_BYTES];
    char name[LAYER_NAME_BYTES];
    int32_t h, w, c;                  /* of the output */
    int32_t first_input, input_count; /* entries of "inputs" */
    int32_t out_c, kernel_h, kernel_w, stride_h, stride_w;
    int32_t pad_top, pad_left, pad_bottom, pad_right;
    int32_t dilation_h, dilation_w, groups;
    int32_t from_h, from_w, from_c, step_h, step_w, out_h, out_w;
    float epsilon, momentum;
    float low, high, slope, offset;
    int32_t size;
    float alpha, beta, constant;
    uint8_t bias, ceil_mode, count_padding; /* 0 or 1 */
    int64_t parameter_count, statistic_count;
};

/* A row of "parameter_index": a tensor in "parameters" (weight, bias, gamma, beta) or "statistics" (mean,
 * variance). */
struct index_record {
    int32_t layer;
    char role[ROLE_BYTES];
    int64_t offset;                 /* in elements */
    int32_t rank;                   /* of the extents, how many count */
    int64_t extents[INDEX_EXTENTS]; /* the others are 1 */
};

/* Memory types; the caller closes them. */
enum status layer_record_type(hid_t *type);
enum status index_record_type(hid_t *type);

/* The row of layer `layer`, whose inputs begin at entry first_input. Unused bytes are 0. */
struct layer_record layer_record_of(const struct network *network, int32_t layer, int32_t first_input);

/* The options in a row. */
struct layer_options layer_record_options(const struct layer_record *record);

/* The whole parameter index of a network, for memory_free. */
enum status index_records_of(const struct network *network, struct index_record **records, size_t *count);

#endif
