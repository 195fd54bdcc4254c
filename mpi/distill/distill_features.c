#include "mpi/distill/distill_features.h"

#include <omp.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/random.h"
#include "compute/data/held_back.h"
#include "compute/network/pass.h"
#include "mpi/ranks.h"

/* --- images --- */

static enum status find_classes(const struct network *network, const struct dataset *dataset,
                                const char *dataset_path, int32_t *class_of)
{
    enum status status = STATUS_OK;
    for (int32_t c = 0; c < dataset->class_count; c++)
        class_of[c] = -1;
    for (int32_t c = 0; c < network->class_count && status == STATUS_OK; c++) {
        int32_t found;
        status = class_names_find((const class_name *)dataset->class_names, dataset->class_count,
                                  network->class_names[c], dataset_path, &found);
        if (status == STATUS_OK)
            class_of[found] = c;
    }
    return status;
}

static void split_images(struct distill_images *images)
{
    const struct dataset *dataset = images->dataset;
    for (int32_t c = 0; c < dataset->class_count; c++)
        for (int64_t i = dataset->class_start[c]; images->class_of[c] >= 0 && i < dataset->class_start[c + 1];
             i++)
            if (image_is_held_back(i - dataset->class_start[c]))
                images->held[images->held_count++] = (uint32_t)i;
            else
                images->train[images->train_count++] = (uint32_t)i;
}

enum status distill_images_create(const struct network *network, const struct dataset *dataset,
                                  const char *dataset_path, struct distill_images *images)
{
    struct shape wants = network_input_shape(network), has = dataset->shape;
    size_t count = (size_t)dataset->image_count;
    *images = (struct distill_images){.dataset = dataset};
    if (!shape_equals(wants, has))
        return error_set(STATUS_SHAPE, "%s: images of %d × %d × %d, but the network takes %d × %d × %d",
                         dataset_path, (int)has.h, (int)has.w, (int)has.c, (int)wants.h, (int)wants.w,
                         (int)wants.c);
    enum status status = memory_allocate(&images->class_of, (size_t)dataset->class_count,
                                         sizeof *images->class_of, "classes of images");
    if (status == STATUS_OK)
        status = memory_allocate(&images->train, count, sizeof *images->train, "training images");
    if (status == STATUS_OK)
        status = memory_allocate(&images->held, count, sizeof *images->held, "held-back images");
    if (status == STATUS_OK)
        status = find_classes(network, dataset, dataset_path, images->class_of);
    if (status == STATUS_OK)
        split_images(images);
    if (status == STATUS_OK && images->train_count == 0)
        status = error_set(STATUS_NOT_FOUND,
                           "%s: no training image is left when the first of every ten of a class is held "
                           "back; give more images",
                           dataset_path);
    if (status != STATUS_OK)
        distill_images_clear(images);
    return status;
}

void distill_images_clear(struct distill_images *images)
{
    memory_free(&images->class_of);
    memory_free(&images->train);
    memory_free(&images->held);
}

/* --- making features --- */

/* One thread's own. */
struct maker_thread {
    struct pass *stem; /* NULL without a stem */
    struct pass *tail;
    uint8_t *augmented; /* (H, W, C) */
    float *inputs;      /* (FEATURE_BLOCK, H, W, C) */
};

struct feature_maker {
    const struct teacher *teacher;
    const struct distill_images *images;
    struct augmentation augmentation;
    uint64_t seed;
    int thread_count;
    struct maker_thread *threads;
};

static enum status create_thread(const struct feature_maker *maker, struct maker_thread *thread)
{
    const struct teacher *teacher = maker->teacher;
    size_t image = shape_count(maker->images->dataset->shape);
    enum status status = STATUS_OK;
    if (teacher->stem != NULL)
        status = pass_create(teacher->stem, FEATURE_BLOCK, PASS_INFER, &thread->stem);
    if (status == STATUS_OK)
        status = pass_create(teacher->tail, FEATURE_BLOCK, PASS_INFER, &thread->tail);
    if (status == STATUS_OK)
        status = memory_allocate(&thread->augmented, image, 1, "augmented image");
    if (status == STATUS_OK)
        status = memory_allocate(&thread->inputs, FEATURE_BLOCK * image, sizeof(float), "images");
    return status;
}

enum status feature_maker_create(const struct teacher *teacher, const struct distill_images *images,
                                 const struct augmentation *augmentation, uint64_t seed,
                                 struct feature_maker **maker)
{
    struct feature_maker *made = NULL;
    *maker = NULL;
    enum status status = memory_allocate(&made, 1, sizeof *made, "the teacher");
    if (status != STATUS_OK)
        return status;
    *made = (struct feature_maker){.teacher = teacher,
                                   .images = images,
                                   .augmentation = *augmentation,
                                   .seed = seed,
                                   .thread_count = omp_get_max_threads()};
    status =
        memory_allocate(&made->threads, (size_t)made->thread_count, sizeof *made->threads, "the teacher");
    for (int i = 0; status == STATUS_OK && i < made->thread_count; i++)
        status = create_thread(made, &made->threads[i]);
    if (status != STATUS_OK)
        feature_maker_destroy(&made);
    *maker = made;
    return status;
}

