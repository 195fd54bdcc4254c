#include "mpi/decompose/decompose.h"

#include "modules/activation/edges.h"
#include "mpi/decompose/decompose_make.h"
#include "mpi/modules_store.h"
#include "mpi/ranks.h"

/* Collective. `stored` is the network that modules share. */
static enum status make_and_store(const struct decomposition *job, const struct network *stored,
                                  const struct unit_layout *layout, const struct counted_classes *counted,
                                  struct decomposition_result *result)
{
    struct made_modules made;
    enum status status = ranks_agree(job->work.comm, decompose_make(job, stored, layout, counted, &made));
    if (status == STATUS_OK)
        status = modules_store(job->work.comm, job->work.output_path, job->slice ? NULL : stored,
                               job->work.class_count, made.modules, made.rows, made.count);
    if (status == STATUS_OK)
        status = decompose_summarise(job, &made, result);
    result->images = counted->images;
    made_modules_clear(&made);
    return status;
}

/* Collective. Units are counted in the network as it was trained; irrelevant edges leave before modules are
 * made. */
static enum status remove_edges_and_make(const struct decomposition *job, const struct unit_layout *layout,
                                         const struct counted_classes *counted,
                                         struct decomposition_result *result)
{
    struct network *without = NULL;
    enum status status =
        ranks_agree(job->work.comm, edges_remove(job->network, job->backtracking->edges, &without));
    if (status == STATUS_OK)
        status = make_and_store(job, without, layout, counted, result);
    network_destroy(&without);
    return status;
}

static enum status prepare(const struct decomposition *job, struct unit_layout **layout)
{
    enum status status = activation_options_check(job->options);
    if (status == STATUS_OK)
        status = backtracking_options_check(job->backtracking);
    if (status == STATUS_OK)
        status = unit_layout_create(job->network, layout);
    return status;
}

enum status decompose_activation(const struct decomposition *decomposition,
                                 struct decomposition_result *result)
{
    struct unit_layout *layout = NULL;
    struct counted_classes counted = {0};
    result->overlap = NULL;
    enum status status = ranks_agree(decomposition->work.comm, prepare(decomposition, &layout));
    if (status == STATUS_OK)
        status = decompose_count(decomposition, layout, &counted);
    if (status == STATUS_OK)
        status = decomposition->backtracking->edges > 0
                     ? remove_edges_and_make(decomposition, layout, &counted, result)
                     : make_and_store(decomposition, decomposition->network, layout, &counted, result);
    if (status == STATUS_OK)
        status = decompose_count_drop(decomposition);
    if (status != STATUS_OK)
        overlap_destroy(&result->overlap);
    counted_classes_clear(&counted);
    unit_layout_destroy(&layout);
    return status;
}
