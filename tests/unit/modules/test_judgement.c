#include "module_test.h"

#include <math.h>

#include "modules/judgement.h"

/* A classifier that is nothing but its labels, and a dataset with them in another order and two more. */
static class_name labels[7] = {"ant", "bee", "cat", "dog", "eel", "fox", "gnu"};
static const struct classifier classifier = {.kind = "network", .label_count = 7, .labels = labels};

static struct dataset *make_dataset(const class_name *names, int32_t count)
{
    struct dataset *dataset;
    const uint8_t pixels[1] = {0};
    const int32_t label[1] = {0};
    assert_ok(dataset_create((struct shape){1, 1, 1}, count, names, pixels, label, 1, &dataset));
    return dataset;
}

static struct dataset *shuffled_dataset(void)
{
    const class_name names[8] = {"yak", "gnu", "fox", "dog", "cat", "bee", "ant", "emu"};
    return make_dataset(names, 8);
}

static void test_shared_labels_in_the_classifiers_order(void **state)
{
    (void)state;
    struct dataset *dataset = shuffled_dataset();
    struct judgement *judgement;
    assert_ok(judgement_create(&classifier, "C", dataset, "D", NULL, &judgement));
    const int32_t in_classifier[6] = {0, 1, 2, 3, 5, 6}, in_dataset[6] = {6, 5, 4, 3, 2, 1};
    assert_int_equal(judgement->label_count, 6);
    assert_memory_equal(judgement->classifier_label, in_classifier, sizeof in_classifier);
    assert_memory_equal(judgement->dataset_class, in_dataset, sizeof in_dataset);
    judgement_destroy(&judgement);
    assert_null(judgement);
    judgement_destroy(&judgement);
    dataset_destroy(&dataset);
}

static void test_a_class_asked_for_must_be_in_both(void **state)
{
    (void)state;
    struct dataset *dataset = shuffled_dataset();
    struct judgement *judgement;
    assert_ok(judgement_create(&classifier, "C", dataset, "D", "fox,#0", &judgement));
    assert_int_equal(judgement->label_count, 2);
    assert_int_equal(judgement->classifier_label[0], 5);
    assert_int_equal(judgement->dataset_class[1], 6);
    judgement_destroy(&judgement);
    assert_fails(judgement_create(&classifier, "C", dataset, "D.h5", "eel", &judgement), STATUS_NOT_FOUND,
                 "D.h5 has no class \"eel\"");
    assert_null(judgement);
    assert_int_equal(judgement_create(&classifier, "C", dataset, "D", "yak", &judgement), STATUS_NOT_FOUND);
    dataset_destroy(&dataset);
}

static void test_no_shared_class_is_an_error(void **state)
{
    (void)state;
    const class_name names[1] = {"yak"};
    struct dataset *dataset = make_dataset(names, 1);
    struct judgement *judgement;
    assert_fails(judgement_create(&classifier, "C", dataset, "D", NULL, &judgement), STATUS_NOT_FOUND,
                 "share no class");
    assert_null(judgement);
    dataset_destroy(&dataset);
}

