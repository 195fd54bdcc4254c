#include "module_test.h"

#include <math.h>

#include "modules/classifier/classifier.h"
#include "modules/tuning.h"

enum { CLASSES = 4, IMAGES = 20 };

/* Scores of all modules for random images; takes the set. The caller frees them. */
static float *scores_of(struct module_set *set, struct shape shape)
{
    struct classifier *classifier;
    struct classifier_run *run;
    float *scores;
    uint8_t *pixels = random_pixels(shape, IMAGES, 77);
    assert_ok(memory_allocate(&scores, (size_t)IMAGES * (size_t)set->module_count, sizeof *scores, "test"));
    assert_ok(classifier_from_modules(set, "composition", &classifier));
    assert_ok(classifier_run_create(classifier, shape, &run, NULL));
    assert_ok(classifier_scores(run, IMAGES, pixels, scores));
    classifier_run_destroy(&run);
    classifier_destroy(&classifier);
    memory_free(&pixels);
    return scores;
}

/* A set with all modules of `set` as tuning them makes them; `change` (NULL: none) works on each tail. */
static struct module_set *tuned_set(const struct module_set *set, enum tune_part part,
                                    void (*change)(struct network *tail))
{
    struct module_set *made;
    assert_ok(module_set_create(set->parent_count, set->module_count, &made));
    for (int32_t i = 0; i < set->module_count; i++) {
        struct tuning tuning;
        assert_ok(tuning_create(set, i, part, &tuning));
        if (change != NULL)
            change(tuning.tail);
        assert_ok(tuning_module(&tuning, 0, &made->modules[i]));
        if (set->modules[i].kind == MODULE_NETWORK && made->parents[0] == NULL && tuning.base != NULL)
            assert_ok(network_copy(tuning.base, &made->parents[0]));
        if (set->modules[i].kind == MODULE_MAP && made->parents[0] == NULL && tuning.front != NULL)
            assert_ok(network_copy(tuning.front, &made->parents[0]));
        tuning_clear(&tuning);
    }
    if (made->parents[0] == NULL)
        made->parent_count = 0;
    return made;
}

static void assert_close(const float *a, const float *b)
{
    for (size_t i = 0; i < (size_t)IMAGES * CLASSES; i++)
        assert_true(fabsf(a[i] - b[i]) <= 1e-4F * (1 + fabsf(a[i])));
}

/* Before any step the tuned module says what the map module said. */
static void test_untouched_tails_change_no_score(void **state)
{
    (void)state;
    for (int maker = 0; maker < NETWORK_MAKERS; maker++)
        for (int part = TUNE_HEAD; part <= TUNE_ALL; part++) {
            struct network *network = network_makers[maker](5, CLASSES);
            struct shape shape = network_input_shape(network);
            struct module_set *set = full_set(network);
            struct module_set *once = tuned_set(set, (enum tune_part)part, NULL);
            assert_int_equal(once->modules[1].kind, MODULE_NETWORK);
            assert_string_equal(once->modules[1].label, set->modules[1].label);
            assert_true(module_origin_exists(&once->modules[1].origin));
            /* Once more, now that they are networks, of which a part is tuned again. */
            struct module_set *twice = tuned_set(once, TUNE_HEAD, NULL);
            float *before = scores_of(set, shape), *after = scores_of(once, shape),
                  *again = scores_of(twice, shape);
            assert_close(before, after);
            assert_close(after, again);
            memory_free(&before);
            memory_free(&after);
            memory_free(&again);
        }
}

static int32_t tail_layers(const struct module_set *set, enum tune_part part)
{
    struct tuning tuning;
    assert_ok(tuning_create(set, 0, part, &tuning));
    int32_t layers = tuning.tail->layer_count;
    assert_int_equal(tuning.tail->class_count, 1);
    tuning_clear(&tuning);
    return layers;
}

/* plain_network: conv1, relu1, pool (4×4), conv2 (2×2), relu2, flatten, output. */
static void test_where_a_network_is_cut(void **state)
{
    (void)state;
    struct module_set *set = full_set(plain_network(1, CLASSES));
    assert_int_equal(tail_layers(set, TUNE_HEAD), 2);       /* input and output */
    assert_int_equal(tail_layers(set, TUNE_LAST_STAGE), 5); /* input, conv2, relu2, flatten, output */
    assert_int_equal(tail_layers(set, TUNE_ALL), 8);
    module_set_destroy(&set);
}

/* A dense network on a grey image has no stage of higher resolution to leave out but the image itself. */
static void test_a_network_that_cannot_be_cut_is_tuned_whole(void **state)
{
    (void)state;
    struct module_set *set = full_set(dense_network(1, CLASSES));
    struct tuning tuning;
    assert_ok(tuning_create(set, 0, TUNE_LAST_STAGE, &tuning));
    assert_null(tuning.front);
    assert_int_equal(tuning.frozen_count, 0);
    tuning_clear(&tuning);
    module_set_destroy(&set);
}

static void raise_bias(struct network *tail)
{
    tail->parameters[tail->parameter_count - 1] += 2; /* of the last layer: the margin's */
}

/* What tuning changed is what the module has afterwards, of both kinds. */
static void test_a_changed_tail_changes_the_module(void **state)
{
    (void)state;
    struct network *network = residual_network(3, CLASSES);
    struct shape shape = network_input_shape(network);
    struct module_set *set = full_set(network);
    struct module_set *once = tuned_set(set, TUNE_LAST_STAGE, raise_bias),
                      *twice = tuned_set(once, TUNE_HEAD, raise_bias);
    float *before = scores_of(set, shape), *after = scores_of(once, shape), *again = scores_of(twice, shape);
    for (size_t i = 0; i < (size_t)IMAGES * CLASSES; i++) {
        before[i] += 2;
        again[i] -= 2;
    }
    assert_close(before, after);
    assert_close(after, again);
    memory_free(&before);
    memory_free(&after);
    memory_free(&again);
}

static void test_names_of_parts(void **state)
{
    (void)state;
    enum tune_part part = TUNE_ALL;
    assert_ok(tune_part_from_name("last-stage", &part));
    assert_int_equal(part, TUNE_LAST_STAGE);
    assert_string_equal(tune_part_name(TUNE_HEAD), "head");
    assert_fails(tune_part_from_name("tail", &part), STATUS_NOT_FOUND, "head, last-stage or all");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_untouched_tails_change_no_score),
        cmocka_unit_test(test_where_a_network_is_cut),
        cmocka_unit_test(test_a_network_that_cannot_be_cut_is_tuned_whole),
        cmocka_unit_test(test_a_changed_tail_changes_the_module),
        cmocka_unit_test(test_names_of_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
