/* The nodes of a graph that its output depends on, in an order in which they can be computed. */
#ifndef FACET_COMPUTE_FORMATS_ONNX_ONNX_GRAPH_H
#define FACET_COMPUTE_FORMATS_ONNX_ONNX_GRAPH_H

#include "compute/formats/onnx/onnx_model.h"

/* A name and what it stands for. */
struct onnx_name {
    const char *name;
    int32_t number;
};

/* Names, to be found by bisection. */
struct onnx_names {
    struct onnx_name *names;
    size_t count;
};

/* Puts the names in order; they are borrowed from the model. STATUS_FORMAT when one stands twice. */
enum status onnx_names_sort(const char *where, struct onnx_names *names);
/* The number of a name; −1: there is none such. */
int32_t onnx_names_find(const struct onnx_names *names, const char *name);
void onnx_names_clear(struct onnx_names *names);

struct onnx_order {
    int32_t *nodes; /* numbers of nodes of the graph */
    int32_t count;
};

/* The nodes that `output` needs, each after those whose outputs it reads. STATUS_FORMAT when two nodes have
 * an output of the same name or nodes wait for one another in a circle. A name that no node has as output is
 * left for others to judge: it may be an input or an initializer. */
enum status onnx_order_create(const char *where, const Onnx__GraphProto *graph, const char *output,
                              struct onnx_order *order);
void onnx_order_clear(struct onnx_order *order);

#endif
