/* What the importer works on: the values of an ONNX graph, and the network that grows out of it. Private to
 * this room. */
#ifndef FACET_COMPUTE_FORMATS_ONNX_ONNX_BUILDER_H
#define FACET_COMPUTE_FORMATS_ONNX_ONNX_BUILDER_H

#include "compute/formats/onnx/onnx_graph.h"
#include "compute/formats/onnx/onnx_tensor.h"
#include "compute/formats/onnx/onnx_view.h"
#include "compute/network/network.h"

/* A small file can ask for much, since nodes share constants and constants can be made. */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
enum { ONNX_IMAGE_ELEMENTS_MAX = 1 << 16, ONNX_WEIGHTS_MAX = 1 << 18 };
#else
enum {
    ONNX_IMAGE_ELEMENTS_MAX = 1 << 27, /* of any layer's output for one image */
    ONNX_WEIGHTS_MAX = 1 << 29         /* of all layers together */
};
#endif

enum onnx_value_kind {
    ONNX_NOTHING,     /* nobody has computed it yet */
    ONNX_INITIALIZER, /* a constant that has not been read yet */
    ONNX_CONSTANT,
    ONNX_LAYER, /* computed by a layer of the network */
    ONNX_FAILED /* by a node that is not supported, which has been reported */
};

struct onnx_value {
    enum onnx_value_kind kind;
    const Onnx__TensorProto *message; /* ONNX_INITIALIZER */
    struct onnx_tensor *constant;     /* ONNX_CONSTANT; the pool's */
    int32_t readers;                  /* nodes that read it, and the graph when it is its output */

    int32_t layer; /* ONNX_LAYER */
    struct onnx_view view;
    /* Cutting and padding wait until they are needed, since several in a row are often one window: the value
     * is then this window of `layer`, seen as an image. */
    bool windowed;
    struct layer_options window;
    int32_t window_node; /* whose output it is: it gives the layer its name */

    bool sole; /* nobody else reads the layer (dense or scale), so its weights may take more into them */
};

struct onnx_builder {
    const char *path;
    const Onnx__GraphProto *graph;
    int64_t opset;
    int64_t batch; /* images, as the graph has them: its own number, or ONNX_BATCH_PRIME when free */
    struct onnx_pool pool;
    struct network *network;
    size_t weight_count;
    float **weights; /* (NETWORK_LAYERS_MAX): by layer, its parameters and then its statistics; or NULL */

    struct onnx_names names; /* of values: places in `values` */
    struct onnx_value *values;

    const Onnx__NodeProto *node; /* being imported */
    int32_t node_number;
    char *problems; /* a line for each unsupported node */
    size_t problem_bytes;
    int32_t problem_count;
};

/* --- the node that is being imported --- */

size_t onnx_input_count(const struct onnx_builder *b);
/* Input i; NULL when it was left out. */
struct onnx_value *onnx_input(const struct onnx_builder *b, size_t i);
/* Input i when it is a constant; NULL otherwise. */
const struct onnx_tensor *onnx_constant_input(const struct onnx_builder *b, size_t i);
/* Input i when it is computed by a layer; NULL otherwise. */
struct onnx_value *onnx_layer_input(const struct onnx_builder *b, size_t i);

/* An attribute; NULL when it was left out. */
const Onnx__AttributeProto *onnx_attribute(const struct onnx_builder *b, const char *name);
int64_t onnx_int(const struct onnx_builder *b, const char *name, int64_t otherwise);
float onnx_float(const struct onnx_builder *b, const char *name, float otherwise);
bool onnx_string_is(const struct onnx_builder *b, const char *name, const char *text, bool otherwise);
/* The whole numbers of an attribute, or NULL when it was left out. */
const int64_t *onnx_ints(const struct onnx_builder *b, const char *name, size_t *count);

/* What is an attribute in older operator sets and a constant input in newer ones: whole numbers. *given tells
 * whether either is there; `count` receives how many; at most ONNX_RANK_MAX·2 are copied. False when the
 * input is no constant of whole numbers or they are too many: unsupported. */
