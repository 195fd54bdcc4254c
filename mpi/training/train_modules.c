#include "mpi/training/train_modules.h"

#include <stdio.h>

#include "compute/base/memory.h"
#include "compute/base/random.h"
#include "mpi/ranks.h"
#include "mpi/training/one_vs_rest.h"

enum { STREAM_WEIGHTS = 0x544d }; /* compute/base/random.h */

struct maker {
    const struct modules_training *training;
    const struct option_records *records; /* of the run, for checkpoints */
    struct joined_dataset set;
    struct dataset_join join; /* of the dataset alone */
    struct joined_class *classes;
    struct scaling scaling;
};

static enum status build(const struct modules_training *training, struct network **network)
{
    return zoo_build(training->net, training->dataset->shape, 1, training->shortcut, network);
}

enum status modules_training_check(const struct modules_training *training)
{
    struct network *network = NULL;
    enum status status = build(training, &network);
    network_destroy(&network);
    return status;
}

static int64_t steps_of(const struct modules_training *training, int64_t images)
{
    int64_t batch = training->options->batch_images;
    return (training->options->epochs * 2 * trainable_images(images) + batch - 1) / batch;
}

static enum status train(const struct maker *maker, const struct class_task *task, struct network *network)
{
    const struct modules_training *training = maker->training;
    const struct joined_class own = {0, task->class_index};
    char activity[16 + CLASS_NAME_BYTES];
    snprintf(activity, sizeof activity, "training %s", training->dataset->class_names[task->class_index]);
    const struct step_checkpoint checkpoint = {.comm = task->group,
                                               .path = task->checkpoint_path,
                                               .seconds = task->checkpoint_seconds,
                                               .identity = {task->class_index, maker->records}};
    const struct one_vs_rest work = {.comm = task->group,
                                     .join = &maker->join,
                                     .positive = own,
                                     .negative_count = training->dataset->class_count,
                                     .negatives = maker->classes,
                                     .network = network,
                                     .options = training->options,
                                     .steps =
                                         steps_of(training, dataset_join_class_images(&maker->join, own)),
                                     .where = training->dataset_name,
                                     .activity = activity,
                                     .progress_number = task->row,
                                     .stop = task->stop,
                                     .progress = task->progress,
                                     .checkpoint = &checkpoint};
    return one_vs_rest_train(&work);
}

/* A class_make. */
static enum status make(void *context, const struct class_task *task, struct module *module)
{
    const struct maker *maker = context;
    const struct modules_training *training = maker->training;
    const struct module_parts parts = {.class_name = training->dataset->class_names[task->class_index],
                                       .class_index = task->class_index};
    struct network *network = NULL;
    enum status status = build(training, &network);
    if (status == STATUS_OK) {
        network->scaling = maker->scaling;
        network_initialise(network,
                           random_bits(training->options->seed, STREAM_WEIGHTS, (uint64_t)task->class_index));
    }
    status = ranks_agree(task->group, status);
    if (status == STATUS_OK)
        status = train(maker, task, network);
    if (status == STATUS_OK) {
        status = module_from_network(network, &parts, module);
        if (status == STATUS_OK)
            network = NULL;
        bool made = status == STATUS_OK;
        status = ranks_agree(task->group, status);
        if (status != STATUS_OK && made)
            module_clear(module);
    }
    network_destroy(&network);
    return status;
}

enum status train_modules(const struct modules_training *training, struct class_work *work,
                          struct class_run_result *result)
{
    struct maker maker = {.training = training, .records = work->records, .scaling = scaling_default()};
    maker.join = dataset_join_of(training->dataset, training->dataset_name, &maker.set);
    dataset_measure_scaling(training->dataset, &maker.scaling);
    enum status status = memory_allocate(&maker.classes, (size_t)training->dataset->class_count,
                                         sizeof(struct joined_class), "classes");
    status = ranks_agree(work->comm, status);
    if (status == STATUS_OK) {
        for (int32_t c = 0; c < training->dataset->class_count; c++)
            maker.classes[c] = (struct joined_class){0, c};
        work->parents = NULL;
        work->parent_count = 0;
        work->make = make;
        work->context = &maker;
        status = class_run(work, result);
    }
    memory_free(&maker.classes);
    return status;
}