void feature_maker_destroy(struct feature_maker **maker)
{
    struct feature_maker *gone = *maker;
    if (gone == NULL)
        return;
    for (int i = 0; gone->threads != NULL && i < gone->thread_count; i++) {
        pass_destroy(&gone->threads[i].stem);
        pass_destroy(&gone->threads[i].tail);
        memory_free(&gone->threads[i].augmented);
        memory_free(&gone->threads[i].inputs);
    }
    memory_free(&gone->threads);
    memory_free(maker);
}

static void load_block(const struct feature_maker *maker, struct maker_thread *thread,
                       const struct shown_image *shown, int64_t count, float *inputs)
{
    const struct dataset *dataset = maker->images->dataset;
    const struct network *parent = maker->teacher->parent;
    struct shape shape = dataset->shape;
    size_t floats = shape_count(shape);
    for (int64_t i = 0; i < count; i++) {
        const uint8_t *pixels = dataset_image(dataset, shown[i].image);
        if (shown[i].variant >= 0) {
            augment(&maker->augmentation, shape, maker->seed, (uint64_t)shown[i].variant, shown[i].image,
                    pixels, thread->augmented);
            pixels = thread->augmented;
        }
        scaling_apply(&parent->scaling, (size_t)shape.h * (size_t)shape.w, shape.c, pixels,
                      inputs + (size_t)i * floats);
    }
}

void feature_maker_run(struct feature_maker *maker, const struct shown_image *shown, int64_t count,
                       int32_t block, float *features, float *logits)
{
    size_t feature_floats = shape_count(teacher_features(maker->teacher));
    size_t classes = (size_t)maker->teacher->tail->class_count;
#pragma omp parallel for schedule(dynamic, 1) num_threads(maker->thread_count)
    for (int64_t first = 0; first < count; first += block) {
        struct maker_thread *thread = &maker->threads[omp_get_thread_num()];
        int32_t n = count - first < block ? (int32_t)(count - first) : block;
        float *to = features + (size_t)first * feature_floats;
        load_block(maker, thread, shown + first, n, thread->stem != NULL ? thread->inputs : to);
        if (thread->stem != NULL)
            memcpy(to, pass_forward(thread->stem, n, thread->inputs),
                   (size_t)n * feature_floats * sizeof(float));
        if (logits != NULL)
            memcpy(logits + (size_t)first * classes, pass_forward(thread->tail, n, to),
                   (size_t)n * classes * sizeof(float));
    }
}

/* --- sets --- */

static enum status allocate_set(const struct feature_maker *maker, int64_t count, struct feature_set *set)
{
    size_t features, logits;
    *set = (struct feature_set){.count = count,
                                .shape = teacher_features(maker->teacher),
                                .class_count = maker->teacher->tail->class_count};
    if (!size_multiply((size_t)count, shape_count(set->shape), &features) ||
        !size_multiply((size_t)count, (size_t)set->class_count, &logits))
        return error_set(STATUS_NO_MEMORY, "the features of %lld images are more than memory can address",
                         (long long)count);
    enum status status = memory_allocate(&set->features, features, sizeof(float), "features of images");
    if (status == STATUS_OK)
        status = memory_allocate(&set->logits, logits, sizeof(float), "logits of images");
    if (status == STATUS_OK)
        status = memory_allocate(&set->labels, (size_t)count, sizeof *set->labels, "labels of images");
    return status;
}

/* Collective. Rank `root` gives everybody `count` floats. */
static void give(MPI_Comm comm, float *floats, size_t count, int root)
{
    const size_t piece = (size_t)1 << 28; /* MPI counts are ints */
    for (size_t at = 0; at < count; at += piece)
        MPI_Bcast(floats + at, (int)(count - at < piece ? count - at : piece), MPI_FLOAT, root, comm);
}

/* This rank's own, telling how far it is. */
static void make_share(struct feature_maker *maker, struct run_progress *progress,
                       const struct shown_image *shown, int64_t count, float *features, float *logits)
{
    const int64_t piece = 64 * FEATURE_BLOCK;
    size_t feature_floats = shape_count(teacher_features(maker->teacher));
    size_t classes = (size_t)maker->teacher->tail->class_count;
    double started = seconds_now();
    run_progress_rank(progress, "asking the parent", -1, 0, count, 0);
    for (int64_t at = 0, end; at < count; at = end) {
        end = count - at < piece ? count : at + piece;
        feature_maker_run(maker, shown + at, end - at, FEATURE_BLOCK, features + (size_t)at * feature_floats,
                          logits + (size_t)at * classes);
        double elapsed = seconds_now() - started;
        run_progress_rank(progress, "asking the parent", -1, end, count,
                          elapsed > 0 ? (double)end / elapsed : 0);
    }
}

