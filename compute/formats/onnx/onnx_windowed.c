/* Nodes that look at an image through windows: convolution, pooling, cutting and padding; and joining. */
#include <string.h>

#include "compute/base/memory.h"
#include "compute/formats/onnx/onnx_builder.h"

/* Input 0 as an image H × W × C of dimensions (N, C, H, W); *fits is false, and the node reported, when it is
 * none. */
static enum status image_input(struct onnx_builder *b, int32_t *layer, bool *fits)
{
    struct onnx_value *value = onnx_layer_input(b, 0);
    char text[ONNX_SHAPE_TEXT];
    *fits = false;
    if (value == NULL)
        return onnx_unsupported(b, "its input is no image");
    onnx_shape_print(&value->view.shape, text);
    if (value->view.shape.rank != 4)
        return onnx_unsupported(b, "its input is %s; expected four dimensions (N, C, H, W)", text);
    enum status status = onnx_as_image(b, value, fits);
    if (status != STATUS_OK)
        return status;
    *layer = value->layer;
    return *fits ? STATUS_OK : onnx_unsupported(b, "its input %s is no image (N, C, H, W) in memory", text);
}

static enum status give_image(struct onnx_builder *b, int32_t layer)
{
    const struct onnx_view view = onnx_image_view(b, layer, 4);
    onnx_set_layer(b, 0, layer, &view);
    return STATUS_OK;
}

/* Two numbers (height, width) of an attribute, all 1 when it is left out. */
static bool pair(const struct onnx_builder *b, const char *name, int32_t *h, int32_t *w)
{
    size_t count;
    const int64_t *numbers = onnx_ints(b, name, &count);
    *h = *w = 1;
    if (numbers == NULL)
        return true;
    if (count != 2 || numbers[0] < 1 || numbers[1] < 1 || numbers[0] > INT32_MAX || numbers[1] > INT32_MAX)
        return false;
    *h = (int32_t)numbers[0];
    *w = (int32_t)numbers[1];
    return true;
}

/* Padding so that the output is ⌈size/stride⌉; the odd pixel goes after the image, or before it. */
static void same_padding(int32_t size, int32_t kernel, int32_t dilation, int32_t stride, bool before,
                         int32_t *pad_before, int32_t *pad_after)
{
    int64_t out = ((int64_t)size + stride - 1) / stride;
    int64_t reach = (int64_t)(kernel - 1) * dilation + 1;
    int64_t total = (out - 1) * stride + reach - size;
    total = total < 0 ? 0 : total > INT32_MAX ? INT32_MAX : total;
    int64_t odd = total % 2;
    *pad_before = (int32_t)(total / 2 + (before ? odd : 0));
    *pad_after = (int32_t)(total / 2 + (before ? 0 : odd));
}

/* kernel_h and kernel_w are set, strides and dilations too. False when the paddings cannot be understood. */
static bool padding(const struct onnx_builder *b, struct shape in, struct layer_options *o)
{
    size_t count;
    const int64_t *pads = onnx_ints(b, "pads", &count);
    bool upper = onnx_string_is(b, "auto_pad", "SAME_UPPER", false);
    bool lower = onnx_string_is(b, "auto_pad", "SAME_LOWER", false);
    if (upper || lower) {
        same_padding(in.h, o->kernel_h, o->dilation_h, o->stride_h, lower, &o->pad_top, &o->pad_bottom);
        same_padding(in.w, o->kernel_w, o->dilation_w, o->stride_w, lower, &o->pad_left, &o->pad_right);
        return true;
    }
    if (onnx_string_is(b, "auto_pad", "VALID", false))
        return true;
    if (!onnx_string_is(b, "auto_pad", "NOTSET", true))
        return false;
    if (pads == NULL)
        return true;
    int32_t *const to[] = {&o->pad_top, &o->pad_left, &o->pad_bottom, &o->pad_right};
    for (size_t i = 0; i < count; i++) {
        if (count != 4 || pads[i] < 0 || pads[i] > INT32_MAX)
            return false;
        *to[i] = (int32_t)pads[i];
    }
    return true;
}

