#include "network_module_test.h"

#include "modules/composition/composition.h"

/* Composes `count` sets by their arguments and frees them. */
static enum status compose(struct module_set **sets, const char *const *arguments, int32_t count,
                           struct module_set **composition)
{
    struct module_selection selections[4];
    for (int32_t i = 0; i < count; i++)
        assert_ok(module_selection_parse(arguments[i], &selections[i]));
    enum status status = composition_create(sets, selections, count, composition);
    for (int32_t i = 0; i < count; i++)
        module_selection_clear(&selections[i]);
    return status;
}

static void sets_destroy(struct module_set **sets, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        module_set_destroy(&sets[i]);
}

static void test_modules_come_in_the_order_selected(void **state)
{
    (void)state;
    struct module_set *sets[2] = {random_set(dense_network(1, 4), 0.5, 1),
                                  random_set(plain_network(2, 3), 0.5, 2)};
    const char *const arguments[2] = {"a:3,#1=one", "b:2=two"};
    struct module_set *made;
    const struct module *source = &sets[0]->modules[3];
    assert_ok(compose(sets, arguments, 2, &made));
    assert_int_equal(made->parent_count, 2);
    assert_int_equal(made->module_count, 3);
    assert_string_equal(made->modules[0].label, "3");
    assert_string_equal(made->modules[1].label, "one");
    assert_string_equal(made->modules[1].class_name, "1");
    assert_string_equal(made->modules[2].label, "two");
    assert_int_equal(made->modules[1].class_index, 1);
    assert_int_equal(made->modules[1].parent, 0);
    assert_int_equal(made->modules[2].parent, 1);
    assert_string_equal(made->parents[0]->layers[1].name, "flatten");
    assert_string_equal(made->parents[1]->layers[1].name, "conv1");
    assert_null(sets[0]->parents[0]);
    assert_memory_equal(made->modules[0].map, source->map, 3);
    assert_memory_equal(made->modules[0].head_weights, source->head_weights, 2 * 9 * sizeof(float));
    assert_int_equal(made->modules[0].kept.units, source->kept.units);
    module_set_destroy(&made);
    assert_null(made);
    module_set_destroy(&made);
    sets_destroy(sets, 2);
}

static void test_identical_parents_are_kept_once(void **state)
{
    (void)state;
    struct module_set *sets[3] = {full_set(dense_network(1, 3)), full_set(dense_network(2, 3)),
                                  full_set(dense_network(1, 3))};
    const char *const arguments[3] = {"a:0", "b:1", "c:2"};
    struct module_set *made;
    assert_ok(compose(sets, arguments, 3, &made));
    assert_int_equal(made->parent_count, 2);
    assert_int_equal(made->modules[0].parent, 0);
    assert_int_equal(made->modules[1].parent, 1);
    assert_int_equal(made->modules[2].parent, 0);
    module_set_destroy(&made);
    sets_destroy(sets, 3);
}

/* Networks of one stem meet again; one that takes images stands on none. */
static void test_identical_stems_are_kept_once(void **state)
{
    (void)state;
    struct module_set *sets[3] = {every_kind(1), every_kind(1), every_kind(2)}, *made;
    const char *const arguments[3] = {"a:ant,cat", "b:bee", "c:ant=other,dog"};
    assert_ok(compose(sets, arguments, 3, &made));
    assert_int_equal(made->parent_count, 3);
    assert_int_equal(made->modules[0].parent, 0);
    assert_int_equal(made->modules[1].parent, -1);
    assert_int_equal(made->modules[2].parent, 0);
    assert_int_equal(made->modules[3].parent, 1);
    assert_int_equal(made->modules[4].parent, 2);
    assert_memory_equal(made->modules[2].map, sets[1]->modules[2].map, 6);
    assert_true(made->modules[2].network != sets[1]->modules[2].network);
    module_set_destroy(&made);
    sets_destroy(sets, 3);
}

static void test_parents_without_a_module_stay_out(void **state)
{
    (void)state;
    struct module_set *pair[2] = {full_set(dense_network(1, 3)), full_set(dense_network(2, 3))};
    const char *const arguments[2] = {"a:0", "b:1"};
    const char *const second[1] = {"ab:1=x"};
    struct module_set *both, *made;
    assert_ok(compose(pair, arguments, 2, &both));
    assert_ok(compose(&both, second, 1, &made));
    assert_int_equal(made->parent_count, 1);
    assert_string_equal(made->modules[0].label, "x");
    assert_non_null(both->parents[0]);
    assert_null(both->parents[1]);
    module_set_destroy(&made);
    module_set_destroy(&both);
    sets_destroy(pair, 2);
}

static void test_one_class_can_serve_under_two_labels(void **state)
{
    (void)state;
    struct module_set *set = full_set(dense_network(1, 3));
    const char *const arguments[1] = {"a:1,1=again"};
    struct module_set *made;
    assert_ok(compose(&set, arguments, 1, &made));
    assert_int_equal(made->module_count, 2);
    assert_string_equal(made->modules[1].class_name, "1");
    assert_true(made->modules[0].map != made->modules[1].map);
    module_set_destroy(&made);
    module_set_destroy(&set);
}

