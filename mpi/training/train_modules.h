/* One module a class, each a small classifier "the class, or not" trained from scratch; classes go over ranks
 * with mpi/classes/class_run.h. */
#ifndef FACET_MPI_TRAINING_TRAIN_MODULES_H
#define FACET_MPI_TRAINING_TRAIN_MODULES_H

#include "compute/network/zoo.h"
#include "mpi/classes/class_run.h"
#include "mpi/training/train.h"

struct modules_training {
    const char *net; /* of the zoo, with one output */
    enum shortcut shortcut;
    struct dataset *dataset; /* all images loaded; its mean and deviation become the networks' scaling */
    const char *dataset_name;
    /* One epoch is as many images as twice those of the class: it sees each of its own about once. */
    const struct train_options *options;
};

/* Whether the network can be built for the images; the errors of zoo_build. */
enum status modules_training_check(const struct modules_training *training);

/* Collective. Fills in what `work` makes and with what (make, context, parents), and runs it: a modules file
 * of networks that take images, one a class of work->classes, the same bytes for any number of ranks. A
 * class's module is a function of the dataset, the options and the class. */
enum status train_modules(const struct modules_training *training, struct class_work *work,
                          struct class_run_result *result);

#endif
