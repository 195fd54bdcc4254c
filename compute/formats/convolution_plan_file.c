#include "compute/formats/convolution_plan_file.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"

enum { PLAN_VERSION = 1, PLAN_ENTRIES_MAX = 65536, PLAN_BYTES_MAX = 1 << 26, SIDE_MAX = 65535 };

#define PLAN_KIND "convolution plan"

/* The members of a convolution in the file, in the order they are written. Depths of a network go beyond
 * SIDE_MAX nowhere. */
static const struct member {
    const char *name;
    size_t offset;
    int32_t least;
} members[] = {{"in_h", offsetof(struct convolution, in_h), 1},
               {"in_w", offsetof(struct convolution, in_w), 1},
               {"in_c", offsetof(struct convolution, in_c), 1},
               {"out_c", offsetof(struct convolution, out_c), 1},
               {"kernel_h", offsetof(struct convolution, kernel_h), 1},
               {"kernel_w", offsetof(struct convolution, kernel_w), 1},
               {"stride_h", offsetof(struct convolution, stride_h), 1},
               {"stride_w", offsetof(struct convolution, stride_w), 1},
               {"pad_top", offsetof(struct convolution, pad_top), 0},
               {"pad_left", offsetof(struct convolution, pad_left), 0},
               {"pad_bottom", offsetof(struct convolution, pad_bottom), 0},
               {"pad_right", offsetof(struct convolution, pad_right), 0},
               {"dilation_h", offsetof(struct convolution, dilation_h), 1},
               {"dilation_w", offsetof(struct convolution, dilation_w), 1},
               {"groups", offsetof(struct convolution, groups), 1}};

enum { MEMBER_COUNT = sizeof members / sizeof *members };

static const char *const steps[CONVOLUTION_STEP_COUNT] = {
    [CONVOLUTION_FORWARD] = "forward", [CONVOLUTION_WEIGHTS] = "weights", [CONVOLUTION_DATA] = "data"};

/* --- writing --- */

static int32_t member_get(const struct convolution *conv, const struct member *member)
{
    int32_t value;
    memcpy(&value, (const char *)conv + member->offset, sizeof value);
    return value;
}

static json_t *entry_to_json(const struct convolution_plan_entry *entry)
{
    json_t *object = json_object();
    for (int i = 0; i < MEMBER_COUNT; i++)
        json_object_set_new(object, members[i].name, json_integer(member_get(&entry->conv, &members[i])));
    for (int step = 0; step < CONVOLUTION_STEP_COUNT; step++)
        json_object_set_new(object, steps[step], json_string(convolution_way_name(entry->ways[step])));
    return object;
}

static enum status write_json(void *context, FILE *file)
{
    bool encoded = json_dumpf(context, file, JSON_INDENT(2) | JSON_PRESERVE_ORDER) == 0;
    return encoded || ferror(file) != 0 ? STATUS_OK : error_set(STATUS_NO_MEMORY, "no memory to encode JSON");
}

enum status convolution_plan_file_write(const char *path, const char *processor,
                                        const struct convolution_plan_entry *entries, size_t count)
{
    enum status status = output_file_check(path);
    if (status != STATUS_OK)
        return status;
    json_t *shapes = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(shapes, entry_to_json(&entries[i]));
    json_t *plan = json_pack("{s:s, s:i, s:s, s:o}", "facet.kind", PLAN_KIND, "facet.version", PLAN_VERSION,
                             "processor", processor, "shapes", shapes);
    status = plan == NULL ? error_set(STATUS_NO_MEMORY, "%s: no memory to encode it", path)
                          : output_file_write(path, write_json, plan);
    json_decref(plan);
    return status;
}

/* --- reading --- */

static enum status refuse(const char *path, size_t index, const char *name, const char *expected)
{
    return error_set(STATUS_FORMAT, "%s: shape %zu: \"%s\" is missing or wrong; expected %s", path, index,
                     name, expected);
}

/* The size of the output along one side; 0 when the kernel does not fit. */
static int32_t output_side(int32_t in, int32_t pad, int32_t kernel, int32_t dilation, int32_t stride)
{
    int64_t room = (int64_t)in + pad - (int64_t)dilation * (kernel - 1) - 1;
    return room < 0 ? 0 : (int32_t)(room / stride + 1);
}