/* --- convolution --- */

/* (K, C/G, R, S) to (R, S, C/G, K). */
static void order_weights(const struct onnx_tensor *from, float *to)
{
    size_t k_count = (size_t)from->shape.dims[0], c_count = (size_t)from->shape.dims[1];
    size_t taps = (size_t)(from->shape.dims[2] * from->shape.dims[3]);
    for (size_t k = 0; k < k_count; k++)
        for (size_t c = 0; c < c_count; c++)
            for (size_t tap = 0; tap < taps; tap++)
                to[(tap * c_count + c) * k_count + k] = from->floats[(k * c_count + c) * taps + tap];
}

enum status onnx_import_conv(struct onnx_builder *b)
{
    const struct onnx_tensor *weights = onnx_constant_input(b, 1), *bias = onnx_constant_input(b, 2);
    struct layer_options o = {.bias = bias != NULL};
    int32_t input = -1, layer;
    bool fits;
    int64_t groups = onnx_int(b, "group", 1);
    if (weights == NULL || weights->integer || weights->shape.rank != 4)
        return onnx_unsupported(
            b, "its weights are not a constant (K, C, R, S); only 2-D convolutions are read");
    if (onnx_input(b, 2) != NULL && (bias == NULL || bias->integer))
        return onnx_unsupported(b, "its bias is not constant");
    enum status status = image_input(b, &input, &fits);
    if (status != STATUS_OK || !fits)
        return status;
    struct shape in = onnx_layer_shape(b, input);
    const int64_t *dims = weights->shape.dims;
    if (groups < 1 || groups > in.c || in.c % groups != 0 || dims[1] != in.c / groups ||
        weights->count == 0 || (bias != NULL && (int64_t)bias->count != dims[0]))
        return onnx_unsupported(
            b,
            "weights (%lld, %lld, %lld, %lld)%s and %lld groups do not fit an image of %d "
            "channels",
            (long long)dims[0], (long long)dims[1], (long long)dims[2], (long long)dims[3],
            bias != NULL ? " with a bias" : "", (long long)groups, in.c);
    size_t count;
    const int64_t *kernel = onnx_ints(b, "kernel_shape", &count);
    if (kernel != NULL && (count != 2 || kernel[0] != dims[2] || kernel[1] != dims[3]))
        return onnx_unsupported(b, "its kernel is %lldx%lld; its weights are %lldx%lld",
                                count < 1 ? 0 : (long long)kernel[0], count < 2 ? 0 : (long long)kernel[1],
                                (long long)dims[2], (long long)dims[3]);
    o.out_c = (int32_t)dims[0];
    o.kernel_h = (int32_t)dims[2];
    o.kernel_w = (int32_t)dims[3];
    o.groups = (int32_t)groups;
    if (!pair(b, "strides", &o.stride_h, &o.stride_w) ||
        !pair(b, "dilations", &o.dilation_h, &o.dilation_w) || !padding(b, in, &o))
        return onnx_unsupported(b, "its strides, dilations or paddings are not those of a 2-D convolution");
    float *parameters;
    status = onnx_add_one(b, LAYER_CONVOLUTION, &o, input, &parameters, &layer);
    if (status != STATUS_OK)
        return status;
    order_weights(weights, parameters);
    if (bias != NULL)
        memcpy(parameters + weights->count, bias->floats, bias->count * sizeof *bias->floats);
    return give_image(b, layer);
}

/* --- pooling --- */

