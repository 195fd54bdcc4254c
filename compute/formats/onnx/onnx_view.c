#include "compute/formats/onnx/onnx_view.h"

#include <string.h>

/* Leaves out parts of one step and joins neighbours that are one run in memory. */
static void tidy(struct onnx_view *view)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < view->part_count; i++) {
        const struct onnx_part part = view->parts[i];
        struct onnx_part *before = kept > 0 ? &view->parts[kept - 1] : NULL;
        if (part.size == 1)
            continue;
        if (before != NULL && before->stride == part.size * part.stride)
            *before = (struct onnx_part){.size = before->size * part.size, .stride = part.stride};
        else
            view->parts[kept++] = part;
    }
    view->part_count = kept;
}

static struct onnx_view view_of(const struct onnx_part *parts, int32_t count)
{
    struct onnx_view view = {.part_count = count};
    memcpy(view.parts, parts, (size_t)count * sizeof *parts);
    tidy(&view);
    return view;
}

static bool same_parts(const struct onnx_view *a, const struct onnx_view *b)
{
    if (a->part_count != b->part_count)
        return false;
    for (int32_t i = 0; i < a->part_count; i++)
        if (a->parts[i].size != b->parts[i].size || a->parts[i].stride != b->parts[i].stride)
            return false;
    return true;
}

/* Channels as `groups` groups whose members come first, then rows and columns. */
static struct onnx_view shuffled_image(struct shape layer, int32_t groups)
{
    const int64_t c = layer.c, members = c / groups;
    const struct onnx_part parts[] = {{members, 1}, {groups, members}, {layer.h, layer.w * c}, {layer.w, c}};
    return view_of(parts, 4);
}

struct onnx_view onnx_view_of_image(const struct onnx_shape *shape, struct shape layer)
{
    struct onnx_view view = shuffled_image(layer, 1);
    view.shape = *shape;
    return view;
}

bool onnx_view_is_image(const struct onnx_view *view, struct shape layer)
{
    const struct onnx_view image = shuffled_image(layer, 1);
    return same_parts(view, &image);
}

bool onnx_view_is_memory(const struct onnx_view *view)
{
    return view->part_count == 0 || (view->part_count == 1 && view->parts[0].stride == 1);
}

int32_t onnx_view_shuffle_of_image(const struct onnx_view *view, struct shape layer)
{
    if (view->part_count < 2 || view->parts[0].stride != 1 || layer.c % view->parts[0].size != 0)
        return 0;
    int32_t groups = (int32_t)(layer.c / view->parts[0].size);
    const struct onnx_view wanted = shuffled_image(layer, groups);
    return same_parts(view, &wanted) ? groups : 0;
}

int32_t onnx_view_shuffle_of_vector(const struct onnx_view *view)
{
    if (view->part_count != 2 || view->parts[0].stride != 1 || view->parts[1].stride != view->parts[0].size)
        return 0;
    return (int32_t)view->parts[1].size;
}

void onnx_view_addresses(const struct onnx_view *view, size_t count, int32_t *memory)
{
    for (size_t i = 0; i < count; i++) {
        size_t left = i;
        int64_t address = 0;
        for (int32_t k = view->part_count; k-- > 0;) {
            size_t size = (size_t)view->parts[k].size;
            address += (int64_t)(left % size) * view->parts[k].stride;
            left /= size;
        }
        memory[i] = (int32_t)address;
    }
}

void onnx_view_reshape(struct onnx_view *view, const struct onnx_shape *shape)
{
    view->shape = *shape;
}

/* Cuts the parts at the ends of dimensions: first_part[d] is the first part of dimension d, the batch's own
 * factor taken out of dimension 0. */
static bool cut(const struct onnx_view *view, int64_t batch, struct onnx_part *parts, int32_t *first_part)
{
    struct onnx_view left = *view; /* what is not yet handed out */
    int32_t at = 0, count = 0;
    for (int32_t d = 0; d < view->shape.rank; d++) {
        int64_t need = view->shape.dims[d];
        if (d == 0 && (need <= 0 || need % batch != 0))
            return false;
        if (d == 0)
            need /= batch;
        first_part[d] = count;
        while (need > 1) {
            if (at == left.part_count || count == ONNX_PARTS_MAX)
                return false;
            struct onnx_part *part = &left.parts[at];
            if (need % part->size == 0) {
                need /= part->size;
                parts[count++] = *part;
                at++;
            } else if (part->size % need == 0) {
                int64_t rest = part->size / need;
                parts[count++] = (struct onnx_part){.size = need, .stride = part->stride * rest};
                part->size = rest;
                need = 1;
            } else {
                return false;
            }
        }
    }
    first_part[view->shape.rank] = count;
    return at == left.part_count;
}

bool onnx_view_transpose(struct onnx_view *view, int64_t batch, const int32_t *order)
{
    struct onnx_part parts[ONNX_PARTS_MAX];
    int32_t first_part[ONNX_RANK_MAX + 1];
    struct onnx_view made = {.shape = {.rank = view->shape.rank}};
    if (view->shape.rank == 0 || order[0] != 0 || !cut(view, batch, parts, first_part))
        return false;
    for (int32_t d = 0; d < view->shape.rank; d++) {
        made.shape.dims[d] = view->shape.dims[order[d]];
        for (int32_t i = first_part[order[d]]; i < first_part[order[d] + 1]; i++)
            made.parts[made.part_count++] = parts[i];
    }
    tidy(&made);
    *view = made;
    return true;
}
