#include "modules/module_export.h"

#include <stdio.h>

#include "compute/base/memory.h"
#include "compute/formats/onnx/export/onnx_description.h"
#include "compute/formats/onnx/export/onnx_network.h"

struct module_export {
    struct onnx_writer writer;
    const struct module_set *set;
    const struct forward_plan *plan;
    bool with_scaling;
    char (*scores)[ONNX_NAME_BYTES]; /* by module: the value (N, 1) that its score is */
};

static enum onnx_set set_needed(const struct module_set *set)
{
    struct onnx_set_needs needs = {false, false};
    for (int32_t i = 0; i < set->parent_count; i++)
        onnx_set_needs_add(&needs, set->parents[i]);
    for (int32_t i = 0; i < set->module_count; i++)
        if (set->modules[i].network != NULL)
            onnx_set_needs_add(&needs, set->modules[i].network);
    return onnx_set_needed(&needs);
}

/* The networks that take images: parents and stems, then modules' own. NULL behind the last. */
static const struct network *source_network(const struct module_set *set, const struct forward_plan *plan,
                                            int32_t index)
{
    if (index < set->parent_count)
        return set->parents[index];
    index -= set->parent_count;
    return index < plan->direct_count ? set->modules[plan->network_order[index]].network : NULL;
}

static enum status check_sources(const struct module_export *e, const char *path)
{
    const struct network *first = source_network(e->set, e->plan, 0), *source;
    struct shape image = network_input_shape(first);
    if (image.c > SCALING_CHANNELS_MAX)
        return error_set(STATUS_SHAPE, "%s: images of %d channels; at most %d can be exported", path, image.c,
                         SCALING_CHANNELS_MAX);
    for (int32_t i = 1; (source = source_network(e->set, e->plan, i)) != NULL; i++) {
        struct shape shape = network_input_shape(source);
        if (!shape_equals(shape, image))
            return error_set(
                STATUS_SHAPE,
                "%s: its networks take images of %d×%d×%d and %d×%d×%d; one graph takes images of one "
                "shape: export the modules of each network by themselves",
                path, image.h, image.w, image.c, shape.h, shape.w, shape.c);
        if (!e->with_scaling && !scaling_equals(&first->scaling, &source->scaling, image.c))
            return error_set(
                STATUS_SHAPE,
                "%s: its networks scale pixels differently; export it with the scaling in the graph "
                "(--with-scaling)",
                path);
    }
    return STATUS_OK;
}

static bool keeps_all(const float *keep, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (keep[i] != 1)
            return false;
    return true;
}

/* What a map keeps, by layer of the parent: `units` holds the factors, `keep` points to those of the layers
 * that lose any. */
static void expand_map(const struct unit_layout *layout, const uint8_t *map, float *units, const float **keep)
{
    for (int32_t i = 0; i < layout->layer_count; i++) {
        size_t first = layout->unit_offset[i], count = layout->unit_offset[i + 1] - first;
        unit_map_expand(map, first, count, units + first);
        keep[layout->layers[i]] = keeps_all(units + first, count) ? NULL : units + first;
    }
}

/* The module's score as one output of (N, F) values: weights (F) and a constant. */
static void write_score(struct module_export *e, int32_t index, const char *values, size_t count,
                        const float *weights, float constant)
{
    char weight[ONNX_NAME_BYTES], bias[ONNX_NAME_BYTES];
    const int64_t dims[] = {1, (int64_t)count}, one = 1;
    snprintf(weight, sizeof weight, "module%d/weight", index);
    snprintf(bias, sizeof bias, "module%d/bias", index);
    snprintf(e->scores[index], sizeof e->scores[index], "module%d/score", index);
    onnx_write_floats(&e->writer, weight, 2, dims, weights);
    onnx_write_floats(&e->writer, bias, 1, &one, &constant);
    onnx_write_int(
        &e->writer,
        onnx_write_node(&e->writer, "Gemm", (const char *[]){values, weight, bias, NULL}, e->scores[index]),
        "transB", 1);
}