static enum status shape_from_json(const char *path, size_t index, const json_t *object,
                                   struct convolution *conv)
{
    for (int i = 0; i < MEMBER_COUNT; i++) {
        const json_t *value = json_object_get(object, members[i].name);
        json_int_t number = json_integer_value(value);
        if (!json_is_integer(value) || number < members[i].least || number > SIDE_MAX)
            return refuse(path, index, members[i].name, "a whole number of 16 bits");
        int32_t narrow = (int32_t)number;
        memcpy((char *)conv + members[i].offset, &narrow, sizeof narrow);
    }
    conv->out_h = output_side(conv->in_h, conv->pad_top + conv->pad_bottom, conv->kernel_h, conv->dilation_h,
                              conv->stride_h);
    conv->out_w = output_side(conv->in_w, conv->pad_left + conv->pad_right, conv->kernel_w, conv->dilation_w,
                              conv->stride_w);
    if (conv->out_h < 1 || conv->out_w < 1)
        return refuse(path, index, "kernel_h", "a kernel within its padded image");
    if (conv->in_c % conv->groups != 0 || conv->out_c % conv->groups != 0)
        return refuse(path, index, "groups", "a divisor of in_c and out_c");
    return STATUS_OK;
}

static enum status entry_from_json(const char *path, size_t index, const json_t *object,
                                   struct convolution_plan_entry *entry)
{
    enum status status = shape_from_json(path, index, object, &entry->conv);
    for (int step = 0; step < CONVOLUTION_STEP_COUNT && status == STATUS_OK; step++) {
        const char *name = json_string_value(json_object_get(object, steps[step]));
        enum convolution_way way = name == NULL ? CONVOLUTION_WAY_COUNT : convolution_way_named(name);
        if (way == CONVOLUTION_WAY_COUNT ||
            (way != CONVOLUTION_AUTO && !convolution_way_applies(way, &entry->conv)))
            status =
                refuse(path, index, steps[step],
                       "auto, im2col, direct, winograd2 or winograd4, as far as it can compute the shape");
        else
            entry->ways[step] = way;
    }
    return status;
}

static enum status plan_from_json(const char *path, const json_t *json, struct convolution_plan_file *plan)
{
    const char *kind = json_string_value(json_object_get(json, "facet.kind"));
    const json_t *version = json_object_get(json, "facet.version");
    const json_t *shapes = json_object_get(json, "shapes");
    if (kind == NULL || strcmp(kind, PLAN_KIND) != 0)
        return error_set(STATUS_FORMAT,
                         "%s: not a convolution plan, which has \"facet.kind\": \"%s\"; make one "
                         "with facet bench --tune",
                         path, PLAN_KIND);
    if (json_integer_value(version) != PLAN_VERSION)
        return error_set(STATUS_FORMAT, "%s: a convolution plan of version %lld; expected %d", path,
                         (long long)json_integer_value(version), PLAN_VERSION);
    if (!json_is_array(shapes) || json_array_size(shapes) > PLAN_ENTRIES_MAX)
        return error_set(STATUS_FORMAT, "%s: \"shapes\" is no array of at most %d shapes", path,
                         PLAN_ENTRIES_MAX);
    size_t count = json_array_size(shapes);
    enum status status = memory_allocate(&plan->entries, count, sizeof *plan->entries, "convolution plan");
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        status = entry_from_json(path, i, json_array_get(shapes, i), &plan->entries[i]);
    if (status == STATUS_OK)
        plan->count = count;
    return status;
}

static enum status check_size(const char *path)
{
    FILE *file = fopen(path, "rb");
    long bytes = -1;
    if (file != NULL && fseek(file, 0, SEEK_END) == 0)
        bytes = ftell(file);
    if (file != NULL)
        fclose(file);
    if (bytes < 0)
        return error_set(STATUS_IO, "%s: cannot be read; make a plan with facet bench --tune", path);
    if (bytes > PLAN_BYTES_MAX)
        return error_set(STATUS_FORMAT, "%s: %ld bytes; a convolution plan has at most %d", path, bytes,
                         PLAN_BYTES_MAX);
    return STATUS_OK;
}

enum status convolution_plan_file_read(const char *path, struct convolution_plan_file *plan)
{
    json_error_t problem;
    *plan = (struct convolution_plan_file){0};
    enum status status = check_size(path);
    if (status != STATUS_OK)
        return status;
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &problem);
    if (json == NULL)
        return error_set(STATUS_FORMAT,
                         "%s: line %d: %s; expected a convolution plan, as facet bench --tune "
                         "writes it",
                         path, problem.line, problem.text);
    status = plan_from_json(path, json, plan);
    json_decref(json);
    if (status == STATUS_OK) {
        struct digest_state state;
        digest_begin(&state);
        digest_add(&state, plan->entries, plan->count * sizeof *plan->entries);
        digest_end(&state, plan->digest);
    }
    return status;
}

void convolution_plan_file_clear(struct convolution_plan_file *plan)
{
    memory_free(&plan->entries);
    plan->count = 0;
}