enum status onnx_import_pool(struct onnx_builder *b)
{
    bool maximum = strcmp(b->node->op_type, "MaxPool") == 0;
    struct layer_options o = {.ceil_mode = onnx_int(b, "ceil_mode", 0) != 0,
                              .count_padding = onnx_int(b, "count_include_pad", 0) != 0};
    int32_t input = -1, layer;
    size_t count;
    bool fits;
    if (onnx_ints(b, "kernel_shape", &count) == NULL || !pair(b, "kernel_shape", &o.kernel_h, &o.kernel_w) ||
        !pair(b, "strides", &o.stride_h, &o.stride_w) || !pair(b, "dilations", &o.dilation_h, &o.dilation_w))
        return onnx_unsupported(b, "its window is not two-dimensional");
    if (o.dilation_h != 1 || o.dilation_w != 1)
        return onnx_unsupported(b, "a pooling window with dilation");
    enum status status = image_input(b, &input, &fits);
    if (status != STATUS_OK || !fits)
        return status;
    if (!padding(b, onnx_layer_shape(b, input), &o))
        return onnx_unsupported(b, "its paddings are not those of a 2-D window");
    status = onnx_add_one(b, maximum ? LAYER_MAXPOOL : LAYER_AVGPOOL, &o, input, NULL, &layer);
    return status == STATUS_OK ? give_image(b, layer) : status;
}

enum status onnx_import_global_pool(struct onnx_builder *b)
{
    int32_t input = -1, layer;
    bool fits;
    enum status status = image_input(b, &input, &fits);
    if (status != STATUS_OK || !fits)
        return status;
    if (strcmp(b->node->op_type, "GlobalAveragePool") == 0) {
        status = onnx_add_one(b, LAYER_GLOBAL_AVGPOOL, NULL, input, NULL, &layer);
    } else {
        struct shape in = onnx_layer_shape(b, input);
        const struct layer_options whole = {.kernel_h = in.h, .kernel_w = in.w, .stride_h = 1, .stride_w = 1};
        status = onnx_add_one(b, LAYER_MAXPOOL, &whole, input, NULL, &layer);
    }
    return status == STATUS_OK ? give_image(b, layer) : status;
}

enum status onnx_import_reduce_mean(struct onnx_builder *b)
{
    struct onnx_list axes;
    int32_t input = -1, layer;
    bool fits, marked[ONNX_RANK_MAX] = {false};
    enum status status = image_input(b, &input, &fits);
    if (status != STATUS_OK || !fits)
        return status;
    bool known = onnx_list(b, "axes", 1, &axes) && axes.count == 2;
    for (size_t i = 0; known && i < 2; i++) {
        int32_t axis = onnx_axis(axes.numbers[i], 4);
        known = axis >= 0;
        if (known)
            marked[axis] = true;
    }
    if (!known || !marked[2] || !marked[3])
        return onnx_unsupported(b, "a mean over other axes than height and width (2, 3)");
    status = onnx_add_one(b, LAYER_GLOBAL_AVGPOOL, NULL, input, NULL, &layer);
    if (status != STATUS_OK)
        return status;
    const struct onnx_view view = onnx_image_view(b, layer, onnx_int(b, "keepdims", 1) != 0 ? 4 : 2);
    onnx_set_layer(b, 0, layer, &view);
    return STATUS_OK;
}

/* --- joining and cutting --- */

enum status onnx_import_concat(struct onnx_builder *b)
{
    size_t count = onnx_input_count(b);
    int32_t *inputs = NULL, layer = -1, rank = 0;
    if (count > NETWORK_LAYERS_MAX)
        return onnx_unsupported(b, "%zu inputs", count);
    enum status status = memory_allocate(&inputs, count, sizeof *inputs, "the inputs of a node");
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct onnx_value *value = onnx_layer_input(b, i);
        bool fits = value != NULL && (i == 0 || value->view.shape.rank == rank) &&
                    onnx_axis(onnx_int(b, "axis", 1), value->view.shape.rank) == 1;
        if (fits)
            status = onnx_as_image(b, value, &fits);
        if (!fits) {
            memory_free(&inputs);
            return status == STATUS_OK
                       ? onnx_unsupported(b, "only images (or vectors) can be joined, over their channels")
                       : status;
        }
        rank = value->view.shape.rank;
        inputs[i] = value->layer;
    }
    if (status == STATUS_OK && count == 1)
        layer = inputs[0];
    else if (status == STATUS_OK)
        status = onnx_add(b, LAYER_CONCAT, NULL, inputs, (int32_t)count, &layer);
    memory_free(&inputs);
    if (status != STATUS_OK || count == 0)
        return count == 0 ? onnx_unsupported(b, "it has no inputs") : status;
    const struct onnx_view view = onnx_image_view(b, layer, rank);
    onnx_set_layer(b, 0, layer, &view);
    return STATUS_OK;
}

