/* Jaccard indices of modules, against figures worked out by hand. */
#include "margin_test.h"

#include "modules/overlap.h"

enum { CLASSES = 3 };

static void assert_index(double index, double shared, double either)
{
    assert_true(fabs(index - shared / either) < 1e-12);
}

/* dense_network is 20, 11, 9, CLASSES. Module i keeps units 0 … first[i] − 1 of the first hidden layer, and
 * all of the second. */
static struct module_set *known_set(const int32_t first[CLASSES])
{
    struct module_set *set = full_set(dense_network(1, CLASSES));
    for (int32_t i = 0; i < CLASSES; i++)
        for (int32_t u = first[i]; u < 11; u++)
            set->modules[i].map[u / 8] = (uint8_t)(set->modules[i].map[u / 8] & ~(1U << u % 8));
    return set;
}

/* Weights before the output when so many units of the first layer stay. */
static double weights_of(int32_t units)
{
    return units * (20 + 1 + 9) + 9;
}

static void test_maps_overlap_by_their_weights(void **state)
{
    (void)state;
    static const int32_t first[CLASSES] = {11, 5, 2};
    struct module_set *set = known_set(first);
    struct overlap *overlap;
    assert_ok(overlap_of_set(set, &overlap));
    assert_int_equal(overlap->measure, OVERLAP_OF_WEIGHTS);
    assert_int_equal(overlap->count, CLASSES);
    for (int32_t i = 0; i < CLASSES; i++) {
        assert_index(overlap->with_origin[i], weights_of(first[i]), weights_of(11));
        for (int32_t j = 0; j < CLASSES; j++)
            assert_index(overlap->between[i * CLASSES + j], weights_of(first[i > j ? i : j]),
                         weights_of(first[i > j ? j : i]));
    }
    assert_index(overlap->mean_with_origin, weights_of(11) + weights_of(5) + weights_of(2),
                 3 * weights_of(11));
    assert_index(
        overlap->mean_between,
        weights_of(5) / weights_of(11) + weights_of(2) / weights_of(11) + weights_of(2) / weights_of(5), 3);
    overlap_destroy(&overlap);
    module_set_destroy(&set);
}

/* The set's modules as networks of their own. */
static void slice_all(struct module_set *set)
{
    struct margin *margin;
    assert_ok(margin_create(set->parents[0], &margin));
    for (int32_t i = 0; i < set->module_count; i++) {
        struct module sliced;
        assert_ok(margin_slice(margin, &set->modules[i], &sliced));
        module_clear(&set->modules[i]);
        set->modules[i] = sliced;
    }
    margin_destroy(&margin);
}

static void test_sliced_modules_overlap_by_their_channels(void **state)
{
    (void)state;
    static const int32_t first[CLASSES] = {11, 5, 2};
    struct module_set *set = known_set(first);
    struct overlap *overlap;
    slice_all(set);
    assert_ok(overlap_of_set(set, &overlap));
    assert_int_equal(overlap->measure, OVERLAP_OF_CHANNELS);
    assert_index(overlap->with_origin[1], 5 + 9, 20);
    assert_index(overlap->between[1 * CLASSES + 2], 2 + 9, 5 + 9);
    overlap_destroy(&overlap);
    module_set_destroy(&set);
}

static void test_modules_of_different_origins_have_no_overlap(void **state)
{
    (void)state;
    static const int32_t first[CLASSES] = {11, 5, 2};
    struct module_set *set = known_set(first);
    struct overlap *overlap;
    slice_all(set);
    set->modules[2].origin.digest[0] ^= 1;
    assert_ok(overlap_of_set(set, &overlap));
    assert_null(overlap);
    module_set_destroy(&set);
}

static void test_a_module_alone_has_no_pair(void **state)
{
    (void)state;
    struct network *network = plain_network(1, CLASSES);
    struct margin *margin;
    struct overlap *overlap;
    struct module module = module_of(network, 2.0, 1);
    struct module_size kept;
    uint64_t *bits;
    assert_ok(margin_create(network, &margin));
    assert_ok(memory_allocate(&bits, margin->bits.words, sizeof *bits, "test"));
    assert_ok(margin_measure(margin, &module, &kept, bits));
    assert_ok(overlap_of_weights(margin, bits, 1, &overlap));
    assert_true(isnan(overlap->mean_between));
    assert_index(overlap->mean_with_origin, 1, 1);
    overlap_destroy(&overlap);
    overlap_destroy(&overlap);
    memory_free(&bits);
    module_clear(&module);
    margin_destroy(&margin);
    network_destroy(&network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_maps_overlap_by_their_weights),
        cmocka_unit_test(test_sliced_modules_overlap_by_their_channels),
        cmocka_unit_test(test_modules_of_different_origins_have_no_overlap),
        cmocka_unit_test(test_a_module_alone_has_no_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
