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

/* judgement_create over one dataset. */
static enum status create(struct dataset *dataset, const char *name, const char *classes,
                          struct judgement **judgement)
{
    struct joined_dataset set;
    struct dataset_join join = dataset_join_of(dataset, name, &set);
    return judgement_create(&classifier, "C", &join, classes, judgement);
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
    assert_ok(create(dataset, "D", NULL, &judgement));
    const int32_t in_classifier[6] = {0, 1, 2, 3, 5, 6};
    const struct joined_class in_dataset[6] = {{0, 6}, {0, 5}, {0, 4}, {0, 3}, {0, 2}, {0, 1}};
    assert_int_equal(judgement->label_count, 6);
    assert_memory_equal(judgement->classifier_label, in_classifier, sizeof in_classifier);
    assert_memory_equal(judgement->classes, in_dataset, sizeof in_dataset);
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
    assert_ok(create(dataset, "D", "fox,#0", &judgement));
    assert_int_equal(judgement->label_count, 2);
    assert_int_equal(judgement->classifier_label[0], 5);
    assert_int_equal(judgement->classes[1].class_index, 6);
    judgement_destroy(&judgement);
    assert_fails(create(dataset, "D.h5", "eel", &judgement), STATUS_NOT_FOUND, "D.h5 has no class \"eel\"");
    assert_null(judgement);
    assert_int_equal(create(dataset, "D", "yak", &judgement), STATUS_NOT_FOUND);
    dataset_destroy(&dataset);
}

static void test_no_shared_class_is_an_error(void **state)
{
    (void)state;
    const class_name names[1] = {"yak"};
    struct dataset *dataset = make_dataset(names, 1);
    struct judgement *judgement;
    assert_fails(create(dataset, "D", NULL, &judgement), STATUS_NOT_FOUND, "share no class");
    assert_null(judgement);
    dataset_destroy(&dataset);
}

static void add_each(struct judgement *judgement, size_t n, const int32_t *truth, const float *scores)
{
    for (size_t i = 0; i < n; i++)
        judgement_add(judgement, 7, 1, truth[i], scores + 7 * i);
}

/* What is told without the matrix needs no matrix, however many labels there are. */
static void test_many_labels_need_no_matrix(void **state)
{
    (void)state;
    enum { LABELS = 3000 };
    class_name *names;
    struct judgement *judgement;
    float *scores;
    assert_ok(memory_allocate(&names, LABELS, sizeof *names, "test"));
    assert_ok(memory_allocate(&scores, LABELS, sizeof *scores, "test"));
    for (int i = 0; i < LABELS; i++)
        snprintf(names[i], sizeof names[i], "class %d", i);
    const struct classifier many = {.kind = "network", .label_count = LABELS, .labels = names};
    struct dataset *dataset = make_dataset((const class_name *)names, LABELS);
    struct joined_dataset set;
    struct dataset_join join = dataset_join_of(dataset, "D", &set);
    assert_ok(judgement_create(&many, "C", &join, NULL, &judgement));
    assert_int_equal(judgement->counts_length, 2 + 2 * LABELS);
    scores[17] = 1;
    judgement_add(judgement, LABELS, 1, 17, scores);
    judgement_add(judgement, LABELS, 1, 18, scores);
    assert_true(judgement_class_recall(judgement, 17) == 1.0);
    assert_true(judgement_class_recall(judgement, 18) == 0.0);
    assert_true(judgement_top1(judgement) == 0.5);
    judgement_destroy(&judgement);
    dataset_destroy(&dataset);
    memory_free(&scores);
    memory_free(&names);
}

/* Two datasets: labels find their classes in either, and by NAME/class where both have one. */
static void test_labels_of_two_datasets(void **state)
{
    (void)state;
    const class_name first[2] = {"cat", "dog"}, second[3] = {"boot", "cat", "bag"};
    struct dataset *datasets[2] = {make_dataset(first, 2), make_dataset(second, 3)};
    struct joined_dataset sets[2];
    dataset_join_of(datasets[0], "animals", &sets[0]);
    dataset_join_of(datasets[1], "things", &sets[1]);
    const struct dataset_join join = {2, sets};
    class_name good[4] = {"bag", "things/cat", "dog", "animals/cat"}, bad[2] = {"dog", "cat"},
               twice[2] = {"dog", "animals/dog"};
    const struct classifier resolved = {.kind = "composition", .label_count = 4, .labels = good};
    const struct classifier torn = {.kind = "composition", .label_count = 2, .labels = bad};
    const struct classifier doubled = {.kind = "composition", .label_count = 2, .labels = twice};
    const struct joined_class expected[4] = {{1, 2}, {1, 1}, {0, 1}, {0, 0}};
    struct judgement *judgement;
    assert_ok(judgement_create(&resolved, "C", &join, NULL, &judgement));
    assert_int_equal(judgement->label_count, 4);
    assert_memory_equal(judgement->classes, expected, sizeof expected);
    judgement_destroy(&judgement);
    assert_fails(judgement_create(&torn, "C.h5", &join, NULL, &judgement), STATUS_MISMATCH,
                 "call the module \"animals/cat\" or \"things/cat\"");
    assert_null(judgement);
    assert_fails(judgement_create(&doubled, "C.h5", &join, NULL, &judgement), STATUS_MISMATCH,
                 "\"dog\" and \"animals/dog\" of C.h5");
    dataset_destroy(&datasets[0]);
    dataset_destroy(&datasets[1]);
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
    assert_ok(create(dataset, "D", NULL, &judgement));
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
    assert_ok(judgement_keep_confusion(judgement));
    add_each(judgement, IMAGES, truth, scores);
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
    assert_ok(create(dataset, "D", NULL, &all));
    for (int32_t i = 0; i < 20; i++)
        truth[i] = i % JUDGED;
    assert_ok(judgement_keep_confusion(all));
    add_each(all, 20, truth, scores);
    for (int i = 0; i < 2; i++) {
        assert_ok(create(dataset, "D", NULL, &part[i]));
        assert_ok(judgement_keep_confusion(part[i]));
        add_each(part[i], 10, truth + 10 * i, scores + 70 * i);
    }
    assert_int_equal(all->counts_length, 2 + 2 * JUDGED + JUDGED * JUDGED);
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
    assert_ok(create(dataset, "D", NULL, &judgement));
    assert_true(judgement_top1(judgement) == 0.0);
    assert_true(judgement_class_recall(judgement, 0) == 0.0);
    assert_ok(judgement_keep_confusion(judgement));
    add_each(judgement, 2, truth, scores[0]);
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
        cmocka_unit_test(test_many_labels_need_no_matrix),
        cmocka_unit_test(test_labels_of_two_datasets),
        cmocka_unit_test(test_ties_go_to_the_first_and_nan_never_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
