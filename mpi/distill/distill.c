#include "mpi/distill/distill.h"

#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "mpi/distill/distill_class.h"
#include "mpi/distill/distill_held.h"
#include "mpi/distill/distill_joint.h"
#include "mpi/distill/distill_stem.h"
#include "mpi/ranks.h"

enum { STREAM_POOL = 0x504f }; /* of random numbers (compute/base/random.h) */

struct distill_options distill_options_default(void)
{
    return (struct distill_options){.budget = 0.12,
                                    .stem = "1",
                                    .steps = 400,
                                    .joint_steps = 2000,
                                    .temperature = 4,
                                    .rate = 0.02F,
                                    .joint_rate = 0.02F,
                                    .batch_images = 96,
                                    .joint_batch_images = 128,
                                    .pool_images = 16384,
                                    .seed = 1,
                                    .augmentation = {.crop_padding = 4, .flip = true}};
}

enum status distill_options_check(const struct distill_options *options)
{
    if (!(options->budget > 0 && options->budget <= 1))
        return error_set(STATUS_USAGE, "--budget %g; it must be above 0 and at most 1", options->budget);
    if (!(options->temperature > 0 && options->temperature <= 100))
        return error_set(STATUS_USAGE, "--temperature %g; it must be above 0 and at most 100",
                         (double)options->temperature);
    if (!(options->rate > 0 && options->rate <= 100) ||
        !(options->joint_rate > 0 && options->joint_rate <= 100))
        return error_set(STATUS_USAGE, "--rate %g, --joint-rate %g; both must be above 0 and at most 100",
                         (double)options->rate, (double)options->joint_rate);
    if (options->steps < 2 || options->joint_steps < 0)
        return error_set(STATUS_USAGE,
                         "--steps %d, --joint-steps %d; steps must be 2 or more, joint steps 0 or more",
                         (int)options->steps, (int)options->joint_steps);
    if (options->frozen && options->joint_steps > 0)
        return error_set(STATUS_USAGE, "--joint-steps %d; method gradient changes no weights: 0",
                         (int)options->joint_steps);
    if (options->batch_images < 3 || options->joint_batch_images < 1 || options->pool_images < 1)
        return error_set(
            STATUS_USAGE, "--batch %d, --joint-batch %d, --pool %lld; they must be at least 3, 1 and 1",
            (int)options->batch_images, (int)options->joint_batch_images, (long long)options->pool_images);
    return STATUS_OK;
}

void distill_options_record(const struct distill_options *options, struct option_records *records)
{
    option_records_add_number(records, "--budget", (float)options->budget);
    option_records_add(records, "--stem", "%s", options->stem);
    option_records_add(records, "--steps", "%d", (int)options->steps);
    option_records_add_number(records, "--temperature", options->temperature);
    option_records_add_number(records, "--rate", options->rate);
    option_records_add(records, "--batch", "%d", (int)options->batch_images);
    option_records_add(records, "--pool", "%lld", (long long)options->pool_images);
    option_records_add(records, "--crop", "%d", (int)options->augmentation.crop_padding);
    option_records_add(records, "--flip", "%d", (int)options->augmentation.flip);
    option_records_add(records, "--seed", "%llu", (unsigned long long)options->seed);
}

void distill_options_record_joint(const struct distill_options *options, struct option_records *records)
{
    option_records_add(records, "--joint-steps", "%d", (int)options->joint_steps);
    option_records_add_number(records, "--joint-rate", options->joint_rate);
    option_records_add(records, "--joint-batch", "%d", (int)options->joint_batch_images);
}

/* One rank's work. */
struct distill_run {
    const struct distillation *job;
    struct distill_images images;
    struct teacher teacher;
    struct feature_maker *maker;
    struct feature_set pool, held;
    char *phase_one_path; /* with a phase two: where phase one's modules go */
};

/* Where phase one's modules go when there is a phase two. */
static enum status name_phase_one(struct distill_run *run)
{
    const char *directory = run->job->work.run_directory;
    size_t bytes = strlen(directory) + sizeof "/phase-one.h5";
    enum status status = memory_allocate(&run->phase_one_path, bytes, 1, "a file's name");
    if (status == STATUS_OK)
        snprintf(run->phase_one_path, bytes, "%s/phase-one.h5", directory);
    return status;
}

/* Collective. */
static enum status prepare(struct distill_run *run)
{
    const struct distillation *job = run->job;
    enum status status = distill_images_create(job->network, job->dataset, job->dataset_path, &run->images);
    if (status == STATUS_OK)
        status = teacher_create(job->network, job->options->stem, &run->teacher);
    if (status == STATUS_OK)
        status = feature_maker_create(&run->teacher, &run->images, &job->options->augmentation,
                                      job->options->seed, &run->maker);
    if (status == STATUS_OK)
        status = name_phase_one(run);
    status = ranks_agree(job->work.comm, status);
    if (status == STATUS_OK)
        status =
            feature_set_of_held(job->work.comm, run->maker, &run->images, job->work.progress, &run->held);
    return status;
}

