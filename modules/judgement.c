#include "modules/judgement.h"

#include <math.h>

#include "compute/base/memory.h"

/* Where counts are. */
enum { COUNT_TOP1, COUNT_TOP5, COUNT_CLASSES };

/* Keeps of the selected classifier labels those that the data have; all of them must be there when they were
 * asked for by name. */
static enum status labels_match(const struct classifier *classifier, const char *where_classifier,
                                const struct dataset_join *join, bool all, struct judgement *judgement)
{
    int32_t selected = judgement->label_count;
    judgement->label_count = 0;
    for (int32_t i = 0; i < selected; i++) {
        int32_t label = judgement->classifier_label[i];
        struct joined_class found;
        enum status status = dataset_join_find(join, classifier->labels[label], where_classifier, &found);
        if (status != STATUS_OK)
            return status;
        if (found.dataset < 0 && !all) {
            char paths[512];
            dataset_join_describe(join, paths, sizeof paths);
            return error_set(STATUS_NOT_FOUND,
                             "%s has no class \"%s\"; leave it out or give data that has it", paths,
                             classifier->labels[label]);
        }
        if (found.dataset < 0)
            continue;
        judgement->classifier_label[judgement->label_count] = label;
        judgement->classes[judgement->label_count++] = found;
    }
    return STATUS_OK;
}

/* No class is judged under two labels ("cat" and "NAME/cat"): its images have one truth. */
static enum status classes_differ(const struct classifier *classifier, const char *where_classifier,
                                  const struct dataset_join *join, const struct judgement *judgement)
{
    for (int32_t i = 0; i < judgement->label_count; i++)
        for (int32_t j = 0; j < i; j++)
            if (judgement->classes[i].dataset == judgement->classes[j].dataset &&
                judgement->classes[i].class_index == judgement->classes[j].class_index)
                return error_set(
                    STATUS_MISMATCH,
                    "labels \"%s\" and \"%s\" of %s both mean class %s of %s; leave one out with "
                    "--classes",
                    classifier->labels[judgement->classifier_label[j]],
                    classifier->labels[judgement->classifier_label[i]], where_classifier,
                    join->sets[judgement->classes[i].dataset]
                        .dataset->class_names[judgement->classes[i].class_index],
                    join->sets[judgement->classes[i].dataset].name);
    return STATUS_OK;
}

static enum status refuse_strangers(const struct classifier *classifier, const char *where_classifier,
                                    const struct dataset_join *join)
{
    char paths[512];
    dataset_join_describe(join, paths, sizeof paths);
    return error_set(STATUS_NOT_FOUND,
                     "%s and %s share no class: the first of one is \"%s\", of the other \"%s\"; class "
                     "names must agree (facet import --class-names gives a network its own)",
                     where_classifier, paths, classifier->labels[0], join->sets[0].dataset->class_names[0]);
}

static enum status judgement_fill(const struct classifier *classifier, const char *where_classifier,
                                  const struct dataset_join *join, const char *classes,
                                  struct judgement *judgement)
{
    size_t labels = (size_t)classifier->label_count;
    enum status status =
        memory_allocate(&judgement->classifier_label, labels, sizeof(int32_t), "judged labels");
    if (status == STATUS_OK)
        status = memory_allocate(&judgement->classes, labels, sizeof(struct joined_class), "judged classes");
    if (status != STATUS_OK)
        return status;
    if (classes != NULL) {
        status = class_names_select((const class_name *)classifier->labels, classifier->label_count, classes,
                                    where_classifier, judgement->classifier_label, &judgement->label_count);
    } else {
        judgement->label_count = classifier->label_count;
        for (int32_t i = 0; i < classifier->label_count; i++)
            judgement->classifier_label[i] = i;
    }
    if (status == STATUS_OK)
        status = labels_match(classifier, where_classifier, join, classes == NULL, judgement);
    if (status == STATUS_OK)
        status = classes_differ(classifier, where_classifier, join, judgement);
    if (status != STATUS_OK)
        return status;
    if (judgement->label_count == 0)
        return refuse_strangers(classifier, where_classifier, join);
    judgement->counts_length = COUNT_CLASSES + 2 * (size_t)judgement->label_count;
    return memory_allocate(&judgement->counts, judgement->counts_length, sizeof(int64_t), "counts");
}