/* A map's margin: scale·((w_c − w_rest)·x + b_c − b_rest) + offset. */
static void write_head(struct module_export *e, int32_t index, const char *features)
{
    const struct module *module = &e->set->modules[index];
    size_t count = (size_t)e->plan->parents[module->parent].features;
    float *margin;
    enum status status = memory_allocate(&margin, count, sizeof *margin, "a module's head");
    if (status != STATUS_OK) {
        e->writer.status = e->writer.status == STATUS_OK ? status : e->writer.status;
        return;
    }
    for (size_t i = 0; i < count; i++)
        margin[i] = module->scale * (module->head_weights[2 * i] - module->head_weights[2 * i + 1]);
    write_score(e, index, features, count, margin,
                module->scale * (module->head_bias[0] - module->head_bias[1]) + module->offset);
    memory_free(&margin);
}

/* `value`, what a part of a network gave, as (N, C), under the name `flat` when it is not yet. */
static const char *as_vector(struct module_export *e, const char *value, bool vector, const char *flat)
{
    if (vector)
        return value;
    onnx_write_flatten(&e->writer, value, flat);
    return flat;
}

/* A network, or the part of it that `part` says, its units masked by a map over `layout` (NULL: not). */
static enum status write_masked(struct module_export *e, struct onnx_part_of_network *part,
                                const struct unit_layout *layout, const uint8_t *map,
                                char output[ONNX_NAME_BYTES], bool *vector)
{
    float *units = NULL;
    const float **keep = NULL;
    size_t unit_count = layout == NULL ? 0 : layout->unit_count;
    enum status status = memory_allocate(&units, unit_count, sizeof *units, "a module's map");
    if (status == STATUS_OK)
        status =
            memory_allocate(&keep, (size_t)part->network->layer_count, sizeof(float *), "a module's map");
    if (status == STATUS_OK) {
        if (layout != NULL)
            expand_map(layout, map, units, keep);
        part->keep = keep;
        onnx_write_network(&e->writer, part, output, vector);
        part->keep = NULL;
    }
    memory_free(&units);
    memory_free(&keep);
    return status;
}

/* One masked pass of a parent, and the heads that read its features. */
static enum status write_forward(struct module_export *e, int32_t parent, int32_t index, const char *input)
{
    const struct parent_plan *plan = &e->plan->parents[parent];
    const struct forward *forward = &e->plan->forwards[index];
    const uint8_t *map = e->set->modules[e->plan->module_order[forward->first]].map;
    char prefix[32], weights[32], features[ONNX_NAME_BYTES], flat[32];
    bool vector = false;
    snprintf(prefix, sizeof prefix, "pass%d/", index);
    snprintf(weights, sizeof weights, "network%d/", parent);
    snprintf(flat, sizeof flat, "pass%d/features", index);
    struct onnx_part_of_network part = {.network = e->set->parents[parent],
                                        .input = input,
                                        .name_prefix = prefix,
                                        .weights_prefix = weights,
                                        .weights_written = index > plan->first_forward,
                                        .last_layer = plan->features_layer};
    enum status status = write_masked(e, &part, plan->layout, map, features, &vector);
    if (status != STATUS_OK)
        return status;
    const char *values = as_vector(e, features, vector, flat);
    for (int32_t i = 0; i < forward->count; i++)
        write_head(e, e->plan->module_order[forward->first + i], values);
    return STATUS_OK;
}

/* The network of entry `order` of the plan, from the value that it takes. */
static enum status write_own(struct module_export *e, int32_t order, const char *input)
{
    int32_t index = e->plan->network_order[order];
    const struct module *module = &e->set->modules[index];
    char prefix[32], margin[ONNX_NAME_BYTES], flat[32];
    struct unit_layout *layout = NULL;
    bool vector = false;
    snprintf(prefix, sizeof prefix, "module%d/", index);
    snprintf(flat, sizeof flat, "module%d/margin", index);
    struct onnx_part_of_network part = {.network = module->network,
                                        .input = input,
                                        .name_prefix = prefix,
                                        .weights_prefix = prefix,
                                        .last_layer = module->network->layer_count - 1};
    enum status status = module->map == NULL ? STATUS_OK : unit_layout_create(module->network, &layout);
    if (status == STATUS_OK)
        status = write_masked(e, &part, layout, module->map, margin, &vector);
    if (status == STATUS_OK)
        write_score(e, index, as_vector(e, margin, vector, flat), 1, &module->scale, module->offset);
    unit_layout_destroy(&layout);
    return status;
}

