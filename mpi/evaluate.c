#include "mpi/evaluate.h"

#include "compute/base/memory.h"
#include "compute/formats/dataset_file.h"
#include "mpi/ranks.h"

enum { PIECE_IMAGES = 512 }; /* read and judged at a time: bounds memory, keeps every thread in work */

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

/* The judged classes' images, end to end, are numbered 0 … total−1; this rank judges its share of them. */
static enum status judge_share(struct judging *judging, struct share share)
{
    int64_t passed = 0; /* images of the classes before */
    for (int32_t label = 0; label < judging->judgement->label_count; label++) {
        int32_t class_index = judging->judgement->dataset_class[label];
        int64_t images = class_images(judging->dataset, class_index);
        int64_t from = share.first > passed ? share.first - passed : 0;
        int64_t end = share.first + share.count - passed;
        if (end > images)
            end = images;
        for (int64_t at = from; at < end; at += PIECE_IMAGES) {
            int64_t count = end - at < PIECE_IMAGES ? end - at : PIECE_IMAGES;
            int64_t first = judging->dataset->class_start[class_index] + at;
            enum status status = judge_piece(judging, label, first, count);
            if (status != STATUS_OK)
                return status;
        }
        passed += images;
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
    int64_t total = 0;
    for (int32_t label = 0; label < judgement->label_count; label++)
        total += class_images(dataset, judgement->dataset_class[label]);
    struct share share = share_of(total, ranks_count(comm), ranks_rank(comm));
    judging.total = share.count;

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