/* The window that leaves an image of these dimensions as it is; false when it is none. */
static bool whole_window(const struct onnx_shape *dims, struct layer_options *window)
{
    *window = (struct layer_options){.step_h = 1, .step_w = 1, .out_h = 1, .out_w = 1};
    if (dims->rank < 2 || dims->rank > 4)
        return false;
    for (int32_t i = 1; i < dims->rank; i++)
        if (dims->dims[i] < 1 || dims->dims[i] > ONNX_IMAGE_ELEMENTS_MAX)
            return false;
    window->out_c = (int32_t)dims->dims[1];
    if (dims->rank > 2)
        window->out_h = (int32_t)dims->dims[2];
    if (dims->rank > 3)
        window->out_w = (int32_t)dims->dims[3];
    return true;
}

static enum status set_window(struct onnx_builder *b, size_t which, struct onnx_value *value,
                              const struct layer_options *window)
{
    bool fits;
    enum status status = onnx_set_window(b, which, value, window, &fits);
    if (status == STATUS_OK && !fits)
        return onnx_unsupported(b, "its input is no image (N, C, H, W) in memory");
    return status;
}

enum status onnx_import_split(struct onnx_builder *b)
{
    struct onnx_value *value = onnx_layer_input(b, 0);
    struct onnx_list sizes;
    struct layer_options window;
    size_t outputs = b->node->n_output;
    if (value == NULL || !onnx_list(b, "split", 1, &sizes) || !whole_window(&value->view.shape, &window) ||
        onnx_axis(onnx_int(b, "axis", 0), value->view.shape.rank) != 1 ||
        (sizes.given && sizes.count != outputs))
        return onnx_unsupported(b, "only the channels of images can be split, into parts of known size");
    int64_t channels = window.out_c, at = 0;
    int64_t equal = (channels + (int64_t)outputs - 1) / (int64_t)outputs;
    for (size_t i = 0; i < outputs; i++) {
        int64_t size = sizes.given ? sizes.numbers[i] : i + 1 == outputs ? channels - at : equal;
        if (size < 1 || size > channels - at)
            return onnx_unsupported(b, "its parts are not those of %lld channels", (long long)channels);
        window.from_c = (int32_t)at;
        window.out_c = (int32_t)size;
        enum status status = set_window(b, i, value, &window);
        if (status != STATUS_OK)
            return status;
        at += size;
    }
    return STATUS_OK;
}

/* One axis of a slice. */
struct slice {
    int64_t start, end, step;
};

/* Its first position and how many there are, for a step of 1 or more. */
static bool slice_range(const struct slice *slice, int64_t size, int64_t *from, int64_t *out)
{
    int64_t start = slice->start < -size ? 0 : slice->start < 0 ? slice->start + size : slice->start;
    int64_t end = slice->end < -size ? 0 : slice->end < 0 ? slice->end + size : slice->end;
    end = end > size ? size : end;
    if (slice->step < 1 || slice->step > INT32_MAX || start >= end)
        return false;
    *from = start;
    *out = (end - start - 1) / slice->step + 1;
    return true;
}

/* Puts the range into the window's axis 1 (channels), 2 or 3. */
static bool cut_axis(struct layer_options *window, int32_t axis, int64_t from, int64_t out, int64_t step)
{
    if (axis == 1 && step != 1)
        return false;
    int32_t *const froms[] = {NULL, &window->from_c, &window->from_h, &window->from_w};
    int32_t *const outs[] = {NULL, &window->out_c, &window->out_h, &window->out_w};
    int32_t *const steps[] = {NULL, NULL, &window->step_h, &window->step_w};
    *froms[axis] = (int32_t)from;
    *outs[axis] = (int32_t)out;
    if (steps[axis] != NULL)
        *steps[axis] = (int32_t)step;
    return true;
}