enum { ONNX_LIST_MAX = 2 * ONNX_RANK_MAX };
struct onnx_list {
    bool given;
    size_t count;
    int64_t numbers[ONNX_LIST_MAX];
};
bool onnx_list(const struct onnx_builder *b, const char *attribute, size_t input, struct onnx_list *list);

/* Notes that the node cannot be imported, and why; returns STATUS_OK, so that all such nodes are found. */
enum status onnx_unsupported(struct onnx_builder *b, const char *reason, ...)
    __attribute__((format(printf, 2, 3)));

/* A failure of the whole import, with the node in front of the message. */
enum status onnx_node_error(const struct onnx_builder *b, enum status status);

/* --- results --- */

/* Output `which` is a constant, or the output of a layer seen so. Outputs without a name are skipped. */
void onnx_set_constant(const struct onnx_builder *b, size_t which, struct onnx_tensor *tensor);
void onnx_set_layer(const struct onnx_builder *b, size_t which, int32_t layer, const struct onnx_view *view);
/* Output `which`, just set, is all that its layer is read through: `sole` if it has one reader. */
void onnx_set_sole(const struct onnx_builder *b, size_t which);
/* The same value under another name. */
void onnx_set_same(const struct onnx_builder *b, size_t which, const struct onnx_value *from);

/* Adds a layer named after the node. */
enum status onnx_add(struct onnx_builder *b, enum layer_kind kind, const struct layer_options *options,
                     const int32_t *inputs, int32_t input_count, int32_t *layer);
/* One input; *weights (may be NULL) receives room, of zeros, for its parameters and then its statistics. */
enum status onnx_add_one(struct onnx_builder *b, enum layer_kind kind, const struct layer_options *options,
                         int32_t input, float **weights, int32_t *layer);
/* The whole layer as one vector, in memory order. */
enum status onnx_add_flatten(struct onnx_builder *b, int32_t input, int32_t *layer);

struct shape onnx_layer_shape(const struct onnx_builder *b, int32_t layer);

/* --- values as layers --- */

/* Adds the window that a value waits for. */
enum status onnx_settle(struct onnx_builder *b, struct onnx_value *value);

/* Brings a value of dimensions (N, C), (N, C, H) or (N, C, H, W) to a layer that holds it as an image H × W ×
 * C. *fits is false, and nothing done, when no layers can do so. */
enum status onnx_as_image(struct onnx_builder *b, struct onnx_value *value, bool *fits);

/* Output `which` is a window of `value` (its from_…, step_… and out_… options). *fits is as above. */
enum status onnx_set_window(struct onnx_builder *b, size_t which, struct onnx_value *value,
                            const struct layer_options *window, bool *fits);

/* The image (N, C, H, W) that a layer is. */
struct onnx_view onnx_image_view(const struct onnx_builder *b, int32_t layer, int32_t rank);

/* Output 0 is the layer, an image of as many dimensions as `value` has. */
enum status onnx_give_like(struct onnx_builder *b, int32_t layer, const struct onnx_value *value);

/* --- what nodes become --- */

/* Computes the node if all it needs is constant (or just a shape); *folded tells whether it did. */
enum status onnx_fold(struct onnx_builder *b, bool *folded);

typedef enum status onnx_handler(struct onnx_builder *b);
onnx_handler onnx_import_conv, onnx_import_pool, onnx_import_global_pool, onnx_import_reduce_mean;
onnx_handler onnx_import_batchnorm, onnx_import_lrn, onnx_import_softmax;
onnx_handler onnx_import_activation, onnx_import_clip;
onnx_handler onnx_import_arithmetic, onnx_import_sum;
onnx_handler onnx_import_gemm, onnx_import_matmul;
onnx_handler onnx_import_reshape, onnx_import_flatten, onnx_import_squeeze, onnx_import_unsqueeze;
onnx_handler onnx_import_transpose;
onnx_handler onnx_import_concat, onnx_import_split, onnx_import_slice, onnx_import_pad;
onnx_handler onnx_import_same, onnx_import_cast;

#endif
