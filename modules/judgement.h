/* Counting how often a classifier is right. Counts are integers and add, so ranks can judge shares of a test
 * set. */
#ifndef FACET_MODULES_JUDGEMENT_H
#define FACET_MODULES_JUDGEMENT_H

#include "compute/formats/dataset_join.h"
#include "modules/classifier/classifier.h"

struct judgement {
    int32_t label_count;
    int32_t *classifier_label;    /* (label_count): place of each judged label in the classifier; owned */
    struct joined_class *classes; /* (label_count): its class in the data; owned */
    /* One array, so that ranks can sum it as one: top1, top5, then for each label its images and how many of
     * them were put in it, then, when it is kept, the confusion matrix (truth × said), label_count² entries;
     * owned. */
    int64_t *counts;
    size_t counts_length;
    bool has_confusion;
};

/* What is judged: the labels the classifier and the data share (dataset_join_find), in the classifier's
 * order, or those of `classes` (class_names_select's syntax over the classifier's labels; NULL for all).
 * Scores of other labels are ignored, as if the classifier had been restricted. STATUS_NOT_FOUND when a class
 * asked for is missing in either, or none is shared; STATUS_MISMATCH when two labels mean one class.
 * `where_classifier` names the file in messages. */
enum status judgement_create(const struct classifier *classifier, const char *where_classifier,
                             const struct dataset_join *join, const char *classes,
                             struct judgement **judgement);
void judgement_destroy(struct judgement **judgement);

/* Makes room for the confusion matrix; before the first judgement_add. */
enum status judgement_keep_confusion(struct judgement *judgement);

/* Adds n images whose truth is judged label `truth` (0 … label_count−1) with the classifier's scores
 * (n, classifier.label_count). Ties go to the label that comes first. */
void judgement_add(struct judgement *judgement, int32_t classifier_label_count, int64_t n, int32_t truth,
                   const float *scores);

int64_t judgement_images(const struct judgement *judgement);
double judgement_top1(const struct judgement *judgement); /* fractions; 0 when there are no images */
double judgement_top5(const struct judgement *judgement);
double judgement_class_recall(const struct judgement *judgement, int32_t label);
/* Of a judgement that keeps it. */
int64_t judgement_confusion(const struct judgement *judgement, int32_t truth, int32_t said);

#endif
