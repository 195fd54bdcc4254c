#include "modules/module_export.h"

#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/formats/onnx/onnx_network.h"

struct module_export {
    struct onnx_writer writer;
    const struct module_set *set;
    const struct forward_plan *plan;
    bool with_scaling;
    char (*scores)[ONNX_NAME_BYTES]; /* by module: the value (N, 1) that its score is */
};

static bool same_scaling(const struct scaling *a, const struct scaling *b, int32_t channels)
{
    size_t bytes = (size_t)channels * sizeof(float);
    return a->scale == b->scale && memcmp(a->mean, b->mean, bytes) == 0 && memcmp(a->std, b->std, bytes) == 0;
}

static enum status check_parents(const struct module_set *set, bool with_scaling, const char *path)
{
    struct shape first = network_input_shape(set->parents[0]);
    if (first.c > SCALING_CHANNELS_MAX)
        return error_set(STATUS_SHAPE, "%s: images of %d channels; at most %d can be exported", path, first.c,
                         SCALING_CHANNELS_MAX);
    for (int32_t p = 1; p < set->parent_count; p++) {
        struct shape shape = network_input_shape(set->parents[p]);
        if (shape.h != first.h || shape.w != first.w || shape.c != first.c)
            return error_set(
                STATUS_SHAPE,
                "%s: its networks take images of %d×%d×%d and %d×%d×%d; one graph takes images of one "
                "shape: export the modules of each network by themselves",
                path, first.h, first.w, first.c, shape.h, shape.w, shape.c);
        if (!with_scaling && !same_scaling(&set->parents[0]->scaling, &set->parents[p]->scaling, first.c))
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

/* The module's margin as one output: scale·((w_c − w_rest)·x + b_c − b_rest) + offset. */
static void write_head(struct module_export *e, int32_t index, const char *features)
{
    const struct module *module = &e->set->modules[index];
    size_t count = (size_t)e->plan->parents[module->parent].features;
    char weight[ONNX_NAME_BYTES], bias[ONNX_NAME_BYTES];
    const int64_t dims[] = {1, (int64_t)count}, one = 1;
    float *margin;
    enum status status = memory_allocate(&margin, count, sizeof *margin, "a module's head");
    if (status != STATUS_OK) {
        e->writer.status = e->writer.status == STATUS_OK ? status : e->writer.status;
        return;
    }
    for (size_t i = 0; i < count; i++)
        margin[i] = module->scale * (module->head_weights[2 * i] - module->head_weights[2 * i + 1]);
    float constant = module->scale * (module->head_bias[0] - module->head_bias[1]) + module->offset;
    snprintf(weight, sizeof weight, "module%d/weight", index);
    snprintf(bias, sizeof bias, "module%d/bias", index);
    snprintf(e->scores[index], sizeof e->scores[index], "module%d/score", index);
    onnx_write_floats(&e->writer, weight, 2, dims, margin);
    onnx_write_floats(&e->writer, bias, 1, &one, &constant);
    onnx_write_int(
        &e->writer,
        onnx_write_node(&e->writer, "Gemm", (const char *[]){features, weight, bias, NULL}, e->scores[index]),
        "transB", 1);
    memory_free(&margin);
}

/* One masked pass of a parent, and the heads that read its features. */
static enum status write_forward(struct module_export *e, int32_t parent, int32_t index, const char *input)
{
    const struct parent_plan *plan = &e->plan->parents[parent];
    const struct forward *forward = &e->plan->forwards[index];
    const struct network *network = e->set->parents[parent];
    const uint8_t *map = e->set->modules[e->plan->module_order[forward->first]].map;
    char prefix[32], weights[32], features[ONNX_NAME_BYTES], flat[ONNX_NAME_BYTES];
    float *units = NULL;
    const float **keep = NULL;
    bool vector = false;
    enum status status = memory_allocate(&units, plan->layout->unit_count, sizeof *units, "a module's map");
    if (status == STATUS_OK)
        status = memory_allocate(&keep, (size_t)network->layer_count, sizeof(float *), "a module's map");
    if (status == STATUS_OK) {
        expand_map(plan->layout, map, units, keep);
        snprintf(prefix, sizeof prefix, "pass%d/", index);
        snprintf(weights, sizeof weights, "network%d/", parent);
        const struct onnx_part_of_network part = {.network = network,
                                                  .input = input,
                                                  .name_prefix = prefix,
                                                  .weights_prefix = weights,
                                                  .weights_written = index > plan->first_forward,
                                                  .last_layer = plan->features_layer,
                                                  .keep = keep};
        onnx_write_network(&e->writer, &part, features, &vector);
        if (!vector) {
            snprintf(flat, sizeof flat, "pass%d/features", index);
            onnx_write_flatten(&e->writer, features, flat);
        }
        for (int32_t i = 0; i < forward->count; i++)
            write_head(e, e->plan->module_order[forward->first + i], vector ? features : flat);
    }
    memory_free(&units);
    memory_free(&keep);
    return status;
}

static enum status write_passes(struct module_export *e)
{
    enum status status = STATUS_OK;
    for (int32_t p = 0; p < e->plan->parent_count && status == STATUS_OK; p++) {
        const struct parent_plan *plan = &e->plan->parents[p];
        const struct network *network = e->set->parents[p];
        char input[32] = "image";
        if (e->with_scaling) {
            snprintf(input, sizeof input, "network%d/scaled", p);
            onnx_write_scaling(&e->writer, &network->scaling, network_input_shape(network).c, "image", input);
        }
        for (int32_t i = 0; i < plan->forward_count && status == STATUS_OK; i++)
            status = write_forward(e, p, plan->first_forward + i, input);
    }
    return status;
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
    struct shape image = network_input_shape(set->parents[0]);
    const int64_t dims[] = {0, set->module_count};
    enum status status = check_parents(set, with_scaling, path);
    if (status == STATUS_OK)
        status = memory_allocate(&e.scores, (size_t)set->module_count, sizeof *e.scores, "scores");
    if (status != STATUS_OK)
        return status;
    onnx_writer_begin(&e.writer, classifier->kind, image, "scores", 2, dims);
    status = write_passes(&e);
    if (status == STATUS_OK)
        status = join_scores(&e);
    onnx_write_description(&e.writer, (const class_name *)classifier->labels, classifier->label_count,
                           with_scaling ? NULL : &set->parents[0]->scaling, image.c);
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
