#include "mpi/training/slices.h"

int32_t slice_count(int32_t batch_images)
{
    int32_t slices = batch_images / SLICE_IMAGES_MIN;
    if (slices > SLICES_MAX)
        slices = SLICES_MAX;
    return slices < 1 ? 1 : slices;
}

int32_t slice_node_middle(struct slice_node node)
{
    return node.first + (node.end - node.first + 1) / 2;
}

static int32_t collect_inside(struct slice_node node, int32_t first, int32_t end, struct slice_node *nodes,
                              int32_t found)
{
    if (node.end <= first || node.first >= end)
        return found;
    if (node.first >= first && node.end <= end) {
        nodes[found] = node;
        return found + 1;
    }
    int32_t middle = slice_node_middle(node);
    found = collect_inside((struct slice_node){node.first, middle}, first, end, nodes, found);
    return collect_inside((struct slice_node){middle, node.end}, first, end, nodes, found);
}

int32_t slice_nodes_inside(int32_t slices, int32_t first, int32_t end,
                           struct slice_node nodes[SLICE_NODES_MAX])
{
    if (first >= end)
        return 0;
    return collect_inside((struct slice_node){0, slices}, first, end, nodes, 0);
}

static int is_given(struct slice_node node, const struct slice_node *nodes, int32_t node_count)
{
    for (int32_t i = 0; i < node_count; i++)
        if (nodes[i].first == node.first && nodes[i].end == node.end)
            return 1;
    return 0;
}

void slice_tree_sum(struct slice_node root, const struct slice_node *nodes, int32_t node_count,
                    float *const *vectors, int64_t element, int64_t element_end)
{
    if (is_given(root, nodes, node_count))
        return;
    int32_t middle = slice_node_middle(root);
    slice_tree_sum((struct slice_node){root.first, middle}, nodes, node_count, vectors, element, element_end);
    slice_tree_sum((struct slice_node){middle, root.end}, nodes, node_count, vectors, element, element_end);
    float *left = vectors[root.first];
    const float *right = vectors[middle];
    for (int64_t i = element; i < element_end; i++)
        left[i] += right[i];
}
