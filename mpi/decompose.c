#include "mpi/decompose.h"

#include "compute/base/memory.h"
#include "mpi/decompose_count.h"
#include "mpi/modules_store.h"
#include "mpi/ranks.h"

/* One rank's work: it has the counts of its share of the classes. */
struct decomposer {
    const struct decomposition *job;
    struct unit_layout *layout;
    struct counted_classes counted;
};

/* A module for each class of the share that was asked for, with its row in the file. */
static enum status make_modules(const struct decomposer *decomposer, struct module *modules, int32_t *rows,
                                int32_t *module_count)
{
    const struct decomposition *job = decomposer->job;
    const struct counted_classes *counted = &decomposer->counted;
    *module_count = 0;
    for (int32_t i = 0; i < counted->count; i++) {
        int32_t class_index = counted->classes[i]->class_index, row = decomposition_row(job, class_index);
        if (row < 0)
            continue;
        struct module *module = &modules[*module_count];
        rows[*module_count] = row;
        enum status status =
            activation_make_module(job->network, decomposer->layout, job->options, counted->classes[i],
                                   counted->negatives_sum, counted->negative_images_sum, module);
        if (status != STATUS_OK)
            return status;
        ++*module_count;
        run_progress_class(job->progress, row, job->network->class_names[class_index], STATE_DONE,
                           (double)module->kept.units / (double)decomposer->layout->unit_count);
    }
    return STATUS_OK;
}

/* Collective. */
static void summarise(const struct decomposer *decomposer, const struct module *modules, int32_t module_count,
                      struct decomposition_result *result)
{
    uint64_t kept[2] = {0, 0};
    for (int32_t i = 0; i < module_count; i++) {
        kept[0] += modules[i].kept.units;
        kept[1] += modules[i].kept.channels;
    }
    MPI_Allreduce(MPI_IN_PLACE, kept, 2, MPI_UINT64_T, MPI_SUM, decomposer->job->comm);
    result->images = decomposer->counted.images;
    double classes = decomposer->job->class_count;
    result->mean_units_kept = (double)kept[0] / (classes * (double)decomposer->layout->unit_count);
    result->mean_channels_kept = (double)kept[1] / (classes * (double)decomposer->layout->channel_count);
}

/* Collective. */
static enum status make_and_store(struct decomposer *decomposer, struct decomposition_result *result)
{
    const struct decomposition *job = decomposer->job;
    struct module *modules = NULL;
    int32_t *rows = NULL, module_count = 0;
    size_t most = (size_t)decomposer->counted.count;
    enum status status = memory_allocate(&modules, most, sizeof *modules, "modules");
    if (status == STATUS_OK)
        status = memory_allocate(&rows, most, sizeof *rows, "rows of modules");
    if (status == STATUS_OK)
        status = make_modules(decomposer, modules, rows, &module_count);
    status = ranks_agree(job->comm, status);
    if (status == STATUS_OK)
        status = modules_store(job->comm, job->output_path, job->network, job->class_count, modules, rows,
                               module_count);
    if (status == STATUS_OK)
        summarise(decomposer, modules, module_count, result);
    for (int32_t i = 0; i < module_count; i++)
        module_clear(&modules[i]);
    memory_free(&modules);
    memory_free(&rows);
    return status;
}

static enum status decomposer_prepare(struct decomposer *decomposer)
{
    enum status status = activation_options_check(decomposer->job->options);
    if (status == STATUS_OK)
        status = unit_layout_create(decomposer->job->network, &decomposer->layout);
    return status;
}

enum status decompose_activation(const struct decomposition *decomposition,
                                 struct decomposition_result *result)
{
    struct decomposer decomposer = {.job = decomposition};
    enum status status = ranks_agree(decomposition->comm, decomposer_prepare(&decomposer));
    if (status == STATUS_OK)
        status = decompose_count(decomposition, decomposer.layout, &decomposer.counted);
    if (status == STATUS_OK)
        status = make_and_store(&decomposer, result);
    if (status == STATUS_OK)
        status = decompose_count_drop(decomposition);
    counted_classes_clear(&decomposer.counted);
    unit_layout_destroy(&decomposer.layout);
    return status;
}
