/* One network of the modules of a parent, and which plan a composition takes. */
#include "network_module_test.h"

#include <math.h>

#include "compute/network/pass.h"
#include "modules/classifier/classifier.h"
#include "modules/composition/composition_plan.h"
#include "modules/composition/composition_union.h"

enum { IMAGES = 20 };

static void keep_nothing(const struct unit_layout *layout, uint8_t *map)
{
    memset(map, 0, unit_map_bytes(layout));
}

/* Keeps all units of the channels of each layer of which c % every ≠ drop. */
static void keep_channels(const struct unit_layout *layout, uint8_t *map, int32_t every, int32_t drop)
{
    for (int32_t i = 0; i < layout->layer_count; i++) {
        size_t channels = (size_t)layout->layer_channels[i], first = layout->unit_offset[i];
        for (size_t u = first; u < layout->unit_offset[i + 1]; u++)
            if ((int32_t)((u - first) % channels) % every != drop)
                unit_map_keep(map, u);
    }
}

/* Modules whose maps keep whole channels: module m drops those with c % 3 = drops[m]; calibrated. */
static struct module_set *channel_set(struct network *network, const int32_t *drops)
{
    struct module_set *set = full_set(network);
    struct unit_layout *layout;
    assert_ok(unit_layout_create(network, &layout));
    for (int32_t m = 0; m < set->module_count; m++) {
        struct module *module = &set->modules[m];
        keep_nothing(layout, module->map);
        keep_channels(layout, module->map, 3, drops[m]);
        unit_map_measure(layout, module->map, &module->kept.units, &module->kept.channels);
        module->scale = 0.5F + 0.25F * (float)m;
        module->offset = 1 - (float)m;
        snprintf(module->label, sizeof module->label, "label %d", (int)m);
    }
    unit_layout_destroy(&layout);
    return set;
}

static float *scores_of(struct classifier *classifier, const uint8_t *pixels)
{
    struct classifier_run *run;
    float *scores;
    assert_ok(memory_allocate(&scores, IMAGES * (size_t)classifier->label_count, sizeof *scores, "test"));
    assert_ok(classifier_run_create(classifier, classifier_input_shape(classifier), &run, NULL));
    assert_ok(classifier_scores(run, IMAGES, pixels, scores));
    classifier_run_destroy(&run);
    return scores;
}

static void assert_close(const float *found, const float *expected, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fabsf(found[i] - expected[i]) > 1e-4F * (1.0F + fabsf(expected[i])))
            fail_msg("score %zu is %g; expected %g", i, (double)found[i], (double)expected[i]);
}

/* The scores of the network against those of `votes`; takes both over. */
static void assert_scores_like(struct network *united, struct module_set *votes)
{
    struct classifier *one, *many;
    assert_ok(classifier_from_network(united, &one));
    assert_ok(classifier_from_modules(votes, "composition", &many));
    assert_int_equal(one->label_count, many->label_count);
    uint8_t *pixels = random_pixels(classifier_input_shape(one), IMAGES, 1);
    float *found = scores_of(one, pixels), *expected = scores_of(many, pixels);
    assert_close(found, expected, IMAGES * (size_t)one->label_count);
    for (int32_t i = 0; i < one->label_count; i++)
        assert_string_equal(one->labels[i], many->labels[i]);
    memory_free(&pixels);
    memory_free(&found);
    memory_free(&expected);
    classifier_destroy(&one);
    classifier_destroy(&many);
}

static void test_equal_maps_unite_exactly(void **state)
{
    (void)state;
    const int32_t drops[4] = {1, 1, 1, 1};
    for (uint64_t i = 0; i < NETWORK_MAKERS; i++) {
        struct network *united, *parent = network_makers[i](i, 4);
        bool exact = false;
        uint64_t whole = network_multiply_adds(parent);
        struct module_set *set = channel_set(parent, drops);
        assert_ok(composition_union(set, &united, &exact));
        assert_true(exact || network_makers[i] == residual_network); /* a sum may need what is held at zero */
        assert_true(network_multiply_adds(united) < whole);
        if (exact) {
            assert_scores_like(united, set);
            continue;
        }
        network_destroy(&united);
        module_set_destroy(&set);
    }
}

