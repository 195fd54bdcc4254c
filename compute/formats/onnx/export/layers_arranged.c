/* Layers that join, flatten and reorder, and the dense layer, which wants its input flat. */
#include "compute/formats/onnx/export/onnx_export.h"

#include "compute/base/memory.h"

/* (C, K) to (K, C). */
void onnx_export_dense(struct onnx_export *e)
{
    size_t c = (size_t)onnx_export_input_shape(e).c, k = (size_t)e->layer->shape.c;
    char input[ONNX_NAME_BYTES], weight[ONNX_NAME_BYTES], bias[ONNX_NAME_BYTES];
    const int64_t dims[] = {(int64_t)k, (int64_t)c}, outputs = (int64_t)k;
    const float *from = onnx_export_parameters(e);
    bool biased =
        e->layer->options.bias || e->writer->set == ONNX_SET_ATTRIBUTES; /* which has no Gemm without */
    float *to;
    enum status status = memory_allocate(&to, (c + 1) * k, sizeof *to, e->layer->name); /* zeros at the end */
    if (status != STATUS_OK) {
        onnx_export_fail(e, status);
        return;
    }
    for (size_t i = 0; i < c; i++)
        for (size_t j = 0; j < k; j++)
            to[j * c + i] = from[i * k + j];
    onnx_export_input(e, 0, true, input);
    onnx_export_weights(e, "weight", 2, dims, to, weight);
    if (biased)
        onnx_export_weights(e, "bias", 1, &outputs,
                            e->layer->options.bias ? from + e->layer->weight_count : to + c * k, bias);
    memory_free(&to);
    const char *inputs[] = {input, weight, biased ? bias : NULL, NULL};
    Onnx__NodeProto *node = onnx_write_node(e->writer, "Gemm", inputs, e->output);
    onnx_write_int(e->writer, node, "transB", 1);
    e->vector[e->index] = true;
}

/* Inputs that are treated alike become images unless all are vectors. */
static bool all_vectors(const struct onnx_export *e)
{
    bool all = true;
    for (int32_t k = 0; k < e->layer->input_count; k++)
        all = all && e->vector[e->layer->inputs[k]];
    return all;
}

void onnx_export_joined(struct onnx_export *e)
{
    bool join = e->layer->kind == LAYER_CONCAT, vector = all_vectors(e);
    const char *operator_name = join ? "Concat" : e->layer->kind == LAYER_ADD ? "Add" : "Mul";
    size_t count = (size_t)e->layer->input_count;
    char(*names)[ONNX_NAME_BYTES] = NULL;
    const char **inputs = NULL;
    enum status status = memory_allocate(&names, count, sizeof *names, "names");
    if (status == STATUS_OK)
        status = memory_allocate(&inputs, count + 1, sizeof(char *), "names");
    for (size_t k = 0; status == STATUS_OK && k < count; k++) {
        onnx_export_input(e, (int32_t)k, vector, names[k]);
        inputs[k] = names[k];
    }
    if (status == STATUS_OK) {
        Onnx__NodeProto *node = onnx_write_node(e->writer, operator_name, inputs, e->output);
        if (join)
            onnx_write_int(e->writer, node, "axis", 1);
    } else {
        onnx_export_fail(e, status);
    }
    memory_free(&inputs);
    memory_free(&names);
    e->vector[e->index] = vector;
}

/* Memory order is (H, W, C). */
void onnx_export_flattened(struct onnx_export *e)
{
    struct shape in = onnx_export_input_shape(e);
    char input[ONNX_NAME_BYTES], ordered[ONNX_NAME_BYTES];
    e->vector[e->index] = true;
    if (e->vector[e->layer->inputs[0]]) {
        onnx_export_input(e, 0, true, input);
        onnx_export_unary(e, "Identity", input, e->output);
        return;
    }
    onnx_export_input(e, 0, false, input);
    if (in.c == 1 || (in.h == 1 && in.w == 1)) {
        onnx_write_flatten(e->writer, input, e->output);
        return;
    }
    onnx_export_own_name(e, "ordered", ordered);
    Onnx__NodeProto *node = onnx_export_unary(e, "Transpose", input, ordered);
    onnx_write_ints(e->writer, node, "perm", 4, (const int64_t[]){0, 2, 3, 1});
    onnx_write_flatten(e->writer, ordered, e->output);
}

void onnx_export_shuffle(struct onnx_export *e)
{
    struct shape s = e->layer->shape;
    const int64_t groups = e->layer->options.groups;
    const int64_t split[] = {0, groups, s.c / groups, s.h, s.w}, joined[] = {0, s.c, s.h, s.w};
    bool vector = e->vector[e->layer->inputs[0]];
    char input[ONNX_NAME_BYTES], before[ONNX_NAME_BYTES], after[ONNX_NAME_BYTES];
    onnx_export_input(e, 0, vector, input);
    onnx_export_own_name(e, "groups", before);
    onnx_export_own_name(e, "members", after);
    onnx_export_reshape(e, "split", input, vector ? 3 : 5, split, before);
    Onnx__NodeProto *node = onnx_export_unary(e, "Transpose", before, after);
    onnx_write_ints(e->writer, node, "perm", vector ? 3 : 5, (const int64_t[]){0, 2, 1, 3, 4});
    onnx_export_reshape(e, "joined", after, vector ? 2 : 4, joined, e->output);
    e->vector[e->index] = vector;
}
