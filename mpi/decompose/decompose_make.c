#include "mpi/decompose/decompose_make.h"

#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "modules/margin.h"
#include "mpi/ranks.h"

enum { FEW_POSITIVES = 10 }; /* with fewer, a module is made of what happened to be active */

/* --- one rank's modules --- */

/* The module as it is stored: measured, and sliced when that was asked for. */
static enum status finish_module(const struct decomposition *job, struct made_modules *made,
                                 struct module *module)
{
    uint64_t *bits = made->bits + (size_t)made->count * made->margin->bits.words;
    struct module sliced;
    enum status status = margin_measure(made->margin, module, &module->kept, bits);
    if (status != STATUS_OK || !job->slice)
        return status;
    status = margin_slice(made->margin, module, &sliced);
    if (status != STATUS_OK)
        return status;
    module_clear(module);
    *module = sliced;
    return STATUS_OK;
}

static enum status make_module(const struct decomposition *job, const struct unit_layout *layout,
                               const struct counted_classes *counted, int32_t index,
                               struct backtracker *backtracker, struct made_modules *made)
{
    struct module *module = &made->modules[made->count];
    enum status status = activation_make_module(job->network, layout, job->options, counted->classes[index],
                                                counted->negatives_sum, counted->negative_images_sum, module);
    if (status == STATUS_OK)
        status = backtrack_module(backtracker, job->backtracking, module);
    if (status == STATUS_OK)
        status = finish_module(job, made, module);
    if (status != STATUS_OK)
        module_clear(module);
    return status;
}

static enum status make_all(const struct decomposition *job, const struct unit_layout *layout,
                            const struct counted_classes *counted, struct backtracker *backtracker,
                            struct made_modules *made)
{
    for (int32_t i = 0; i < counted->count; i++) {
        int32_t class_index = counted->classes[i]->class_index, row = decomposition_row(job, class_index);
        if (row < 0)
            continue;
        enum status status = make_module(job, layout, counted, i, backtracker, made);
        if (status != STATUS_OK)
            return status;
        const struct module *module = &made->modules[made->count];
        made->rows[made->count++] = row;
        run_progress_class(job->work.progress, row, job->network->class_names[class_index], STATE_DONE,
                           (double)module->kept.units / (double)layout->unit_count);
    }
    return STATUS_OK;
}

enum status decompose_make(const struct decomposition *job, const struct network *stored,
                           const struct unit_layout *layout, const struct counted_classes *counted,
                           struct made_modules *made)
{
    struct backtracker *backtracker = NULL;
    size_t most = (size_t)counted->count;
    memset(made, 0, sizeof *made);
    enum status status = memory_allocate(&made->modules, most, sizeof *made->modules, "modules");
    if (status == STATUS_OK)
        status = memory_allocate(&made->rows, most, sizeof *made->rows, "rows of modules");
    if (status == STATUS_OK)
        status = margin_create(stored, &made->margin);
    if (status == STATUS_OK)
        status = memory_allocate(&made->bits, most, made->margin->bits.words * sizeof *made->bits,
                                 "channels of modules");
    if (status == STATUS_OK)
        status = backtracker_create(stored, layout, &backtracker);
    if (status == STATUS_OK) {
        made->margin->origin = module_origin_of(job->network);
        status = make_all(job, layout, counted, backtracker, made);
    }
    backtracker_destroy(&backtracker);
    return status;
}

void made_modules_clear(struct made_modules *made)
{
    for (int32_t i = 0; i < made->count; i++)
        module_clear(&made->modules[i]);
    memory_free(&made->modules);
    memory_free(&made->rows);
    memory_free(&made->bits);
    margin_destroy(&made->margin);
    memset(made, 0, sizeof *made);
}

/* --- all ranks' --- */

/* Collective. Means over all modules of what each keeps. */
static void sum_sizes(const struct decomposition *job, const struct made_modules *made,
                      struct decomposition_result *result)
{
    uint64_t kept[4] = {0, 0, 0, 0};
    const struct module_size *whole = &made->margin->whole;
    for (int32_t i = 0; i < made->count; i++) {
        kept[0] += made->modules[i].kept.units;
        kept[1] += made->modules[i].kept.channels;
        kept[2] += made->modules[i].kept.weights;
        kept[3] += made->modules[i].kept.multiply_adds;
    }
    ranks_sum(job->work.comm, kept, 4, MPI_UINT64_T);
    double modules = job->work.class_count;
    result->mean_units_kept = (double)kept[0] / (modules * (double)whole->units);
    result->mean_channels_kept = (double)kept[1] / (modules * (double)whole->channels);
    result->mean_weights_kept = (double)kept[2] / (modules * (double)whole->weights);
    result->mean_multiply_adds_kept = (double)kept[3] / (modules * (double)whole->multiply_adds);
}

/* What rank 0 needs of all modules, by row: the channels they keep, and their positives. */
struct gathered {
    uint64_t *bits;     /* (modules, words) */
    int32_t *positives; /* (modules) */
};

/* Collective. Every row is one rank's, so that sums are what that rank has. */
static enum status gather(const struct decomposition *job, const struct made_modules *made,
                          struct gathered *all)
{
    size_t words = made->margin->bits.words, modules = (size_t)job->work.class_count;
    enum status status =
        memory_allocate(&all->bits, modules, words * sizeof *all->bits, "channels of all modules");
    if (status == STATUS_OK)
        status = memory_allocate(&all->positives, modules, sizeof *all->positives, "positives of classes");
    status = ranks_agree(job->work.comm, status);
    if (status != STATUS_OK)
        return status;
    for (int32_t i = 0; i < made->count; i++) {
        size_t row = (size_t)made->rows[i];
        memcpy(all->bits + row * words, made->bits + (size_t)i * words, words * sizeof *all->bits);
        all->positives[row] = made->modules[i].positive_images;
    }
    ranks_sum(job->work.comm, all->bits, modules * words, MPI_UINT64_T);
    ranks_sum(job->work.comm, all->positives, modules, MPI_INT32_T);
    return STATUS_OK;
}

static void note_few_positives(const struct decomposition *job, const int32_t *positives)
{
    for (int32_t row = 0; job->work.note != NULL && row < job->work.class_count; row++) {
        char line[512];
        if (positives[row] >= FEW_POSITIVES)
            continue;
        snprintf(line, sizeof line,
                 "class %s: only %d images that the network puts in it with probability %g or more; its "
                 "module is made from those, and may be a poor one%s",
                 job->network->class_names[job->work.classes[row]], (int)positives[row],
                 (double)job->options->confidence,
                 job->options->confidence > 0 ? " (lower the confidence for more)" : "");
        job->work.note(job->work.note_context, line);
    }
}

enum status decompose_summarise(const struct decomposition *job, const struct made_modules *made,
                                struct decomposition_result *result)
{
    struct gathered all = {NULL, NULL};
    sum_sizes(job, made, result);
    enum status status = gather(job, made, &all);
    if (status == STATUS_OK && ranks_rank(job->work.comm) == 0) {
        note_few_positives(job, all.positives);
        status = overlap_of_weights(made->margin, all.bits, job->work.class_count, &result->overlap);
    }
    status = ranks_agree(job->work.comm, status);
    memory_free(&all.bits);
    memory_free(&all.positives);
    return status;
}
