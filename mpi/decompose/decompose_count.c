#include "mpi/decompose/decompose_count.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/formats/dataset_file.h"
#include "mpi/classes/class_run.h"
#include "mpi/decompose/counts_file.h"
#include "mpi/ranks.h"

static int compare_classes(const void *key, const void *element)
{
    int32_t wanted = *(const int32_t *)key, found = *(const int32_t *)element;
    return (wanted > found) - (wanted < found);
}

int32_t decomposition_row(const struct decomposition *job, int32_t class_index)
{
    const int32_t *found = bsearch(&class_index, job->work.classes, (size_t)job->work.class_count,
                                   sizeof(int32_t), compare_classes);
    return found == NULL ? -1 : (int32_t)(found - job->work.classes);
}

/* --- one class --- */

/* One rank's counting. */
struct counter {
    const struct decomposition *job;
    const struct unit_layout *layout;
    const struct class_task *task;
    int64_t class_images_done, class_images_wanted; /* of the present class; about so many will do */
    int64_t images_before;                          /* passed, of the classes before it */
    double started;
};

static bool counting_progress(void *context, int64_t images_done)
{
    struct counter *counter = context;
    double elapsed = seconds_now() - counter->started;
    int64_t wanted = counter->class_images_wanted > images_done ? counter->class_images_wanted : images_done;
    counter->class_images_done = images_done;
    run_progress_rank(counter->job->work.progress, "counting active units",
                      decomposition_row(counter->job, counter->task->class_index), images_done, wanted,
                      elapsed > 0 ? (double)(counter->images_before + images_done) / elapsed : 0);
    return *counter->task->stop != 0;
}

static enum status agree_in_group(void *context, enum status status)
{
    const struct counter *counter = context;
    return ranks_agree(counter->task->group, status);
}

/* One round of a group that counts a class together. */
static void exchange_in_group(void *context, int64_t found, bool stop, int64_t *before, int64_t *all,
                              bool *stop_all)
{
    const struct counter *counter = context;
    const int64_t mine[2] = {found, stop};
    int64_t sums[2], upto[2] = {0, 0};
    MPI_Allreduce(mine, sums, 2, MPI_INT64_T, MPI_SUM, counter->task->group);
    MPI_Scan(mine, upto, 2, MPI_INT64_T, MPI_SUM, counter->task->group);
    *before = upto[0] - found;
    *all = sums[0];
    *stop_all = sums[1] != 0;
}

/* The options for one class: images of a class that no module is asked for serve as negatives alone. */
static struct activation_options options_for(const struct decomposition *job, int32_t class_index)
{
    struct activation_options options = *job->options;
    if (decomposition_row(job, class_index) < 0)
        options.positives = 0;
    return options;
}

/* The images of the class that counting may touch, in one slab. */
static enum status load_class(const struct decomposition *job, int32_t class_index, int64_t *images)
{
    const struct activation_options options = options_for(job, class_index);
    int32_t in_dataset;
    enum status status =
        class_names_find(job->dataset->class_names, job->dataset->class_count,
                         job->network->class_names[class_index], job->dataset_path, &in_dataset);
    if (status != STATUS_OK)
        return status;
    int64_t first = job->dataset->class_start[in_dataset];
    *images = activation_images_needed(&options, job->network->class_count,
                                       job->dataset->class_start[in_dataset + 1] - first);
    return dataset_file_load_range(job->dataset, job->dataset_path, first, *images);
}

/* Collective over the group: counts (on its rank 0) become those of all. */
static void sum_in_group(const struct counter *counter, struct class_counts *counts)
{
    int32_t images[2] = {counts->positive_images, counts->negative_images};
    size_t units = counter->layout->unit_count;
    ranks_sum(counter->task->group, counts->positive, units, MPI_UINT32_T);
    ranks_sum(counter->task->group, counts->negative, units, MPI_UINT32_T);
    ranks_sum(counter->task->group, images, 2, MPI_INT32_T);
    counts->positive_images = images[0];
    counts->negative_images = images[1];
}