enum status feature_set_create(MPI_Comm comm, struct feature_maker *maker, const struct shown_image *shown,
                               int64_t count, struct run_progress *progress, struct feature_set *set)
{
    enum status status = ranks_agree(comm, allocate_set(maker, count, set));
    if (status != STATUS_OK) {
        feature_set_clear(set);
        return status;
    }
    const struct dataset *dataset = maker->images->dataset;
    size_t feature_floats = shape_count(set->shape), classes = (size_t)set->class_count;
    int64_t blocks = (count + FEATURE_BLOCK - 1) / FEATURE_BLOCK;
    for (int turn = 0; turn < 2; turn++) /* each computes its own, then each gives it to the others */
        for (int r = 0; r < ranks_count(comm); r++) {
            struct share share = share_of(blocks, ranks_count(comm), r);
            int64_t first = share.first * FEATURE_BLOCK, end = (share.first + share.count) * FEATURE_BLOCK;
            end = end < count ? end : count;
            if (end <= first)
                continue;
            float *features = set->features + (size_t)first * feature_floats;
            float *logits = set->logits + (size_t)first * classes;
            if (turn == 0 && r == ranks_rank(comm))
                make_share(maker, progress, shown + first, end - first, features, logits);
            if (turn == 1) {
                give(comm, features, (size_t)(end - first) * feature_floats, r);
                give(comm, logits, (size_t)(end - first) * classes, r);
            }
        }
    for (int64_t i = 0; i < count; i++)
        set->labels[i] = maker->images->class_of[dataset_label(dataset, shown[i].image)];
    return STATUS_OK;
}

void feature_set_clear(struct feature_set *set)
{
    memory_free(&set->features);
    memory_free(&set->logits);
    memory_free(&set->labels);
}

enum status feature_set_of_pool(MPI_Comm comm, struct feature_maker *maker,
                                const struct distill_images *images, int64_t count, uint64_t seed,
                                uint64_t stream, struct run_progress *progress, struct feature_set *set)
{
    int64_t there = images->train_count;
    struct shown_image *shown = NULL;
    uint32_t *order = NULL;
    enum status status = memory_allocate(&shown, (size_t)count, sizeof *shown, "images to learn from");
    if (status == STATUS_OK)
        status = memory_allocate(&order, (size_t)there, sizeof *order, "order of images");
    if (status == STATUS_OK)
        random_permutation(seed, stream, order, (size_t)there);
    for (int64_t i = 0; status == STATUS_OK && i < count; i++)
        shown[i] = (struct shown_image){images->train[order[i % there]], (int32_t)(i / there)};
    status = ranks_agree(comm, status);
    if (status == STATUS_OK)
        status = feature_set_create(comm, maker, shown, count, progress, set);
    memory_free(&shown);
    memory_free(&order);
    return status;
}

enum status feature_set_of_held(MPI_Comm comm, struct feature_maker *maker,
                                const struct distill_images *images, struct run_progress *progress,
                                struct feature_set *set)
{
    int64_t there = images->held_count, count = there < HELD_IMAGES_MAX ? there : HELD_IMAGES_MAX;
    struct shown_image *shown = NULL;
    enum status status = memory_allocate(&shown, (size_t)count, sizeof *shown, "held-back images");
    for (int64_t i = 0; status == STATUS_OK && i < count; i++)
        shown[i] = (struct shown_image){images->held[i * there / count], -1};
    status = ranks_agree(comm, status);
    if (status == STATUS_OK)
        status = feature_set_create(comm, maker, shown, count, progress, set);
    memory_free(&shown);
    return status;
}

enum status feature_set_outputs(const struct feature_set *set, const struct network *network, float *outputs)
{
    size_t floats = shape_count(set->shape), per_image = (size_t)network->class_count;
    struct error_carried carried = {STATUS_OK, ""};
    int64_t blocks = (set->count + FEATURE_BLOCK - 1) / FEATURE_BLOCK;
#pragma omp parallel
    {
        struct pass *pass = NULL;
        error_keep_first(&carried, pass_create(network, FEATURE_BLOCK, PASS_INFER, &pass));
#pragma omp for schedule(dynamic, 1)
        for (int64_t block = 0; block < blocks; block++) {
            int64_t first = block * FEATURE_BLOCK;
            int64_t n = set->count - first < FEATURE_BLOCK ? set->count - first : FEATURE_BLOCK;
            if (pass != NULL)
                memcpy(outputs + (size_t)first * per_image,
                       pass_forward(pass, (int32_t)n, set->features + (size_t)first * floats),
                       (size_t)n * per_image * sizeof(float));
        }
        pass_destroy(&pass);
    }
    return error_raise(&carried);
}
