/* Calibrating over ranks gives the bytes that one rank gives, and needs every class. */
#include "tests/mpi/shades.h"

#include <math.h>
#include <string.h>

#include "mpi/adapt/calibrate.h"
#include "mpi/ranks.h"

enum { CLASSES = SHADES, SIDE = SHADE_SIDE, PER_CLASS = 400 };

/* A network whose one output is factor·(mean brightness − middle) or, curved, −factor·|mean − middle|. */
static struct network *make_network(float factor, float middle, bool curved)
{
    struct network *network = NULL;
    const struct layer_options two = {.out_c = 2, .bias = true}, one = {.out_c = 1, .bias = true};
    int32_t at = 0;
    assert_on_ranks(network_create("brightness", (struct shape){SIDE, SIDE, 1}, &network) == STATUS_OK);
    assert_on_ranks(network_add_layer(network, LAYER_GLOBAL_AVGPOOL, "mean", NULL, &at, 1, &at) == STATUS_OK);
    assert_on_ranks(network_add_layer(network, LAYER_DENSE, "hidden", &two, &at, 1, &at) == STATUS_OK);
    assert_on_ranks(network_add_layer(network, LAYER_RELU, "relu", NULL, &at, 1, &at) == STATUS_OK);
    assert_on_ranks(network_add_layer(network, LAYER_DENSE, "output", &one, &at, 1, &at) == STATUS_OK);
    assert_on_ranks(network_finish(network) == STATUS_OK);
    network->scaling = scaling_default();
    /* relu(mean − middle) and relu(middle − mean), then their weights. */
    const float parameters[] = {1, -1, -middle, middle, curved ? -factor : factor, -factor, 0};
    assert_on_ranks(network->parameter_count == sizeof parameters / sizeof *parameters);
    memcpy(network->parameters, parameters, sizeof parameters);
    return network;
}

/* Three modules that are right about their classes, but measure in units of their own. */
static struct module_set *make_set(void)
{
    struct network *networks[CLASSES] = {make_network(-1, 0.3F, false), make_network(300, 0.41F, true),
                                         make_network(10, 0.55F, false)};
    struct module_set *set = NULL;
    assert_on_ranks(module_set_create(0, CLASSES, &set) == STATUS_OK);
    for (int32_t i = 0; i < CLASSES; i++) {
        const struct module_parts parts = {.class_name = shade_names[i], .class_index = i};
        assert_on_ranks(module_from_network(networks[i], &parts, &set->modules[i]) == STATUS_OK);
    }
    return set;
}

static enum status calibrate_on(MPI_Comm comm, struct dataset *dataset, struct module_set **set,
                                struct calibration_result *result)
{
    struct joined_dataset joined;
    struct dataset_join join = dataset_join_of(dataset, "shades", &joined);
    const struct calibrating calibrating = {.comm = comm, .join = &join, .where = "shades.h5"};
    return calibrate_modules(&calibrating, set, result);
}

static bool same_fit(const struct calibration_fit *a, const struct calibration_fit *b)
{
    return a->loss == b->loss && a->top1 == b->top1;
}

static bool same_result(const struct calibration_result *a, const struct calibration_result *b)
{
    return a->images == b->images && same_fit(&a->before, &b->before) && same_fit(&a->after, &b->after);
}

static void test_same_bytes_as_alone_and_better_than_before(void **state)
{
    (void)state;
    struct dataset *dataset = make_shades(0, CLASSES, PER_CLASS);
    struct module_set *sets[2] = {make_set(), make_set()};
    struct calibration_result results[2];
    memset(results, 0, sizeof results);
    assert_on_ranks(calibrate_on(MPI_COMM_WORLD, dataset, &sets[0], &results[0]) == STATUS_OK);
    assert_on_ranks(calibrate_on(MPI_COMM_SELF, dataset, &sets[1], &results[1]) == STATUS_OK);
    assert_on_ranks(same_result(&results[0], &results[1]));
    for (int32_t i = 0; i < CLASSES; i++) {
        const struct module *a = &sets[0]->modules[i], *b = &sets[1]->modules[i];
        assert_on_ranks(a->scale == b->scale);
        assert_on_ranks(a->offset == b->offset);
        assert_on_ranks(a->scale > 0 && isfinite(a->scale) && isfinite(a->offset));
    }
    assert_on_ranks(results[0].images == CLASSES * PER_CLASS / 10);
    assert_on_ranks(results[0].before.top1 < 0.8);
    assert_on_ranks(results[0].after.top1 > 0.97);
    assert_on_ranks(results[0].after.loss < results[0].before.loss);
    /* Calibrated again, nothing changes: it looks at margins, not at scores. */
    float scale = sets[0]->modules[1].scale;
    assert_on_ranks(calibrate_on(MPI_COMM_WORLD, dataset, &sets[0], &results[1]) == STATUS_OK);
    assert_on_ranks(scale == sets[0]->modules[1].scale);
    for (int i = 0; i < 2; i++)
        module_set_destroy(&sets[i]);
    dataset_destroy(&dataset);
}

static void test_a_class_that_the_data_lack_is_refused(void **state)
{
    (void)state;
    struct dataset *dataset = make_shades(0, CLASSES - 1, PER_CLASS);
    struct module_set *set = make_set();
    struct calibration_result result;
    assert_on_ranks(calibrate_on(MPI_COMM_WORLD, dataset, &set, &result) == STATUS_NOT_FOUND);
    assert_on_ranks(strstr(error_message(), "no class \"light\"") != NULL);
    assert_on_ranks(set == NULL);
    dataset_destroy(&dataset);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_same_bytes_as_alone_and_better_than_before),
    cmocka_unit_test(test_a_class_that_the_data_lack_is_refused),
};
ON_RANKS_MAIN(tests)
