#include "mpi/score_images.h"

#include "compute/base/memory.h"
#include "mpi/ranks.h"

/* Read and passed at a time: bounds memory, keeps every thread in work. Whole chunks of the classifier. */
enum { PIECE_IMAGES = 32 * CLASSIFIER_CHUNK };

/* One rank's work. */
struct scorer {
    const struct image_scoring *job;
    uint8_t *pixels; /* (PIECE_IMAGES, largest image of the join) */
    float *scores;   /* (PIECE_IMAGES, label_count) */
    int64_t done, total;
    double started;
};

static int64_t class_images(const struct image_scoring *job, int32_t class)
{
    int64_t images = dataset_join_class_images(job->join, job->classes[class]);
    int64_t passed = (images + job->stride - 1) / job->stride;
    return job->class_most > 0 && passed > job->class_most ? job->class_most : passed;
}

static int64_t class_chunks(const struct image_scoring *job, int32_t class)
{
    return (class_images(job, class) + CLASSIFIER_CHUNK - 1) / CLASSIFIER_CHUNK;
}

int64_t image_scoring_total(const struct image_scoring *scoring)
{
    int64_t images = 0;
    for (int32_t class = 0; class < scoring->class_count; class ++)
        images += class_images(scoring, class);
    return images;
}

/* All classes' chunks, end to end, are shared among the ranks. */
static struct share own_share(const struct image_scoring *job)
{
    int64_t chunks = 0;
    for (int32_t class = 0; class < job->class_count; class ++)
        chunks += class_chunks(job, class);
    return share_of(chunks, ranks_count(job->comm), ranks_rank(job->comm));
}

/* A rank's part of a class: images from … end−1 of it; none when from ≥ end. */
struct class_part {
    int64_t from, end;
};

/* `passed` chunks are of the classes before. */
static struct class_part own_part(const struct image_scoring *job, int32_t class, int64_t passed,
                                  struct share share)
{
    int64_t images = class_images(job, class);
    int64_t from = share.first > passed ? share.first - passed : 0, end = share.first + share.count - passed;
    struct class_part part = {from * CLASSIFIER_CHUNK, end * CLASSIFIER_CHUNK};
    if (part.end > images)
        part.end = images;
    return part;
}

static int64_t share_images(const struct image_scoring *job, struct share share)
{
    int64_t passed = 0, images = 0;
    for (int32_t class = 0; class < job->class_count; class ++) {
        struct class_part part = own_part(job, class, passed, share);
        if (part.end > part.from)
            images += part.end - part.from;
        passed += class_chunks(job, class);
    }
    return images;
}

/* `count` images from place `from` of a class on; the class's first image has number `number`. */
static enum status score_piece(struct scorer *scorer, int32_t class, int64_t number, int64_t from,
                               int64_t count)
{
    const struct image_scoring *job = scorer->job;
    struct joined_class of = job->classes[class];
    if (job->stop != NULL && *job->stop)
        return error_set(STATUS_STOPPED, "stopped by a signal while %s; nothing was written", job->activity);
    enum status status =
        dataset_join_read(job->join, of, from * job->stride, job->stride, count, scorer->pixels);
    if (status == STATUS_OK)
        status = classifier_scores(job->run->run[of.dataset], count, scorer->pixels, scorer->scores);
    if (status != STATUS_OK)
        return status;
    job->take(job->context, class, number + from, count, scorer->scores);
    scorer->done += count;
    double elapsed = seconds_now() - scorer->started;
    run_progress_rank(job->progress, job->activity, -1, scorer->done, scorer->total,
                      elapsed > 0 ? (double)scorer->done / elapsed : 0);
    return STATUS_OK;
}

static enum status score_share(struct scorer *scorer, struct share share)
{
    const struct image_scoring *job = scorer->job;
    int64_t passed = 0, number = 0;
    for (int32_t class = 0; class < job->class_count; class ++) {
        struct class_part part = own_part(job, class, passed, share);
        for (int64_t at = part.from; at < part.end; at += PIECE_IMAGES) {
            int64_t count = part.end - at < PIECE_IMAGES ? part.end - at : PIECE_IMAGES;
            enum status status = score_piece(scorer, class, number, at, count);
            if (status != STATUS_OK)
                return status;
        }
        passed += class_chunks(job, class);
        number += class_images(job, class);
    }
    return STATUS_OK;
}

static enum status scorer_prepare(struct scorer *scorer)
{
    const struct image_scoring *job = scorer->job;
    size_t image = 0, labels = (size_t)job->classifier->label_count;
    for (int32_t i = 0; i < job->join->count; i++) {
        size_t bytes = shape_count(job->join->sets[i].dataset->shape);
        image = bytes > image ? bytes : image;
    }
    enum status status = memory_allocate(&scorer->pixels, PIECE_IMAGES * image, 1, "images to classify");
    if (status == STATUS_OK)
        status = memory_allocate(&scorer->scores, PIECE_IMAGES * labels, sizeof(float), "scores");
    return status;
}

enum status score_images(const struct image_scoring *scoring)
{
    struct share share = own_share(scoring);
    struct scorer scorer = {.job = scoring, .total = share_images(scoring, share), .started = seconds_now()};
    enum status status = scorer_prepare(&scorer);
    if (status == STATUS_OK)
        status = score_share(&scorer, share);
    memory_free(&scorer.pixels);
    memory_free(&scorer.scores);
    return ranks_agree(scoring->comm, status);
}