/* Collective over the group. */
static enum status count_together(struct counter *counter, int64_t images, struct class_counts *counts)
{
    const struct decomposition *job = counter->job;
    MPI_Comm group = counter->task->group;
    int32_t class_index = counter->task->class_index, threads = omp_get_max_threads();
    const struct activation_options options = options_for(job, class_index);
    MPI_Allreduce(MPI_IN_PLACE, &threads, 1, MPI_INT32_T, MPI_MAX, group);
    const struct activation_share share = {.part = ranks_rank(group),
                                           .parts = ranks_count(group),
                                           .chunks = threads,
                                           .agree = agree_in_group,
                                           .exchange = exchange_in_group,
                                           .context = counter};
    counter->class_images_wanted = images < options.positives ? images : options.positives;
    enum status status = activation_count_class(job->network, counter->layout, job->dataset, class_index,
                                                &options, &share, counting_progress, counter, counts);
    status = ranks_agree(group, status);
    if (status != STATUS_OK)
        return status;
    sum_in_group(counter, counts);
    if (decomposition_row(job, class_index) >= 0 && counts->positive_images == 0)
        return error_set(
            STATUS_NOT_FOUND,
            "%s: none of the %lld images of class %s is recognised by the network with probability %g or "
            "more; %sdecompose a better network",
            job->dataset_path, (long long)images, job->network->class_names[class_index],
            (double)options.confidence, options.confidence > 0 ? "lower --confidence, or " : "");
    return STATUS_OK;
}

/* A class_part_make. */
static enum status count_class(void *context, const struct class_task *task, const char *part_path)
{
    struct counter *counter = context;
    struct class_counts *counts = NULL;
    int64_t images = 0;
    counter->task = task;
    counter->class_images_done = 0;
    enum status status = class_counts_create(counter->layout, &counts);
    if (status == STATUS_OK)
        status = load_class(counter->job, task->class_index, &images);
    status = ranks_agree(task->group, status);
    if (status == STATUS_OK)
        status = count_together(counter, images, counts);
    if (status == STATUS_OK)
        status = ranks_agree(task->group, ranks_rank(task->group) != 0
                                              ? STATUS_OK
                                              : counts_file_write(part_path, counter->layout, counts,
                                                                  counter->class_images_done));
    counter->images_before += counter->class_images_done;
    class_counts_destroy(&counts);
    return status;
}

/* --- all classes --- */

/* The network's classes as class_run wants them. */
struct class_lists {
    int32_t *classes, *numbers;
    double *costs; /* images, roughly */
};

static enum status lists_fill(const struct decomposition *job, struct class_lists *lists)
{
    size_t count = (size_t)job->network->class_count;
    enum status status = memory_allocate(&lists->classes, count, sizeof(int32_t), "classes");
    if (status == STATUS_OK)
        status = memory_allocate(&lists->numbers, count, sizeof(int32_t), "numbers of classes");
    if (status == STATUS_OK)
        status = memory_allocate(&lists->costs, count, sizeof(double), "costs of classes");
    for (int32_t c = 0; c < job->network->class_count && status == STATUS_OK; c++) {
        const struct activation_options options = options_for(job, c);
        int32_t in_dataset = 0;
        status = class_names_find(job->dataset->class_names, job->dataset->class_count,
                                  job->network->class_names[c], job->dataset_path, &in_dataset);
        if (status != STATUS_OK)
            break;
        int64_t available = job->dataset->class_start[in_dataset + 1] - job->dataset->class_start[in_dataset];
        int64_t needed = activation_images_needed(&options, job->network->class_count, available);
        lists->classes[c] = c;
        lists->numbers[c] = decomposition_row(job, c);
        lists->costs[c] =
            (double)(options.positives > 0 && options.positives < needed ? options.positives : needed);
    }
    return status;
}

