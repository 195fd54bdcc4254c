#include "mpi/evaluate.h"

#include "compute/base/memory.h"
#include "compute/formats/dataset_file.h"
#include "mpi/ranks.h"

/* Read and judged at a time: bounds memory, keeps every thread in work. Whole chunks of the classifier,
 * counted from the beginning of each class, so that the last bits of scores do not depend on the number of
 * ranks. */
enum { PIECE_IMAGES = 32 * CLASSIFIER_CHUNK };

struct judging {
    struct classifier_run *run;
    int32_t classifier_label_count;
    struct dataset *dataset;
    const char *dataset_path;
    struct judgement *judgement;
    const volatile sig_atomic_t *stop;
    struct run_progress *progress;
    float *scores;  /* (PIECE_IMAGES, classifier_label_count) */
    int32_t *truth; /* (PIECE_IMAGES) */
    int64_t done, total;
    double started;
};

static int64_t class_images(const struct dataset *dataset, int32_t class_index)
{
    return dataset->class_start[class_index + 1] - dataset->class_start[class_index];
}

/* `count` images from `first` on, all of judged label `label`. */
static enum status judge_piece(struct judging *judging, int32_t label, int64_t first, int64_t count)
{
    enum status status = STATUS_OK;
    if (judging->stop != NULL && *judging->stop)
        return error_set(STATUS_STOPPED, "stopped by a signal while evaluating; nothing was written");
    if (judging->dataset_path != NULL)
        status = dataset_file_load_range(judging->dataset, judging->dataset_path, first, count);
    if (status == STATUS_OK)
        status =
            classifier_scores(judging->run, count, dataset_image(judging->dataset, first), judging->scores);
    if (status != STATUS_OK)
        return status;
    for (int64_t i = 0; i < count; i++)
        judging->truth[i] = label;
    judgement_add(judging->judgement, judging->classifier_label_count, count, judging->truth,
                  judging->scores);
    judging->done += count;
    double elapsed = seconds_now() - judging->started;
    run_progress_rank(judging->progress, "evaluating", -1, judging->done, judging->total,
                      elapsed > 0 ? (double)judging->done / elapsed : 0);
    return STATUS_OK;
}

static int64_t class_chunks(const struct judging *judging, int32_t label)
{
    int64_t images = class_images(judging->dataset, judging->judgement->dataset_class[label]);
    return (images + CLASSIFIER_CHUNK - 1) / CLASSIFIER_CHUNK;
}

/* This rank's part of a class: images from … end−1 of it. */
struct class_part {
    int64_t from, end;
};

/* The judged classes' chunks, end to end, are numbered 0 … total−1, and shared among the ranks; `passed` are
 * those of the classes before. */
static struct class_part own_part(const struct judging *judging, int32_t label, int64_t passed,
                                  struct share share)
{
    int64_t images = class_images(judging->dataset, judging->judgement->dataset_class[label]);
    int64_t from = share.first > passed ? share.first - passed : 0, end = share.first + share.count - passed;
    struct class_part part = {from * CLASSIFIER_CHUNK, end * CLASSIFIER_CHUNK};
    if (part.end > images)
        part.end = images;
    return part;
}

static struct share own_share(MPI_Comm comm, const struct judging *judging)
{
    int64_t chunks = 0;
    for (int32_t label = 0; label < judging->judgement->label_count; label++)
        chunks += class_chunks(judging, label);
    return share_of(chunks, ranks_count(comm), ranks_rank(comm));
}

static int64_t share_images(const struct judging *judging, struct share share)
{
    int64_t passed = 0, images = 0;
    for (int32_t label = 0; label < judging->judgement->label_count; label++) {
        struct class_part part = own_part(judging, label, passed, share);
        if (part.end > part.from)
            images += part.end - part.from;
        passed += class_chunks(judging, label);
    }
    return images;
}

static enum status judge_share(struct judging *judging, struct share share)
{
    int64_t passed = 0;
    for (int32_t label = 0; label < judging->judgement->label_count; label++) {
        int32_t class_index = judging->judgement->dataset_class[label];
        struct class_part part = own_part(judging, label, passed, share);
        for (int64_t at = part.from; at < part.end; at += PIECE_IMAGES) {
            int64_t count = part.end - at < PIECE_IMAGES ? part.end - at : PIECE_IMAGES;
            int64_t first = judging->dataset->class_start[class_index] + at;
            enum status status = judge_piece(judging, label, first, count);
            if (status != STATUS_OK)
                return status;
        }
        passed += class_chunks(judging, label);
    }
    return STATUS_OK;
}

enum status evaluate_classifier(MPI_Comm comm, struct classifier_run *run, int32_t classifier_label_count,
                                struct dataset *dataset, const char *dataset_path,
                                struct judgement *judgement, const volatile sig_atomic_t *stop,
                                struct run_progress *progress)
{
    struct judging judging = {.run = run,
                              .classifier_label_count = classifier_label_count,
                              .dataset = dataset,
                              .dataset_path = dataset_path,
                              .judgement = judgement,
                              .stop = stop,
                              .progress = progress,
                              .started = seconds_now()};
    struct share share = own_share(comm, &judging);
    judging.total = share_images(&judging, share);

    enum status status = memory_allocate(
        &judging.scores, (size_t)PIECE_IMAGES * (size_t)classifier_label_count, sizeof(float), "scores");
    if (status == STATUS_OK)
        status = memory_allocate(&judging.truth, PIECE_IMAGES, sizeof(int32_t), "labels");
    if (status == STATUS_OK)
        status = judge_share(&judging, share);
    memory_free(&judging.scores);
    memory_free(&judging.truth);
    status = ranks_agree(comm, status);
    if (status == STATUS_OK)
        MPI_Allreduce(MPI_IN_PLACE, judgement->counts, (int)judgement->counts_length, MPI_INT64_T, MPI_SUM,
                      comm);
    return status;
}