static void test_a_label_stands_once(void **state)
{
    (void)state;
    struct module_set *sets[2] = {full_set(dense_network(1, 3)), full_set(dense_network(2, 3))};
    const char *const clash[2] = {"a:0,1", "b:2=1"}, *const whole[2] = {"a", "b"};
    struct module_set *made = (struct module_set *)state;
    assert_fails(compose(sets, clash, 2, &made), STATUS_MISMATCH, "\"1\" would stand twice");
    assert_null(made);
    assert_int_equal(compose(sets, whole, 2, &made), STATUS_MISMATCH);
    assert_non_null(sets[0]->parents[0]); /* nothing was moved */
    assert_non_null(sets[1]->parents[0]);
    sets_destroy(sets, 2);
}

static void test_unknown_classes_are_named(void **state)
{
    (void)state;
    struct module_set *set = full_set(dense_network(1, 3));
    const char *const unknown[1] = {"a.h5:cat"}, *const outside[1] = {"a.h5:#3"};
    struct module_set *made = (struct module_set *)state;
    assert_fails(compose(&set, unknown, 1, &made), STATUS_NOT_FOUND, "a.h5");
    assert_null(made);
    assert_int_equal(compose(&set, outside, 1, &made), STATUS_NOT_FOUND);
    module_set_destroy(&set);
}

static void test_nothing_to_compose_is_an_error(void **state)
{
    (void)state;
    struct module_set *made;
    assert_int_equal(composition_create(NULL, NULL, 0, &made), STATUS_USAGE);
    assert_null(made);
}

static void test_replacing_keeps_place_and_label(void **state)
{
    (void)state;
    struct module_set *set = random_set(dense_network(1, 3), 0.5, 1), *made;
    struct module_set *from = random_set(plain_network(2, 4), 0.5, 2);
    uint64_t kept = from->modules[3].kept.units;
    snprintf(set->modules[1].label, sizeof(class_name), "old");
    assert_ok(composition_replace(set, "old", from, "#3", "", &made));
    assert_int_equal(made->module_count, 3);
    assert_int_equal(made->parent_count, 2);
    assert_string_equal(made->modules[1].label, "old");
    assert_string_equal(made->modules[1].class_name, "3");
    assert_int_equal(made->modules[1].class_index, 3);
    assert_int_equal(made->modules[1].parent, 1);
    assert_int_equal(made->modules[1].kept.units, kept);
    assert_int_equal(made->modules[2].parent, 0);
    module_set_destroy(&made);
    module_set_destroy(&set);
    module_set_destroy(&from);
}

static void test_replacing_with_a_label_of_its_own(void **state)
{
    (void)state;
    struct module_set *set = full_set(dense_network(1, 3)), *from = full_set(plain_network(2, 4)), *made;
    assert_fails(composition_replace(set, "1", from, "3", "2", &made), STATUS_MISMATCH, "\"2\"");
    assert_null(made);
    assert_ok(composition_replace(set, "1", from, "3", "cup", &made));
    assert_string_equal(made->modules[0].label, "0");
    assert_string_equal(made->modules[1].label, "cup");
    assert_string_equal(made->modules[1].class_name, "3");
    module_set_destroy(&made);
    module_set_destroy(&set);
    module_set_destroy(&from);
}

static void test_a_parent_no_longer_used_leaves(void **state)
{
    (void)state;
    struct module_set *pair[2] = {full_set(dense_network(1, 3)), full_set(dense_network(2, 3))};
    const char *const arguments[2] = {"a:0,1", "b:2"};
    struct module_set *both, *made, *from = full_set(dense_network(1, 3));
    assert_ok(compose(pair, arguments, 2, &both));
    assert_ok(composition_replace(both, "2", from, "2", "", &made));
    assert_int_equal(made->parent_count, 1);
    assert_int_equal(made->modules[2].parent, 0);
    module_set_destroy(&made);
    module_set_destroy(&from);
    module_set_destroy(&both);
    sets_destroy(pair, 2);
}

static void test_replacing_needs_both_modules(void **state)
{
    (void)state;
    struct module_set *set = full_set(dense_network(1, 3)), *from = full_set(dense_network(2, 3));
    struct module_set *made = (struct module_set *)state;
    assert_fails(composition_replace(set, "cat", from, "1", "", &made), STATUS_NOT_FOUND, "cat");
    assert_null(made);
    assert_fails(composition_replace(set, "1", from, "dog", "", &made), STATUS_NOT_FOUND, "dog");
    assert_non_null(set->parents[0]);
    assert_non_null(from->parents[0]);
    module_set_destroy(&set);
    module_set_destroy(&from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modules_come_in_the_order_selected),
        cmocka_unit_test(test_identical_parents_are_kept_once),
        cmocka_unit_test(test_identical_stems_are_kept_once),
        cmocka_unit_test(test_parents_without_a_module_stay_out),
        cmocka_unit_test(test_one_class_can_serve_under_two_labels),
        cmocka_unit_test(test_a_label_stands_once),
        cmocka_unit_test(test_unknown_classes_are_named),
        cmocka_unit_test(test_nothing_to_compose_is_an_error),
        cmocka_unit_test(test_replacing_keeps_place_and_label),
        cmocka_unit_test(test_replacing_with_a_label_of_its_own),
        cmocka_unit_test(test_a_parent_no_longer_used_leaves),
        cmocka_unit_test(test_replacing_needs_both_modules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
