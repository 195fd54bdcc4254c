/* One graph in the words of each operator set: what were attributes once are inputs later. */
#include "onnx_test.h"

#include <stdio.h>

enum { H = 4, W = 3, C = 6, SETS_FIRST = 9, SETS_LAST = 17 };

/* What a set has as input `input` from operator set `since` on, and as attribute `name` before. */
struct list {
    int64_t since;
    const char *name;
    size_t count;
    int64_t numbers[8];
};

/* A node of that many lists, besides its first input. */
static Onnx__NodeProto *node_of_lists(struct graph *graph, int64_t opset, const char *operator_name,
                                      const char *input, const char *output, const struct list *lists,
                                      size_t count)
{
    const char *inputs[8] = {input};
    char names[4][32];
    size_t given = 1;
    for (size_t i = 0; i < count; i++)
        if (opset >= lists[i].since) {
            snprintf(names[i], sizeof names[i], "%s:%s", output, lists[i].name);
            integers(graph, names[i], lists[i].count, lists[i].numbers);
            inputs[given++] = names[i];
        }
    Onnx__NodeProto *made = node(graph, operator_name, inputs, output);
    for (size_t i = 0; i < count; i++)
        if (opset < lists[i].since)
            set_ints(graph, made, lists[i].name, lists[i].count, lists[i].numbers);
    return made;
}

static void add_clip(struct graph *graph, int64_t opset)
{
    const float low = -0.5F, high = 0.75F;
    if (opset >= 11) {
        onnx_write_floats(&graph->writer, "low", 0, NULL, &low);
        onnx_write_floats(&graph->writer, "high", 0, NULL, &high);
        node(graph, "Clip", LIST("image", "low", "high"), "clip");
        return;
    }
    Onnx__NodeProto *made = node(graph, "Clip", LIST("image"), "clip");
    set_float(graph, made, "min", low);
    set_float(graph, made, "max", high);
}

static void add_output(Onnx__NodeProto *made, const char *name)
{
    char **outputs = realloc(made->output, (made->n_output + 1) * sizeof *outputs);
    assert_non_null(outputs);
    made->output = outputs;
    made->output[made->n_output++] = strdup(name);
}

/* Clip, cut rows 1 and 2, a row of zeros above, channels 4 and 5 before 0 to 3, the mean of each channel, and
 * softmax over them. */
static struct graph graph_of_set(int64_t opset)
{
    struct graph graph = graph_begin(H, W, C);
    graph_opset(&graph, opset);
    add_clip(&graph, opset);
    const struct list cut[] = {{10, "starts", 1, {1}}, {10, "ends", 1, {3}}, {10, "axes", 1, {2}}};
    node_of_lists(&graph, opset, "Slice", "clip", "cut", cut, 3);
    const struct list pads[] = {{11, "pads", 8, {0, 0, 1, 0, 0, 0, 0, 0}}};
    node_of_lists(&graph, opset, "Pad", "cut", "padded", pads, 1);
    const struct list sizes[] = {{13, "split", 2, {4, 2}}};
    Onnx__NodeProto *split = node_of_lists(&graph, opset, "Split", "padded", "first", sizes, 1);
    add_output(split, "second");
    set_int(&graph, split, "axis", 1);
    set_int(&graph, node(&graph, "Concat", LIST("second", "first"), "joined"), "axis", 1);
    Onnx__NodeProto *mean = node(&graph, "ReduceMean", LIST("joined"), "mean"); /* an input since 18 */
    set_ints(&graph, mean, "axes", 2, INTS(2, 3));
    set_int(&graph, mean, "keepdims", 0);
    const struct list axes[] = {{13, "axes", 2, {2, 3}}};
    node_of_lists(&graph, opset, "Unsqueeze", "mean", "image2", axes, 1);
    node_of_lists(&graph, opset, "Squeeze", "image2", "vector", axes, 1);
    if (opset >= 12) {
        const float ratio = 0.5F;
        onnx_write_floats(&graph.writer, "ratio", 0, NULL, &ratio);
        node(&graph, "Dropout", LIST("vector", "ratio"), "kept");
    } else {
        set_float(&graph, node(&graph, "Dropout", LIST("vector"), "kept"), "ratio", 0.5F);
    }
    Onnx__NodeProto *softmax = node(&graph, "Softmax", LIST("kept"), "y");
    if (opset != 9 && opset != 13) /* 1 of two dimensions is the default in any set */
        set_int(&graph, softmax, "axis", 1);
    return graph;
}

static void expected_outputs(const float *images, double expected[IMAGES * C])
{
    const struct shape shape = {H, W, C};
    for (int32_t n = 0; n < IMAGES; n++) {
        double powers[C], sum = 0;
        for (int32_t k = 0; k < C; k++) {
            double mean = 0;
            for (int32_t i = 0; i < 2 * W; i++)
                mean += fmin(fmax(images[at_nhwc(shape, n, (k + 4) % C, 1 + i / W, i % W)], -0.5), 0.75);
            powers[k] = exp(mean / (3 * W)); /* with the row of zeros */
            sum += powers[k];
        }
        for (int32_t k = 0; k < C; k++)
            expected[n * C + k] = powers[k] / sum;
    }
}

static void test_every_operator_set(void **state)
{
    (void)state;
    for (int64_t opset = SETS_FIRST; opset <= SETS_LAST; opset++) {
        char what[32];
        double expected[IMAGES * C];
        struct graph graph = graph_of_set(opset);
        struct network *network = graph_import(&graph);
        float *images = random_images(graph.image, 5), *y = network_outputs(network, images);
        expected_outputs(images, expected);
        snprintf(what, sizeof what, "operator set %d", (int)opset);
        assert_close(what, IMAGES * C, y, expected);
        assert_int_equal(network->layers[network->layer_count - 1].kind, LAYER_SOFTMAX);
        assert_int_equal(network->class_count, C);
        free(images);
        free(y);
        network_destroy(&network);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_operator_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