/* The parent as a stem, and the networks that stand on it. */
static enum status write_stem(struct module_export *e, int32_t parent, const char *input)
{
    const struct parent_plan *plan = &e->plan->parents[parent];
    const struct network *network = e->set->parents[parent];
    struct shape shape = network->layers[network->layer_count - 1].shape;
    const int64_t dims[] = {0, shape.c, 1, 1}; /* 0: as it is */
    char prefix[32], given[ONNX_NAME_BYTES], image[ONNX_NAME_BYTES], sizes[32];
    bool vector = false;
    snprintf(prefix, sizeof prefix, "stem%d/", parent);
    const struct onnx_part_of_network part = {.network = network,
                                              .input = input,
                                              .name_prefix = prefix,
                                              .weights_prefix = prefix,
                                              .last_layer = network->layer_count - 1};
    onnx_write_network(&e->writer, &part, given, &vector);
    snprintf(image, sizeof image, "%s", given);
    if (vector) { /* networks take (N, C, H, W) */
        snprintf(image, sizeof image, "stem%d/image", parent);
        snprintf(sizes, sizeof sizes, "stem%d/dims", parent);
        onnx_write_integers(&e->writer, sizes, 4, dims);
        onnx_write_node(&e->writer, "Reshape", (const char *[]){given, sizes, NULL}, image);
    }
    enum status status = STATUS_OK;
    for (int32_t i = 0; i < plan->network_count && status == STATUS_OK; i++)
        status = write_own(e, plan->first_network + i, image);
    return status;
}

/* All that source `index` computes. */
static enum status write_source(struct module_export *e, int32_t index)
{
    const struct network *network = source_network(e->set, e->plan, index);
    enum status status = STATUS_OK;
    char input[32] = "image";
    if (e->with_scaling) {
        snprintf(input, sizeof input, "network%d/scaled", index);
        onnx_write_scaling(&e->writer, &network->scaling, network_input_shape(network).c, "image", input);
    }
    if (index >= e->set->parent_count)
        return write_own(e, index - e->set->parent_count, input);
    const struct parent_plan *plan = &e->plan->parents[index];
    for (int32_t i = 0; i < plan->forward_count && status == STATUS_OK; i++)
        status = write_forward(e, index, plan->first_forward + i, input);
    return status == STATUS_OK && plan->network_count > 0 ? write_stem(e, index, input) : status;
}

/* The scores side by side, in label order. */
static enum status join_scores(struct module_export *e)
{
    size_t count = (size_t)e->set->module_count;
    const char **inputs;
    enum status status = memory_allocate(&inputs, count + 1, sizeof(char *), "scores");
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        inputs[i] = e->scores[i];
    Onnx__NodeProto *node = onnx_write_node(&e->writer, count == 1 ? "Identity" : "Concat", inputs, "scores");
    if (count > 1)
        onnx_write_int(&e->writer, node, "axis", 1);
    memory_free(&inputs);
    return STATUS_OK;
}

static enum status export_modules(const struct classifier *classifier, bool with_scaling, const char *path)
{
    const struct module_set *set = classifier->modules;
    struct module_export e = {.set = set, .plan = classifier->plan, .with_scaling = with_scaling};
    const struct network *first = source_network(set, classifier->plan, 0);
    struct shape image = network_input_shape(first);
    const int64_t dims[] = {0, set->module_count};
    enum status status = check_sources(&e, path);
    if (status == STATUS_OK)
        status = memory_allocate(&e.scores, (size_t)set->module_count, sizeof *e.scores, "scores");
    if (status != STATUS_OK)
        return status;
    onnx_writer_begin(&e.writer, classifier->kind, image, "scores", 2, dims);
    onnx_writer_choose_set(&e.writer, set_needed(set));
    for (int32_t i = 0; status == STATUS_OK && source_network(set, e.plan, i) != NULL; i++)
        status = write_source(&e, i);
    if (status == STATUS_OK)
        status = join_scores(&e);
    onnx_write_description(&e.writer, (const class_name *)classifier->labels, classifier->label_count,
                           with_scaling ? NULL : &first->scaling, image.c);
    if (status == STATUS_OK)
        status = onnx_writer_save(&e.writer, path);
    onnx_writer_clear(&e.writer);
    memory_free(&e.scores);
    return status;
}

enum status classifier_export(const struct classifier *classifier, bool with_scaling, const char *path)
{
    return classifier->network != NULL ? onnx_export_network(classifier->network, with_scaling, path)
                                       : export_modules(classifier, with_scaling, path);
}