enum status judgement_create(const struct classifier *classifier, const char *where_classifier,
                             const struct dataset_join *join, const char *classes,
                             struct judgement **judgement)
{
    enum status status = memory_allocate(judgement, 1, sizeof **judgement, "judgement");
    if (status == STATUS_OK)
        status = judgement_fill(classifier, where_classifier, join, classes, *judgement);
    if (status != STATUS_OK)
        judgement_destroy(judgement);
    return status;
}

enum status judgement_keep_confusion(struct judgement *judgement)
{
    size_t labels = (size_t)judgement->label_count;
    int64_t *counts;
    enum status status = memory_allocate(&counts, COUNT_CLASSES + 2 * labels + labels * labels,
                                         sizeof(int64_t), "the confusion matrix");
    if (status != STATUS_OK)
        return status;
    memory_free(&judgement->counts);
    judgement->counts = counts;
    judgement->counts_length = COUNT_CLASSES + 2 * labels + labels * labels;
    judgement->has_confusion = true;
    return STATUS_OK;
}

void judgement_destroy(struct judgement **judgement)
{
    if (*judgement == NULL)
        return;
    memory_free(&(*judgement)->classifier_label);
    memory_free(&(*judgement)->classes);
    memory_free(&(*judgement)->counts);
    memory_free(judgement);
}

/* The score of a judged label; one that is not a number counts as the least, so that it never wins. */
static float score_of(const struct judgement *judgement, const float *scores, int32_t label)
{
    float score = scores[judgement->classifier_label[label]];
    return isnan(score) ? -INFINITY : score;
}

/* How many judged labels stand before `label` in the order of scores, ties in label order. */
static int32_t rank_of(const struct judgement *judgement, const float *scores, int32_t label)
{
    float own = score_of(judgement, scores, label);
    int32_t before = 0;
    for (int32_t i = 0; i < judgement->label_count; i++) {
        float other = score_of(judgement, scores, i);
        before += other > own || (other == own && i < label);
    }
    return before;
}

static int32_t first_of(const struct judgement *judgement, const float *scores)
{
    int32_t best = 0;
    for (int32_t i = 1; i < judgement->label_count; i++)
        if (score_of(judgement, scores, i) > score_of(judgement, scores, best))
            best = i;
    return best;
}

/* Counters of a label: its images, and how many of them were put in it. */
static int64_t *class_counts_of(const struct judgement *judgement, int32_t label)
{
    return judgement->counts + COUNT_CLASSES + 2 * (size_t)label;
}

static int64_t *confusion_row(const struct judgement *judgement, int32_t truth)
{
    return class_counts_of(judgement, judgement->label_count) +
           (size_t)truth * (size_t)judgement->label_count;
}

void judgement_add(struct judgement *judgement, int32_t classifier_label_count, int64_t n, int32_t truth,
                   const float *scores)
{
    int64_t *class_counts = class_counts_of(judgement, truth);
    for (int64_t i = 0; i < n; i++) {
        const float *row = scores + (size_t)i * (size_t)classifier_label_count;
        int32_t rank = rank_of(judgement, row, truth);
        judgement->counts[COUNT_TOP1] += rank < 1;
        judgement->counts[COUNT_TOP5] += rank < 5;
        class_counts[0]++;
        class_counts[1] += rank < 1;
        if (judgement->has_confusion)
            confusion_row(judgement, truth)[first_of(judgement, row)]++;
    }
}

static double fraction(int64_t part, int64_t whole)
{
    return whole == 0 ? 0.0 : (double)part / (double)whole;
}

int64_t judgement_images(const struct judgement *judgement)
{
    int64_t images = 0;
    for (int32_t label = 0; label < judgement->label_count; label++)
        images += class_counts_of(judgement, label)[0];
    return images;
}

double judgement_top1(const struct judgement *judgement)
{
    return fraction(judgement->counts[COUNT_TOP1], judgement_images(judgement));
}

double judgement_top5(const struct judgement *judgement)
{
    return fraction(judgement->counts[COUNT_TOP5], judgement_images(judgement));
}

double judgement_class_recall(const struct judgement *judgement, int32_t label)
{
    const int64_t *class_counts = class_counts_of(judgement, label);
    return fraction(class_counts[1], class_counts[0]);
}

int64_t judgement_confusion(const struct judgement *judgement, int32_t truth, int32_t said)
{
    return confusion_row(judgement, truth)[said];
}
