#include "mpi/evaluate.h"

#include "mpi/ranks.h"
#include "mpi/score_images.h"

struct judging {
    struct judgement *judgement;
    int32_t label_count; /* of the classifier */
};

static void judge(void *context, int32_t class, int64_t first, int64_t n, const float *scores)
{
    const struct judging *judging = context;
    (void)first;
    judgement_add(judging->judgement, judging->label_count, n, class, scores);
}

enum status evaluate_classifier(MPI_Comm comm, const struct classifier *classifier, struct joined_run *run,
                                struct dataset_join *join, struct judgement *judgement,
                                const volatile sig_atomic_t *stop, struct run_progress *progress)
{
    struct judging judging = {judgement, classifier->label_count};
    const struct image_scoring scoring = {.comm = comm,
                                          .classifier = classifier,
                                          .run = run,
                                          .join = join,
                                          .class_count = judgement->label_count,
                                          .classes = judgement->classes,
                                          .stride = 1,
                                          .activity = "evaluating",
                                          .stop = stop,
                                          .progress = progress,
                                          .take = judge,
                                          .context = &judging};
    enum status status = score_images(&scoring);
    if (status == STATUS_OK)
        ranks_sum(comm, judgement->counts, judgement->counts_length, MPI_INT64_T);
    return status;
}