/* Of channels that some module keeps and others drop, the union keeps all. */
static void test_the_union_keeps_what_any_module_keeps(void **state)
{
    (void)state;
    const int32_t different[3] = {0, 1, 1}, none[3] = {-1, -1, -1};
    struct network *united;
    bool exact = true;
    struct module_set *set = channel_set(dense_network(2, 3), different);
    struct module_set *votes = channel_set(dense_network(2, 3), none);
    assert_ok(composition_union(set, &united, &exact));
    assert_false(exact);
    assert_scores_like(united, votes); /* 0 and 1 never drop the same */
    module_set_destroy(&set);
}

/* A channel is kept whole when one of its units is. */
static void test_a_partly_kept_channel_is_not_exact(void **state)
{
    (void)state;
    const int32_t drops[3] = {-1, -1, -1};
    struct network *united;
    bool exact = true;
    struct module_set *set = channel_set(plain_network(2, 3), drops);
    for (int32_t m = 0; m < 3; m++) {
        set->modules[m].map[3] = 0x0f;
        set->modules[m].kept.units -= 4;
    }
    assert_ok(composition_union(set, &united, &exact));
    assert_false(exact);
    assert_int_equal(network_multiply_adds(united), network_multiply_adds(set->parents[0]));
    network_destroy(&united);
    module_set_destroy(&set);
}

static void test_what_cannot_be_united_is_named(void **state)
{
    (void)state;
    struct network *united = (struct network *)state;
    bool exact;
    struct planned_composition planned;
    struct module_set *set = every_kind(1);
    assert_fails(composition_union(set, &united, &exact), STATUS_MISMATCH, "ant, bee, cat, dog");
    assert_null(united);
    assert_fails(composition_plan_make(set, PLAN_UNION, &planned), STATUS_MISMATCH, "--plan votes");
    module_set_destroy(&set);
    set = full_set(dense_network(1, 2));
    struct module_set *other = full_set(dense_network(2, 2)), *both;
    assert_ok(module_set_create(2, 2, &both));
    for (int32_t i = 0; i < 2; i++) {
        struct module_set *from = i == 0 ? set : other;
        assert_ok(module_copy(&from->modules[i], from->parents[0], &both->modules[i]));
        both->parents[i] = from->parents[0];
        from->parents[0] = NULL;
        both->modules[i].parent = i;
        module_set_destroy(&from);
    }
    assert_fails(composition_union(both, &united, &exact), STATUS_MISMATCH, "another network");
    module_set_destroy(&both);
}

static void test_auto_takes_an_exact_union_that_is_cheaper(void **state)
{
    (void)state;
    const int32_t same[3] = {1, 1, 1}, different[3] = {0, 1, 2};
    struct planned_composition planned;
    struct module_set *set = channel_set(dense_network(1, 3), same);
    assert_ok(composition_plan_make(set, PLAN_AUTO, &planned));
    assert_non_null(planned.united);
    assert_int_equal(planned.multiply_adds, network_multiply_adds(planned.united));
    assert_non_null(strstr(planned.reason, "exact"));
    planned_composition_clear(&planned);
    assert_ok(composition_plan_make(set, PLAN_VOTES, &planned));
    assert_null(planned.united);
    module_set_destroy(&set);
    set = channel_set(dense_network(1, 3), different);
    assert_ok(composition_plan_make(set, PLAN_AUTO, &planned));
    assert_null(planned.united);
    assert_non_null(strstr(planned.reason, "scores of its own"));
    assert_ok(composition_plan_make(set, PLAN_UNION, &planned));
    assert_non_null(planned.united);
    planned_composition_clear(&planned);
    module_set_destroy(&set);
    set = every_kind(1);
    assert_ok(composition_plan_make(set, PLAN_AUTO, &planned));
    assert_null(planned.united);
    assert_non_null(strstr(planned.reason, "no union"));
    module_set_destroy(&set);
}

static void test_plans_have_names(void **state)
{
    (void)state;
    enum composition_plan plan = PLAN_VOTES;
    assert_true(composition_plan_from_name("auto", &plan));
    assert_int_equal(plan, PLAN_AUTO);
    assert_false(composition_plan_from_name("Union", &plan));
    assert_false(composition_plan_from_name("", &plan));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_maps_unite_exactly),
        cmocka_unit_test(test_the_union_keeps_what_any_module_keeps),
        cmocka_unit_test(test_a_partly_kept_channel_is_not_exact),
        cmocka_unit_test(test_what_cannot_be_united_is_named),
        cmocka_unit_test(test_auto_takes_an_exact_union_that_is_cheaper),
        cmocka_unit_test(test_plans_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
