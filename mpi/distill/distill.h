/* Methods `distill`, small modules that learn to say what the parent says, and `gradient`, small parts of the
 * parent as it is.
 *
 * Phase one makes each class's module by itself (distill_class.h), over ranks through
 * mpi/classes/class_run.h. Phase two trains all modules together (distill_joint.h). Neither looks at labels
 * but to choose images. */
#ifndef FACET_MPI_DISTILL_DISTILL_H
#define FACET_MPI_DISTILL_DISTILL_H

#include "compute/data/augment.h"
#include "compute/data/dataset.h"
#include "mpi/classes/class_run.h"

enum { DISTILL_STEM_BYTES = 16 };

struct distill_options {
    double budget;        /* multiply-adds of a module beyond its stem, as a fraction of the whole parent's */
    const char *stem;     /* modules/distill/teacher.h; "auto": distill_stem.h, whose budget is then taken */
    int32_t steps;        /* phase one, a class; 0: the modules are cut and never tuned */
    bool frozen;          /* method gradient: learn which channels stay, and no weights */
    int32_t joint_steps;  /* phase two; 0: none */
    float temperature;    /* of posteriors and scores */
    float rate;           /* peak learning rate of phase one */
    float joint_rate;     /* of phase two */
    int32_t batch_images; /* in both */
    int32_t joint_batch_images;
    int64_t pool_images; /* augmented images whose features are kept in memory for phase one */
    uint64_t seed;
    struct augmentation augmentation;
};

struct distill_options distill_options_default(void);
/* STATUS_USAGE names the option that makes no sense. */
enum status distill_options_check(const struct distill_options *options);
/* All that a module of phase one is a function of; and what phase two adds. */
void distill_options_record(const struct distill_options *options, struct option_records *records);
void distill_options_record_joint(const struct distill_options *options, struct option_records *records);

struct distillation {
    const struct network *network;
    const struct dataset *dataset; /* all loaded */
    const char *dataset_path;
    const struct distill_options *options;
    bool measure; /* fill held_top1 also without a phase two */
    /* Everything but parents, make and context, which are set here. After a phase two that is stopped or
     * fails, phase one's parts are kept for resuming. */
    struct class_work work;
};

/* What came of it, the same on every rank. */
struct distill_result {
    double parent_held_top1;       /* of the parent, on held-back images of the classes asked for */
    double held_top1;              /* of the modules together, on the same; −1 when it was not measured */
    char stem[DISTILL_STEM_BYTES]; /* with --stem auto: the one chosen, and the budget behind it; else "" */
    double budget;
    double joint_seconds; /* of phase two's steps, and of these: */
    double
        exchange_seconds; /* exchanging scores, waiting for slower ranks left out; the largest of all ranks */
    uint64_t stem_multiply_adds, parent_multiply_adds;
};

/* Collective. Writes work.output_path, a modules file; the same bytes for any number of ranks and threads. */
enum status distill_run(const struct distillation *distillation, struct distill_result *result);

#endif
