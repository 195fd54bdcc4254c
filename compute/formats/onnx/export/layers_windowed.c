/* Layers that look at an image through windows. */
#include "compute/formats/onnx/export/onnx_export.h"

#include "compute/base/memory.h"

static void write_window_attributes(struct onnx_export *e, Onnx__NodeProto *node)
{
    const struct layer_options *o = &e->layer->options;
    onnx_write_ints(e->writer, node, "kernel_shape", 2, (const int64_t[]){o->kernel_h, o->kernel_w});
    onnx_write_ints(e->writer, node, "strides", 2, (const int64_t[]){o->stride_h, o->stride_w});
    onnx_write_ints(e->writer, node, "pads", 4,
                    (const int64_t[]){o->pad_top, o->pad_left, o->pad_bottom, o->pad_right});
}

/* (R, S, C/G, K) to (K, C/G, R, S). */
static void write_convolution_weights(struct onnx_export *e, char name[ONNX_NAME_BYTES])
{
    const struct layer_options *o = &e->layer->options;
    size_t taps = (size_t)o->kernel_h * (size_t)o->kernel_w, k_count = (size_t)o->out_c;
    size_t c_count = (size_t)(onnx_export_input_shape(e).c / o->groups);
    const float *from = onnx_export_parameters(e);
    float *to;
    enum status status = memory_allocate(&to, e->layer->weight_count, sizeof *to, e->layer->name);
    if (status != STATUS_OK) {
        onnx_export_fail(e, status);
        return;
    }
    for (size_t k = 0; k < k_count; k++)
        for (size_t c = 0; c < c_count; c++)
            for (size_t tap = 0; tap < taps; tap++)
                to[(k * c_count + c) * taps + tap] = from[(tap * c_count + c) * k_count + k];
    const int64_t dims[] = {o->out_c, (int64_t)c_count, o->kernel_h, o->kernel_w};
    onnx_export_weights(e, "weight", 4, dims, to, name);
    memory_free(&to);
}

void onnx_export_convolution(struct onnx_export *e)
{
    const struct layer_options *o = &e->layer->options;
    char input[ONNX_NAME_BYTES], weight[ONNX_NAME_BYTES], bias[ONNX_NAME_BYTES];
    const int64_t channels = o->out_c;
    onnx_export_input(e, 0, false, input);
    write_convolution_weights(e, weight);
    if (o->bias)
        onnx_export_weights(e, "bias", 1, &channels, onnx_export_parameters(e) + e->layer->weight_count,
                            bias);
    const char *inputs[] = {input, weight, o->bias ? bias : NULL, NULL};
    Onnx__NodeProto *node = onnx_write_node(e->writer, "Conv", inputs, e->output);
    write_window_attributes(e, node);
    onnx_write_ints(e->writer, node, "dilations", 2, (const int64_t[]){o->dilation_h, o->dilation_w});
    onnx_write_int(e->writer, node, "group", o->groups);
}

void onnx_export_pooling(struct onnx_export *e)
{
    bool average = e->layer->kind == LAYER_AVGPOOL;
    char input[ONNX_NAME_BYTES];
    onnx_export_input(e, 0, false, input);
    Onnx__NodeProto *node = onnx_export_unary(e, average ? "AveragePool" : "MaxPool", input, e->output);
    write_window_attributes(e, node);
    onnx_write_int(e->writer, node, "ceil_mode", e->layer->options.ceil_mode);
    if (average)
        onnx_write_int(e->writer, node, "count_include_pad", e->layer->options.count_padding);
}

void onnx_export_global_avgpool(struct onnx_export *e)
{
    char input[ONNX_NAME_BYTES];
    onnx_export_input(e, 0, false, input);
    onnx_export_unary(e, "GlobalAveragePool", input, e->output);
}

/* One axis of a window as a slice with padding round it. */
struct slice {
    int64_t start, end, step, before, after;
};

static struct slice slice_of(int32_t in, int32_t from, int32_t step, int32_t out)
{
    int64_t first = from < 0 ? (-(int64_t)from + step - 1) / step : 0; /* outputs before the image */
    int64_t last = ((int64_t)in - 1 - from) / step;                    /* the last inside */
    last = last > out - 1 ? out - 1 : last;
    return (struct slice){.start = first * step + from,
                          .end = last * step + from + 1,
                          .step = step,
                          .before = first,
                          .after = out - 1 - last};
}

void onnx_export_window(struct onnx_export *e)
{
    const struct layer_options *o = &e->layer->options;
    struct shape in = onnx_export_input_shape(e);
    const struct slice slices[] = {slice_of(in.c, o->from_c, 1, o->out_c),
                                   slice_of(in.h, o->from_h, o->step_h, o->out_h),
                                   slice_of(in.w, o->from_w, o->step_w, o->out_w)};
    int64_t starts[3], ends[3], steps[3], pads[8] = {0};
    const int64_t axes[] = {1, 2, 3};
    char input[ONNX_NAME_BYTES], cut[ONNX_NAME_BYTES], names[5][ONNX_NAME_BYTES];
    bool padded = false;
    for (int i = 0; i < 3; i++) {
        starts[i] = slices[i].start;
        ends[i] = slices[i].end;
        steps[i] = slices[i].step;
        pads[1 + i] = slices[i].before;
        pads[5 + i] = slices[i].after;
        padded = padded || slices[i].before > 0 || slices[i].after > 0;
    }
    onnx_export_input(e, 0, false, input);
    onnx_export_list(e, "starts", 3, starts, names[0]);
    onnx_export_list(e, "ends", 3, ends, names[1]);
    onnx_export_list(e, "axes", 3, axes, names[2]);
    onnx_export_list(e, "steps", 3, steps, names[3]);
    onnx_export_own_name(e, "cut", cut);
    onnx_write_node(e->writer, "Slice", (const char *[]){input, names[0], names[1], names[2], names[3], NULL},
                    padded ? cut : e->output);
    if (!padded)
        return;
    if (e->writer->set == ONNX_SET_ATTRIBUTES) {
        onnx_write_ints(e->writer, onnx_export_unary(e, "Pad", cut, e->output), "pads", 8, pads);
        return;
    }
    onnx_export_list(e, "pads", 8, pads, names[4]);
    onnx_write_node(e->writer, "Pad", (const char *[]){cut, names[4], NULL}, e->output);
}