static int compare_scores(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

enum { IMAGES = 200, JUDGED = 6 };

/* Distinct random scores; counted by sorting them. */
static void test_counts_equal_a_naive_count(void **state)
{
    (void)state;
    struct dataset *dataset = shuffled_dataset();
    struct judgement *judgement;
    float *scores = new_normal(IMAGES * 7, 5);
    int32_t truth[IMAGES];
    int64_t top1 = 0, top5 = 0, confusion[JUDGED][JUDGED] = {{0}};
    assert_ok(judgement_create(&classifier, "C", dataset, "D", NULL, &judgement));
    for (size_t i = 0; i < IMAGES; i++) {
        float judged[JUDGED], sorted[JUDGED];
        truth[i] = (int32_t)random_below(6, 1, i, JUDGED);
        for (size_t j = 0; j < JUDGED; j++)
            sorted[j] = judged[j] = scores[7 * i + (size_t)judgement->classifier_label[j]];
        qsort(sorted, JUDGED, sizeof *sorted, compare_scores);
        top1 += judged[truth[i]] == sorted[0];
        top5 += judged[truth[i]] >= sorted[4];
        for (size_t j = 0; j < JUDGED; j++)
            confusion[truth[i]][j] += judged[j] == sorted[0];
    }
    judgement_add(judgement, 7, 150, truth, scores);
    judgement_add(judgement, 7, IMAGES - 150, truth + 150, scores + 7 * 150);
    assert_int_equal(judgement_images(judgement), IMAGES);
    assert_true(judgement_top1(judgement) == (double)top1 / IMAGES);
    assert_true(judgement_top5(judgement) == (double)top5 / IMAGES);
    for (int32_t t = 0; t < JUDGED; t++) {
        int64_t row = 0;
        for (int32_t s = 0; s < JUDGED; s++) {
            row += confusion[t][s];
            assert_int_equal(judgement_confusion(judgement, t, s), confusion[t][s]);
        }
        assert_true(judgement_class_recall(judgement, t) == (double)confusion[t][t] / (double)row);
    }
    memory_free(&scores);
    judgement_destroy(&judgement);
    dataset_destroy(&dataset);
}

static void test_counts_add_up_as_one_array(void **state)
{
    (void)state;
    struct dataset *dataset = shuffled_dataset();
    struct judgement *all, *part[2];
    float *scores = new_normal(20 * 7, 9);
    int32_t truth[20];
    assert_ok(judgement_create(&classifier, "C", dataset, "D", NULL, &all));
    for (int32_t i = 0; i < 20; i++)
        truth[i] = i % JUDGED;
    judgement_add(all, 7, 20, truth, scores);
    for (int i = 0; i < 2; i++) {
        assert_ok(judgement_create(&classifier, "C", dataset, "D", NULL, &part[i]));
        judgement_add(part[i], 7, 10, truth + 10 * i, scores + 70 * i);
    }
    assert_int_equal(all->counts_length, 3 + JUDGED * JUDGED);
    for (size_t i = 0; i < all->counts_length; i++)
        assert_int_equal(all->counts[i], part[0]->counts[i] + part[1]->counts[i]);
    for (int i = 0; i < 2; i++)
        judgement_destroy(&part[i]);
    judgement_destroy(&all);
    memory_free(&scores);
    dataset_destroy(&dataset);
}

static void test_ties_go_to_the_first_and_nan_never_wins(void **state)
{
    (void)state;
    struct dataset *dataset = shuffled_dataset();
    struct judgement *judgement;
    const float scores[2][7] = {{1, 2, 2, 0, 9, 2, 0}, {NAN, 1, NAN, 0, 9, 0, -1}};
    const int32_t truth[2] = {2, 0};
    assert_ok(judgement_create(&classifier, "C", dataset, "D", NULL, &judgement));
    assert_true(judgement_top1(judgement) == 0.0);
    assert_true(judgement_class_recall(judgement, 0) == 0.0);
    judgement_add(judgement, 7, 2, truth, scores[0]);
    assert_int_equal(judgement_confusion(judgement, 2, 1), 1); /* "bee" before "cat"; "eel" is not judged */
    assert_int_equal(judgement_confusion(judgement, 0, 1), 1);
    assert_true(judgement_top1(judgement) == 0.0);
    assert_true(judgement_top5(judgement) == 1.0);
    judgement_destroy(&judgement);
    dataset_destroy(&dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_labels_in_the_classifiers_order),
        cmocka_unit_test(test_a_class_asked_for_must_be_in_both),
        cmocka_unit_test(test_no_shared_class_is_an_error),
        cmocka_unit_test(test_counts_equal_a_naive_count),
        cmocka_unit_test(test_counts_add_up_as_one_array),
        cmocka_unit_test(test_ties_go_to_the_first_and_nan_never_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