enum status onnx_import_slice(struct onnx_builder *b)
{
    struct onnx_value *value = onnx_layer_input(b, 0);
    struct onnx_list starts, ends, axes, steps;
    struct layer_options window;
    bool cut[ONNX_RANK_MAX] = {false};
    if (value == NULL || !whole_window(&value->view.shape, &window) || !onnx_list(b, "starts", 1, &starts) ||
        !onnx_list(b, "ends", 2, &ends) || !onnx_list(b, "axes", 3, &axes) ||
        !onnx_list(b, "steps", 4, &steps) || starts.count != ends.count ||
        (axes.given && axes.count != starts.count) || (steps.given && steps.count != starts.count))
        return onnx_unsupported(b, "only images can be sliced, at constant places");
    for (size_t i = 0; i < starts.count; i++) {
        int64_t wanted = axes.given ? axes.numbers[i] : (int64_t)i;
        int32_t axis = onnx_axis(wanted, value->view.shape.rank);
        const struct slice slice = {starts.numbers[i], ends.numbers[i], steps.given ? steps.numbers[i] : 1};
        int64_t from, out;
        if (axis < 0 || cut[axis])
            return onnx_unsupported(
                b, axis < 0 ? "axis %lld of %d dimensions" : "it names an axis twice: %lld of %d dimensions",
                (long long)wanted, value->view.shape.rank);
        cut[axis] = true;
        if (!slice_range(&slice, value->view.shape.dims[axis], &from, &out))
            return onnx_unsupported(b, "it takes nothing, or goes backwards");
        if (axis == 0 ? from != 0 || slice.step != 1 || out != b->batch
                      : !cut_axis(&window, axis, from, out, slice.step))
            return onnx_unsupported(b, "it takes some images of a batch, or every so many channels");
    }
    return set_window(b, 0, value, &window);
}

enum status onnx_import_pad(struct onnx_builder *b)
{
    struct onnx_value *value = onnx_layer_input(b, 0);
    const struct onnx_tensor *fill = onnx_constant_input(b, 2);
    struct onnx_list pads, axes = {0};
    struct layer_options window;
    if (value == NULL || !whole_window(&value->view.shape, &window) || !onnx_list(b, "pads", 1, &pads) ||
        (onnx_input(b, 3) != NULL && !onnx_list(b, "axes", 3, &axes)))
        return onnx_unsupported(b, "only images can be padded, by constant numbers of pixels");
    if (!onnx_string_is(b, "mode", "constant", true) || onnx_float(b, "value", 0) != 0 ||
        (onnx_input(b, 2) != NULL &&
         (fill == NULL || fill->integer || (fill->count > 0 && fill->floats[0] != 0))))
        return onnx_unsupported(b, "padding with anything but zeros");
    int32_t rank = value->view.shape.rank;
    size_t padded = axes.given ? axes.count : (size_t)rank;
    if (pads.count != 2 * padded)
        return onnx_unsupported(b, "%zu numbers for %zu dimensions", pads.count, padded);
    for (size_t i = 0; i < padded; i++) {
        int32_t axis = onnx_axis(axes.given ? axes.numbers[i] : (int64_t)i, rank);
        int64_t before = pads.numbers[i], after = pads.numbers[padded + i];
        if (axis < 0 || before < -ONNX_IMAGE_ELEMENTS_MAX || before > ONNX_IMAGE_ELEMENTS_MAX ||
            after < -ONNX_IMAGE_ELEMENTS_MAX || after > ONNX_IMAGE_ELEMENTS_MAX)
            return onnx_unsupported(b, "padding by %lld and %lld", (long long)before, (long long)after);
        int64_t out = value->view.shape.dims[axis] + before + after;
        if (axis == 0 ? before != 0 || after != 0
                      : out < 1 || out > ONNX_IMAGE_ELEMENTS_MAX || !cut_axis(&window, axis, -before, out, 1))
            return onnx_unsupported(b, "padding by %lld and %lld of dimension %d", (long long)before,
                                    (long long)after, axis);
    }
    return set_window(b, 0, value, &window);
}
