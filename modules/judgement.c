#include "modules/judgement.h"

#include <math.h>

#include "compute/base/memory.h"
#include "modules/label_index.h"

enum { COUNT_IMAGES, COUNT_TOP1, COUNT_TOP5, COUNT_CONFUSION };

/* Keeps of the selected classifier labels those that the dataset has; all of them must be there when they
 * were asked for by name. */
static enum status labels_match(const struct classifier *classifier, const struct dataset *dataset,
                                const char *where_dataset, bool all, struct judgement *judgement)
{
    int32_t selected = judgement->label_count;
    judgement->label_count = 0;
    for (int32_t i = 0; i < selected; i++) {
        int32_t label = judgement->classifier_label[i];
        int32_t class = label_index((const class_name *)dataset->class_names, dataset->class_count,
                                    classifier->labels[label]);
        if (class < 0 && !all)
            return error_set(STATUS_NOT_FOUND,
                             "%s has no class \"%s\"; leave it out or give data that has it", where_dataset,
                             classifier->labels[label]);
        if (class < 0)
            continue;
        judgement->classifier_label[judgement->label_count] = label;
        judgement->dataset_class[judgement->label_count++] = class;
    }
    return STATUS_OK;
}

static enum status judgement_fill(const struct classifier *classifier, const char *where_classifier,
                                  const struct dataset *dataset, const char *where_dataset,
                                  const char *classes, struct judgement *judgement)
{
    size_t labels = (size_t)classifier->label_count;
    enum status status =
        memory_allocate(&judgement->classifier_label, labels, sizeof(int32_t), "judged labels");
    if (status == STATUS_OK)
        status = memory_allocate(&judgement->dataset_class, labels, sizeof(int32_t), "judged classes");
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
        status = labels_match(classifier, dataset, where_dataset, classes == NULL, judgement);
    if (status != STATUS_OK)
        return status;
    if (judgement->label_count == 0)
        return error_set(STATUS_NOT_FOUND,
                         "%s and %s share no class: the first of one is \"%s\", of the other \"%s\"; class "
                         "names must agree",
                         where_classifier, where_dataset, classifier->labels[0], dataset->class_names[0]);
    size_t judged = (size_t)judgement->label_count;
    judgement->counts_length = COUNT_CONFUSION + judged * judged;
    return memory_allocate(&judgement->counts, judgement->counts_length, sizeof(int64_t), "confusion counts");
}

enum status judgement_create(const struct classifier *classifier, const char *where_classifier,
                             const struct dataset *dataset, const char *where_dataset, const char *classes,
                             struct judgement **judgement)
{
    enum status status = memory_allocate(judgement, 1, sizeof **judgement, "judgement");
    if (status == STATUS_OK)
        status = judgement_fill(classifier, where_classifier, dataset, where_dataset, classes, *judgement);
    if (status != STATUS_OK)
        judgement_destroy(judgement);
    return status;
}

void judgement_destroy(struct judgement **judgement)
{
    if (*judgement == NULL)
        return;
    memory_free(&(*judgement)->classifier_label);
    memory_free(&(*judgement)->dataset_class);
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

void judgement_add(struct judgement *judgement, int32_t classifier_label_count, int64_t n,
                   const int32_t *truth, const float *scores)
{
    int64_t *confusion = judgement->counts + COUNT_CONFUSION;
    for (int64_t i = 0; i < n; i++) {
        const float *row = scores + (size_t)i * (size_t)classifier_label_count;
        int32_t rank = rank_of(judgement, row, truth[i]);
        judgement->counts[COUNT_IMAGES]++;
        judgement->counts[COUNT_TOP1] += rank < 1;
        judgement->counts[COUNT_TOP5] += rank < 5;
        confusion[(size_t)truth[i] * (size_t)judgement->label_count + (size_t)first_of(judgement, row)]++;
    }
}

static double fraction(int64_t part, int64_t whole)
{
    return whole == 0 ? 0.0 : (double)part / (double)whole;
}

int64_t judgement_images(const struct judgement *judgement)
{
    return judgement->counts[COUNT_IMAGES];
}

double judgement_top1(const struct judgement *judgement)
{
    return fraction(judgement->counts[COUNT_TOP1], judgement->counts[COUNT_IMAGES]);
}

double judgement_top5(const struct judgement *judgement)
{
    return fraction(judgement->counts[COUNT_TOP5], judgement->counts[COUNT_IMAGES]);
}

double judgement_class_recall(const struct judgement *judgement, int32_t label)
{
    int64_t images = 0;
    for (int32_t said = 0; said < judgement->label_count; said++)
        images += judgement_confusion(judgement, label, said);
    return fraction(judgement_confusion(judgement, label, label), images);
}

int64_t judgement_confusion(const struct judgement *judgement, int32_t truth, int32_t said)
{
    return judgement->counts[COUNT_CONFUSION + (size_t)truth * (size_t)judgement->label_count + (size_t)said];
}
