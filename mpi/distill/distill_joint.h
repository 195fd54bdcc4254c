/* Phase two of method `distill`: all modules learn together. Every rank keeps some of them, all see the same
 * batch, one allgather a step gives everybody the scores of all (and the parent's logits, of which each rank
 * computes a share), and each trains its own on its part of the gradient of one loss: the softmax over all
 * scores against the parent's posterior, both at a temperature. Modules stay separate networks. */
#ifndef FACET_MPI_DISTILL_DISTILL_JOINT_H
#define FACET_MPI_DISTILL_DISTILL_JOINT_H

#include "mpi/distill/distill.h"
#include "mpi/distill/distill_features.h"

struct distill_joint {
    const struct distill_options *options;
    const struct teacher *teacher;
    const struct distill_images *images;
    struct feature_maker *maker;
    const struct feature_set *held; /* of images held back */
    const char *modules_path;       /* phase one's modules, a row for each class of `work` */
    const struct class_work *work;
};

/* Collective. Writes work->output_path. STATUS_STOPPED when a signal ended it: how far it got is
 * then kept (mpi/distill/distill_checkpoint.h), as it is every work->checkpoint_seconds, and work->resume
 * goes on there. The same bytes for any number of ranks and threads. Fills held_top1 and the seconds of
 * *result. */
enum status distill_joint_run(const struct distill_joint *job, struct distill_result *result);

#endif
