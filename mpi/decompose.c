#include "mpi/decompose.h"

#include "compute/base/memory.h"
#include "compute/formats/dataset_file.h"
#include "mpi/class_queue.h"
#include "mpi/modules_store.h"
#include "mpi/ranks.h"

/* One rank's work. It holds counts only for the classes it drew. */
struct decomposer {
    const struct decomposition *job;
    struct unit_layout *layout;
    struct class_queue *queue;
    int32_t drawn_count;
    struct class_counts **drawn; /* (class count of the network) */
    uint32_t *negatives_sum;     /* (units): of the classes drawn; later of all classes */
    int64_t negative_images_sum;
    int64_t images_done;       /* passed, of the classes counted before the present one */
    int64_t class_images_done; /* of the present one */
    int32_t counting_class;
    int64_t class_images_wanted; /* about so many images of it will do */
    double started;
};

/* The row of the class's module in the file, which is also its number in progress; −1 when none is asked for.
 */
static int32_t row_of(const struct decomposition *job, int32_t class_index)
{
    for (int32_t row = 0; row < job->class_count; row++)
        if (job->classes[row] == class_index)
            return row;
    return -1;
}

static void tell_class(const struct decomposition *job, int32_t class_index, enum event_state state,
                       double value)
{
    int32_t row = row_of(job, class_index);
    if (row >= 0)
        run_progress_class(job->progress, row, job->network->class_names[class_index], state, value);
}

static bool counting_progress(void *context, int64_t images_done)
{
    struct decomposer *decomposer = context;
    double elapsed = seconds_now() - decomposer->started;
    decomposer->class_images_done = images_done;
    int64_t done = decomposer->images_done + images_done;
    int64_t wanted =
        decomposer->class_images_wanted > images_done ? decomposer->class_images_wanted : images_done;
    run_progress_rank(decomposer->job->progress, "counting active units",
                      row_of(decomposer->job, decomposer->counting_class), images_done, wanted,
                      elapsed > 0 ? (double)done / elapsed : 0);
    return *decomposer->job->stop != 0;
}

/* The images of the class, in one slab. */
static enum status load_class(const struct decomposition *job, int32_t class_index, int64_t *images)
{
    int32_t in_dataset;
    enum status status =
        class_names_find(job->dataset->class_names, job->dataset->class_count,
                         job->network->class_names[class_index], job->dataset_path, &in_dataset);
    if (status != STATUS_OK)
        return status;
    int64_t first = job->dataset->class_start[in_dataset];
    *images = job->dataset->class_start[in_dataset + 1] - first;
    return dataset_file_load_range(job->dataset, job->dataset_path, first, *images);
}

static enum status count_class(struct decomposer *decomposer, int32_t class_index)
{
    const struct decomposition *job = decomposer->job;
    struct activation_options options = *job->options;
    int64_t images = 0;
    struct class_counts **counts = &decomposer->drawn[decomposer->drawn_count];
    if (row_of(job, class_index) < 0)
        options.positives = 0; /* its images serve as negatives alone */
    decomposer->counting_class = class_index;
    tell_class(job, class_index, STATE_RUNNING, -1);
    enum status status = class_counts_create(decomposer->layout, counts);
    if (status != STATUS_OK)
        return status;
    decomposer->drawn_count++;
    status = load_class(job, class_index, &images);
    decomposer->class_images_wanted = images < options.positives ? images : options.positives;
    if (status == STATUS_OK)
        status = activation_count_class(job->network, decomposer->layout, job->dataset, class_index, &options,
                                        counting_progress, decomposer, *counts);
    if (status == STATUS_OK && row_of(job, class_index) >= 0 && (*counts)->positive_images == 0)
        status = error_set(
            STATUS_NOT_FOUND,
            "%s: none of the %lld images of class %s is recognised by the network with probability %g or "
            "more; lower --confidence, or decompose a better network",
            job->dataset_path, (long long)images, job->network->class_names[class_index],
            (double)options.confidence);
    if (status != STATUS_OK)
        return status;
    for (size_t u = 0; u < decomposer->layout->unit_count; u++)
        decomposer->negatives_sum[u] += (*counts)->negative[u];
    decomposer->negative_images_sum += (*counts)->negative_images;
    decomposer->images_done += decomposer->class_images_done;
    decomposer->class_images_done = 0;
    tell_class(job, class_index, STATE_DONE, -1); /* its figure follows when all have counted */
    return STATUS_OK;
}