static void lists_clear(struct class_lists *lists)
{
    memory_free(&lists->classes);
    memory_free(&lists->numbers);
    memory_free(&lists->costs);
}

/* The work of counting: on every class of the network, whichever modules are asked for. */
static struct class_work work_of(const struct decomposition *job, const struct class_lists *lists)
{
    struct class_work work = job->work;
    work.classes = lists->classes;
    work.class_count = job->network->class_count;
    work.class_names = (const class_name *)job->network->class_names;
    work.numbers = lists->numbers;
    work.costs = lists->costs;
    return work;
}

/* Reads the counts of this rank's share of the classes, whoever made them. */
static enum status read_share(const struct class_work *work, const struct unit_layout *layout,
                              struct counted_classes *counted)
{
    struct share share = share_of(work->class_count, ranks_count(work->comm), ranks_rank(work->comm));
    enum status status = memory_allocate(&counted->classes, (size_t)share.count, sizeof *counted->classes,
                                         "counts of classes");
    if (status == STATUS_OK)
        status = memory_allocate(&counted->negatives_sum, layout->unit_count, sizeof(uint32_t),
                                 "counts of negatives");
    for (int64_t row = share.first; row < share.first + share.count && status == STATUS_OK; row++) {
        struct class_counts **counts = &counted->classes[counted->count];
        char *path = NULL;
        int64_t images = 0;
        status = class_run_part_path(work, (int32_t)row, &path);
        if (status == STATUS_OK)
            status = counts_file_read(path, layout, counts, &images);
        memory_free(&path);
        if (status != STATUS_OK)
            break;
        counted->count++;
        counted->images += images;
        counted->negative_images_sum += (*counts)->negative_images;
        for (size_t u = 0; u < layout->unit_count; u++)
            counted->negatives_sum[u] += (*counts)->negative[u];
    }
    return status;
}

/* Collective. The one exchange of counts. */
static enum status gather_counts(const struct class_work *work, const struct unit_layout *layout,
                                 struct counted_classes *counted)
{
    enum status status = ranks_agree(work->comm, read_share(work, layout, counted));
    if (status != STATUS_OK)
        return status;
    ranks_sum(work->comm, counted->negatives_sum, layout->unit_count, MPI_UINT32_T);
    ranks_sum(work->comm, &counted->negative_images_sum, 1, MPI_INT64_T);
    ranks_sum(work->comm, &counted->images, 1, MPI_INT64_T);
    return STATUS_OK;
}

enum status decompose_count(const struct decomposition *job, const struct unit_layout *layout,
                            struct counted_classes *counted)
{
    struct counter counter = {.job = job, .layout = layout, .started = seconds_now()};
    struct class_lists lists = {NULL, NULL, NULL};
    struct class_run_result result;
    memset(counted, 0, sizeof *counted);
    enum status status = ranks_agree(job->work.comm, lists_fill(job, &lists));
    if (status == STATUS_OK) {
        const struct class_work work = work_of(job, &lists);
        status = class_run_parts(&work, count_class, &counter, &result);
        if (status == STATUS_OK)
            status = gather_counts(&work, layout, counted);
    }
    lists_clear(&lists);
    return status;
}

enum status decompose_check(const struct decomposition *decomposition)
{
    struct class_lists lists = {NULL, NULL, NULL};
    enum status status = ranks_agree(decomposition->work.comm, lists_fill(decomposition, &lists));
    if (status == STATUS_OK) {
        const struct class_work work = work_of(decomposition, &lists);
        status = class_run_check(&work);
    }
    lists_clear(&lists);
    return status;
}

void counted_classes_clear(struct counted_classes *counted)
{
    for (int32_t i = 0; i < counted->count; i++)
        class_counts_destroy(&counted->classes[i]);
    memory_free(&counted->classes);
    memory_free(&counted->negatives_sum);
    memset(counted, 0, sizeof *counted);
}

enum status decompose_count_drop(const struct decomposition *job)
{
    return class_run_parts_drop(&job->work);
}
