/* A classifier made ready to run on images of joined datasets, each of its own shape. */
#ifndef FACET_MODULES_CLASSIFIER_JOINED_RUN_H
#define FACET_MODULES_CLASSIFIER_JOINED_RUN_H

#include "compute/formats/dataset_join.h"
#include "modules/classifier/classifier.h"

struct joined_run {
    int32_t count;               /* of datasets */
    struct classifier_run **run; /* (count); datasets of one shape share one; owned */
    bool *adapted;               /* (count): images are brought to another shape for some parent; owned */
};

/* The classifier must outlive it; errors of classifier_run_create name the dataset. */
enum status joined_run_create(const struct classifier *classifier, const struct dataset_join *join,
                              struct joined_run **run);
void joined_run_destroy(struct joined_run **run);

#endif
