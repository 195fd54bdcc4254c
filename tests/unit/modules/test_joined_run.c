#include "module_test.h"

#include "modules/classifier/joined_run.h"

static struct dataset *images_of(struct shape shape)
{
    struct dataset *dataset;
    const int32_t label = 0;
    uint8_t *pixels = random_pixels(shape, 1, 1);
    assert_ok(dataset_create(shape, 1, NULL, pixels, &label, 1, &dataset));
    memory_free(&pixels);
    return dataset;
}

/* Three datasets, two of one shape: these share a run, and it is known whose images are resized. */
static void test_datasets_of_one_shape_share_a_run(void **state)
{
    (void)state;
    struct dataset *datasets[3] = {images_of((struct shape){8, 8, 3}), images_of((struct shape){5, 9, 1}),
                                   images_of((struct shape){8, 8, 3})};
    struct joined_dataset sets[3];
    const struct dataset_join join = {3, sets};
    struct classifier *classifier;
    struct joined_run *run;
    for (int i = 0; i < 3; i++)
        dataset_join_of(datasets[i], "D", &sets[i]);
    assert_ok(classifier_from_modules(full_set(plain_network(1, 4)), "modules", &classifier));
    assert_ok(joined_run_create(classifier, &join, &run));
    assert_ptr_equal(run->run[0], run->run[2]);
    assert_ptr_not_equal(run->run[0], run->run[1]);
    assert_false(run->adapted[0]);
    assert_true(run->adapted[1]);
    assert_false(run->adapted[2]);
    joined_run_destroy(&run);
    assert_null(run);
    joined_run_destroy(&run);
    classifier_destroy(&classifier);
    for (int i = 0; i < 3; i++)
        dataset_destroy(&datasets[i]);
}

/* A parent that takes vectors, not images: no picture can be brought to that. */
static void test_a_parent_that_takes_no_images_is_refused(void **state)
{
    (void)state;
    struct network *network = new_network(1, 1, 12);
    int32_t at = add_dense(network, "dense1", 0, 6);
    at = add_plain(network, LAYER_RELU, "relu1", at);
    struct dataset *dataset = images_of((struct shape){8, 8, 3});
    struct joined_dataset set;
    const struct dataset_join join = dataset_join_of(dataset, "pictures", &set);
    struct classifier *classifier;
    struct joined_run *run;
    assert_ok(classifier_from_modules(full_set(finished(network, at, 3, 1)), "modules", &classifier));
    assert_fails(joined_run_create(classifier, &join, &run), STATUS_SHAPE, "images of pictures: ");
    assert_null(run);
    classifier_destroy(&classifier);
    dataset_destroy(&dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_datasets_of_one_shape_share_a_run),
        cmocka_unit_test(test_a_parent_that_takes_no_images_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
