#include "compute/formats/onnx/onnx_graph.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct onnx_name *)a)->name, ((const struct onnx_name *)b)->name);
}

enum status onnx_names_sort(const char *where, struct onnx_names *names)
{
    qsort(names->names, names->count, sizeof *names->names, compare_names);
    for (size_t i = 1; i < names->count; i++)
        if (strcmp(names->names[i - 1].name, names->names[i].name) == 0)
            return error_set(STATUS_FORMAT, "%s: the name \"%s\" is given to two values; damaged", where,
                             names->names[i].name);
    return STATUS_OK;
}

int32_t onnx_names_find(const struct onnx_names *names, const char *name)
{
    const struct onnx_name wanted = {.name = name};
    const struct onnx_name *found =
        names->count == 0 ? NULL : bsearch(&wanted, names->names, names->count, sizeof wanted, compare_names);
    return found == NULL ? -1 : found->number;
}

void onnx_names_clear(struct onnx_names *names)
{
    memory_free(&names->names);
    names->count = 0;
}

/* --- order --- */

enum mark { UNSEEN, WAITING, DONE };

/* A depth-first walk from the output, without recursion: its path may be as long as the graph. */
struct walk {
    const char *where;
    const Onnx__GraphProto *graph;
    struct onnx_names producers; /* of each value: a node */
    enum mark *marks;            /* (nodes) */
    int32_t *path;               /* (nodes): nodes that wait for the one after them */
    size_t *next_input;          /* (nodes): of a waiting node, to be looked at next */
    int32_t path_count;
    struct onnx_order *order;
};

static enum status find_producers(struct walk *walk)
{
    size_t outputs = 0;
    for (size_t i = 0; i < walk->graph->n_node; i++)
        outputs += walk->graph->node[i]->n_output;
    enum status status = memory_allocate(&walk->producers.names, outputs, sizeof *walk->producers.names,
                                         "the names of an ONNX graph");
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < walk->graph->n_node; i++) {
        const Onnx__NodeProto *node = walk->graph->node[i];
        for (size_t k = 0; k < node->n_output; k++)
            if (*node->output[k] != '\0')
                walk->producers.names[walk->producers.count++] =
                    (struct onnx_name){.name = node->output[k], .number = (int32_t)i};
    }
    return onnx_names_sort(walk->where, &walk->producers);
}

/* Begins with a node that must come before those on the path. */
static enum status enter(struct walk *walk, int32_t node)
{
    if (node < 0 || walk->marks[node] == DONE)
        return STATUS_OK;
    if (walk->marks[node] == WAITING)
        return error_set(STATUS_FORMAT,
                         "%s: node %d \"%s\" (%s) needs its own result: the graph has a circle; damaged",
                         walk->where, node, onnx_text(walk->graph->node[node]->name),
                         onnx_text(walk->graph->node[node]->op_type));
    walk->marks[node] = WAITING;
    walk->next_input[node] = 0;
    walk->path[walk->path_count++] = node;
    return STATUS_OK;
}

static enum status walk_from(struct walk *walk, int32_t start)
{
    enum status status = enter(walk, start);
    while (status == STATUS_OK && walk->path_count > 0) {
        int32_t node = walk->path[walk->path_count - 1];
        const Onnx__NodeProto *message = walk->graph->node[node];
        if (walk->next_input[node] < message->n_input) {
            const char *input = message->input[walk->next_input[node]++];
            status = enter(walk, onnx_names_find(&walk->producers, input));
        } else {
            walk->marks[node] = DONE;
            walk->order->nodes[walk->order->count++] = node;
            walk->path_count--;
        }
    }
    return status;
}

enum status onnx_order_create(const char *where, const Onnx__GraphProto *graph, const char *output,
                              struct onnx_order *order)
{
    const char *what = "the order of an ONNX graph";
    struct walk walk = {.where = where, .graph = graph, .order = order};
    size_t nodes = graph->n_node;
    *order = (struct onnx_order){0};
    enum status status = find_producers(&walk);
    if (status == STATUS_OK)
        status = memory_allocate(&walk.marks, nodes, sizeof *walk.marks, what);
    if (status == STATUS_OK)
        status = memory_allocate(&walk.path, nodes, sizeof *walk.path, what);
    if (status == STATUS_OK)
        status = memory_allocate(&walk.next_input, nodes, sizeof *walk.next_input, what);
    if (status == STATUS_OK)
        status = memory_allocate(&order->nodes, nodes, sizeof *order->nodes, what);
    if (status == STATUS_OK)
        status = walk_from(&walk, onnx_names_find(&walk.producers, output));
    onnx_names_clear(&walk.producers);
    memory_free(&walk.marks);
    memory_free(&walk.path);
    memory_free(&walk.next_input);
    if (status != STATUS_OK)
        onnx_order_clear(order);
    return status;
}

void onnx_order_clear(struct onnx_order *order)
{
    memory_free(&order->nodes);
    order->count = 0;
}