/* Phase two measures what phase one made, even with no steps of its own. */
static bool has_phase_two(const struct distill_run *run)
{
    return run->job->options->joint_steps > 0 || run->job->measure;
}

/* Collective. */
static enum status run_phase_one(struct distill_run *run)
{
    const struct distillation *job = run->job;
    const struct network *stem = run->teacher.stem;
    uint64_t whole = network_multiply_adds(job->network);
    struct distill_classes classes = {.options = job->options,
                                      .teacher = &run->teacher,
                                      .pool = &run->pool,
                                      .held = &run->held,
                                      .multiply_adds = (uint64_t)(job->options->budget * (double)whole),
                                      .records = job->work.records};
    struct class_work work = job->work;
    struct class_run_result done;
    work.parents = &stem;
    work.parent_count = stem != NULL;
    work.make = distill_class_make;
    work.context = &classes;
    if (has_phase_two(run)) {
        work.output_path = run->phase_one_path;
        work.keep_parts = true; /* until phase two is done, too */
    }
    enum status status =
        feature_set_of_pool(job->work.comm, run->maker, &run->images, job->options->pool_images,
                            job->options->seed, STREAM_POOL, job->work.progress, &run->pool);
    if (status == STATUS_OK)
        status = class_run(&work, &done);
    feature_set_clear(&run->pool);
    return status;
}

/* Collective. */
static enum status run_phase_two(struct distill_run *run, struct distill_result *result)
{
    const struct distillation *job = run->job;
    const struct distill_joint joint = {.options = job->options,
                                        .teacher = &run->teacher,
                                        .images = &run->images,
                                        .maker = run->maker,
                                        .held = &run->held,
                                        .modules_path = run->phase_one_path,
                                        .work = &job->work};
    enum status status = distill_joint_run(&joint, result);
    if (status == STATUS_OK)
        status = class_run_parts_drop(&job->work);
    if (status == STATUS_OK && !job->work.keep_parts && ranks_rank(job->work.comm) == 0)
        remove(run->phase_one_path);
    return status;
}

/* The parent's own accuracy on the held-back images of the classes asked for. */
static enum status measure_parent(const struct distill_run *run, struct distill_result *result)
{
    const struct class_work *work = &run->job->work;
    const struct feature_set *held = &run->held;
    size_t k = (size_t)work->class_count;
    float *scores = NULL;
    double loss;
    enum status status =
        memory_allocate(&scores, (size_t)held->count * k, sizeof(float), "scores of held-back images");
    for (size_t i = 0; status == STATUS_OK && i < (size_t)held->count; i++)
        for (size_t j = 0; j < k; j++)
            scores[i * k + j] = held->logits[i * (size_t)held->class_count + (size_t)work->classes[j]];
    if (status == STATUS_OK)
        status = distill_held_measure(held, work->classes, work->class_count, scores,
                                      run->job->options->temperature, &result->parent_held_top1, &loss);
    memory_free(&scores);
    return status;
}

/* Collective. With a stem that has been chosen. */
static enum status run_phases(struct distill_run *run, struct distill_result *result)
{
    const struct distillation *distillation = run->job;
    enum status status = prepare(run);
    if (status == STATUS_OK)
        status = ranks_agree(distillation->work.comm, measure_parent(run, result));
    if (status == STATUS_OK && run->teacher.stem != NULL)
        result->stem_multiply_adds = network_multiply_adds(run->teacher.stem);
    if (status == STATUS_OK)
        status = run_phase_one(run);
    if (status == STATUS_OK && has_phase_two(run))
        status = run_phase_two(run, result);
    return status;
}

enum status distill_run(const struct distillation *distillation, struct distill_result *result)
{
    struct distill_options options = *distillation->options;
    struct distillation job = *distillation;
    struct distill_run run = {.job = &job};
    *result = (struct distill_result){.held_top1 = -1,
                                      .parent_multiply_adds = network_multiply_adds(distillation->network)};
    enum status status = ranks_agree(job.work.comm, distill_options_check(&options));
    if (status == STATUS_OK && strcmp(options.stem, "auto") == 0) {
        status = distill_stem_choose(distillation, result);
        options.stem = result->stem;
        options.budget = result->budget;
        job.options = &options;
    }
    if (status == STATUS_OK)
        status = run_phases(&run, result);
    feature_set_clear(&run.held);
    feature_maker_destroy(&run.maker);
    teacher_clear(&run.teacher);
    distill_images_clear(&run.images);
    memory_free(&run.phase_one_path);
    return status;
}
