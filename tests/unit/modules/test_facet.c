/* The public interface, from the shared library. */
#include "module_test.h"

#include "compute/formats/network_file.h"
#include "modules/classifier/classifier.h"
#include "modules/facet.h"
#include "modules/file/modules_file.h"

enum { IMAGES = 20 };

static void test_scores_are_those_of_the_classifier(void **state)
{
    char *path = path_in(state, "m.h5");
    struct module_set *set = random_set(plain_network(1, 4), 0.7, 1);
    const struct shape shape = network_input_shape(set->parents[0]);
    uint8_t *pixels = random_pixels(shape, IMAGES, 1);
    float expected[IMAGES * 4], scores[IMAGES * 4];
    struct classifier *classifier;
    struct classifier_run *run;
    struct facet_model *model = NULL;
    assert_ok(modules_file_save(set, "modules", path));
    assert_ok(classifier_from_modules(set, "modules", &classifier));
    assert_ok(classifier_run_create(classifier, shape, &run, NULL));
    assert_ok(classifier_scores(run, IMAGES, pixels, expected));

    assert_int_equal(facet_open(path, &model), FACET_OK);
    assert_string_equal(facet_kind(model), "modules");
    assert_int_equal(facet_label_count(model), 4);
    assert_string_equal(facet_label(model, 2), "2");
    assert_null(facet_label(model, 4));
    assert_null(facet_label(model, -1));
    struct facet_shape found = facet_input_shape(model);
    assert_int_equal(found.height, 8);
    assert_int_equal(found.width, 8);
    assert_int_equal(found.channels, 3);
    assert_int_equal(facet_classify(model, pixels, IMAGES, scores), FACET_OK);
    assert_memory_equal(scores, expected, sizeof scores);
    assert_int_equal(facet_classify(model, NULL, 0, NULL), FACET_OK);
    assert_int_equal(facet_classify(model, NULL, 1, scores), FACET_USAGE);
    assert_non_null(strstr(facet_error(), "facet_classify"));
    facet_close(&model);
    assert_null(model);
    facet_close(&model);
    facet_close(NULL);

    classifier_run_destroy(&run);
    classifier_destroy(&classifier);
    memory_free(&pixels);
    free(path);
}

static void test_networks_open_too(void **state)
{
    char *path = path_in(state, "n.h5");
    struct network *network = dense_network(2, 3);
    struct facet_model *model;
    const uint8_t image[20] = {1, 2, 3};
    float scores[3] = {0};
    assert_ok(network_file_write(network, path));
    assert_int_equal(facet_open(path, &model), FACET_OK);
    assert_string_equal(facet_kind(model), "network");
    assert_int_equal(facet_classify(model, image, 1, scores), FACET_OK);
    assert_true(scores[0] != 0.0F);
    facet_close(&model);
    network_destroy(&network);
    free(path);
}

static void test_failures_are_told(void **state)
{
    char *path = path_in(state, "none.h5");
    struct facet_model *model = (struct facet_model *)state;
    assert_int_equal(facet_open(path, &model), FACET_IO);
    assert_null(model);
    assert_non_null(strstr(facet_error(), "none.h5"));
    assert_int_equal(facet_open(path, NULL), FACET_USAGE);
    assert_int_equal(facet_open(NULL, &model), FACET_USAGE);
    free(path);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_scores_are_those_of_the_classifier),
        IN_FOLDER(test_networks_open_too),
        IN_FOLDER(test_failures_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