/* Not collective: all agree afterwards. */
static enum status count_drawn_classes(struct decomposer *decomposer)
{
    enum status status = STATUS_OK;
    int32_t class_index;
    while (status == STATUS_OK && (class_index = class_queue_next(decomposer->queue)) >= 0)
        status = count_class(decomposer, class_index);
    if (status != STATUS_OK)
        class_queue_close(decomposer->queue);
    else
        run_progress_rank(decomposer->job->progress, "waiting for the other ranks", -1, 0, 0, 0);
    return status;
}

/* Collective. The one exchange of counts. */
static void sum_negatives(struct decomposer *decomposer)
{
    const size_t piece = (size_t)1 << 28; /* MPI counts are ints */
    size_t units = decomposer->layout->unit_count;
    for (size_t at = 0; at < units; at += piece)
        MPI_Allreduce(MPI_IN_PLACE, decomposer->negatives_sum + at,
                      (int)(units - at < piece ? units - at : piece), MPI_UINT32_T, MPI_SUM,
                      decomposer->job->comm);
    MPI_Allreduce(MPI_IN_PLACE, &decomposer->negative_images_sum, 1, MPI_INT64_T, MPI_SUM,
                  decomposer->job->comm);
}

/* A module for each class drawn that was asked for, with its row in the file. */
static enum status make_modules(const struct decomposer *decomposer, struct module *modules, int32_t *rows,
                                int32_t *module_count)
{
    const struct decomposition *job = decomposer->job;
    *module_count = 0;
    for (int32_t row = 0; row < job->class_count; row++) { /* ascending rows, whatever the order of drawing */
        for (int32_t i = 0; i < decomposer->drawn_count; i++) {
            const struct class_counts *counts = decomposer->drawn[i];
            if (counts->class_index != job->classes[row])
                continue;
            struct module *module = &modules[*module_count];
            rows[*module_count] = row;
            enum status status =
                activation_make_module(job->network, decomposer->layout, job->options, counts,
                                       decomposer->negatives_sum, decomposer->negative_images_sum, module);
            if (status != STATUS_OK)
                return status;
            ++*module_count;
            tell_class(job, counts->class_index, STATE_DONE,
                       (double)module->kept.units / (double)decomposer->layout->unit_count);
        }
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
    MPI_Allreduce(&decomposer->images_done, &result->images, 1, MPI_INT64_T, MPI_SUM, decomposer->job->comm);
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
    size_t most = (size_t)(decomposer->drawn_count > 0 ? decomposer->drawn_count : 1);
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
    const struct decomposition *job = decomposer->job;
    size_t classes = (size_t)job->network->class_count;
    enum status status = activation_options_check(job->options);
    if (status == STATUS_OK)
        status = unit_layout_create(job->network, &decomposer->layout);
    if (status == STATUS_OK)
        status =
            memory_allocate(&decomposer->drawn, classes, sizeof(struct class_counts *), "counts of classes");
    if (status == STATUS_OK)
        status = memory_allocate(&decomposer->negatives_sum, decomposer->layout->unit_count, sizeof(uint32_t),
                                 "counts of negatives");
    return status;
}

enum status decompose_activation(const struct decomposition *decomposition,
                                 struct decomposition_result *result)
{
    MPI_Comm comm = decomposition->comm;
    struct decomposer decomposer = {.job = decomposition, .started = seconds_now()};
    enum status status = ranks_agree(comm, decomposer_prepare(&decomposer));
    if (status == STATUS_OK)
        status = class_queue_create(comm, decomposition->network->class_count, &decomposer.queue);
    if (status == STATUS_OK) {
        status = count_drawn_classes(&decomposer);
        class_queue_destroy(&decomposer.queue); /* collective: also after a failure */
        status = ranks_agree(comm, status);
    }
    if (status == STATUS_OK) {
        sum_negatives(&decomposer);
        status = make_and_store(&decomposer, result);
    }
    for (int32_t i = 0; i < decomposer.drawn_count; i++)
        class_counts_destroy(&decomposer.drawn[i]);
    memory_free(&decomposer.drawn);
    memory_free(&decomposer.negatives_sum);
    unit_layout_destroy(&decomposer.layout);
    return status;
}
