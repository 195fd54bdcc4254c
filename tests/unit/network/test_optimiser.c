/* SGD against steps worked out by hand, running statistics, and schedules at known points. */
#include "building.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "compute/network/optimiser.h"
#include "compute/network/zoo.h"

/* Dense 1 → 1 with bias over a batchnorm of one channel: gamma, beta, weight, bias. */
static struct network *four_parameters(void)
{
    struct network *network = new_network(1, 1, 1);
    add_dense(network, "dense", add_batchnorm(network, "bn", 0), 1);
    finish(network);
    const float values[4] = {1, 2, 4, 8};
    assert_int_equal(network->parameter_count, 4);
    memcpy(network->parameters, values, sizeof values);
    return network;
}

static void assert_floats(const float *found, const double *expected, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!(fabs(found[i] - expected[i]) <= 1e-6 * (1 + fabs(expected[i]))))
            fail_msg("entry %zu is %g, expected %g", i, (double)found[i], expected[i]);
}

static void test_plain_step(void **state)
{
    (void)state;
    struct network *network = four_parameters();
    const float gradient[4] = {0.5F, -1, 2, 0};
    float velocity[4] = {0};
    sgd_step(network, &(struct sgd_options){0}, 0.1F, gradient, velocity);
    assert_floats(network->parameters, (const double[]){0.95, 2.1, 3.8, 8}, 4);
    network_destroy(&network);
}

/* Only the dense weight is a weight proper: g = 2 + 0.25·4 = 3. */
static void test_weight_decay_spares_biases_and_batchnorm(void **state)
{
    (void)state;
    struct network *network = four_parameters();
    const float gradient[4] = {0.5F, -1, 2, 0};
    float velocity[4] = {0};
    sgd_step(network, &(struct sgd_options){.weight_decay = 0.25F}, 0.1F, gradient, velocity);
    assert_floats(network->parameters, (const double[]){0.95, 2.1, 3.7, 8}, 4);
    network_destroy(&network);
}

/* v₁ = g = 1; v₂ = 0.5·1 + 1 = 1.5: p falls by 0.1·1, then 0.1·1.5. */
static void test_momentum(void **state)
{
    (void)state;
    struct network *network = four_parameters();
    const float gradient[4] = {1, 1, 1, 1};
    float velocity[4] = {0};
    for (int i = 0; i < 2; i++)
        sgd_step(network, &(struct sgd_options){.momentum = 0.5F}, 0.1F, gradient, velocity);
    assert_floats(network->parameters, (const double[]){0.75, 1.75, 3.75, 7.75}, 4);
    assert_floats(velocity, (const double[]){1.5, 1.5, 1.5, 1.5}, 4);
    network_destroy(&network);
}

/* g + 0.5·v: 1 + 0.5·1 = 1.5, then 1 + 0.5·1.5 = 1.75. */
static void test_nesterov(void **state)
{
    (void)state;
    struct network *network = four_parameters();
    const float gradient[4] = {1, 1, 1, 1};
    float velocity[4] = {0};
    for (int i = 0; i < 2; i++)
        sgd_step(network, &(struct sgd_options){.momentum = 0.5F, .nesterov = true}, 0.1F, gradient,
                 velocity);
    assert_floats(network->parameters, (const double[]){0.675, 1.675, 3.675, 7.675}, 4);
    network_destroy(&network);
}

static struct network *stepped_network(int threads)
{
    struct network *network;
    assert_int_equal(zoo_build("resnet20", (struct shape){8, 8, 3}, 7, SHORTCUT_DEFAULT, &network),
                     STATUS_OK);
    network_initialise(network, 6);
    float *gradient = new_normal(network->parameter_count, 7),
          *velocity = new_normal(network->parameter_count, 8);
    int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    sgd_step(network, &(struct sgd_options){.momentum = 0.9F, .nesterov = true, .weight_decay = 1e-3F}, 0.03F,
             gradient, velocity);
    omp_set_num_threads(before);
    memory_free(&gradient);
    memory_free(&velocity);
    return network;
}

static void test_any_number_of_threads_gives_the_same_bytes(void **state)
{
    (void)state;
    struct network *one = stepped_network(1);
    for (int threads = 2; threads <= 4; threads++) {
        struct network *many = stepped_network(threads);
        assert_memory_equal(one->parameters, many->parameters, one->parameter_count * sizeof(float));
        network_destroy(&many);
    }
    network_destroy(&one);
}

static void test_running_statistics(void **state)
{
    (void)state;
    struct network *network = four_parameters(); /* momentum 0.1 */
    const float batch[2] = {10, 3};
    network->statistics[0] = 2;
    statistics_step(network, batch);
    assert_floats(network->statistics, (const double[]){2.8, 1.2}, 2);
    network_destroy(&network);
}

static void assert_rate(enum schedule_kind kind, int64_t step, int64_t total, double expected)
{
    double found = schedule_rate(kind, 0.4F, step, total);
    if (!(fabs(found - expected) <= 1e-6))
        fail_msg("%s at %d of %d: %g, expected %g", schedule_name(kind), (int)step, (int)total, found,
                 expected);
}

static void test_step_schedule(void **state)
{
    (void)state;
    assert_rate(SCHEDULE_STEP, 0, 100, 0.4);
    assert_rate(SCHEDULE_STEP, 49, 100, 0.4);
    assert_rate(SCHEDULE_STEP, 50, 100, 0.04);
    assert_rate(SCHEDULE_STEP, 74, 100, 0.04);
    assert_rate(SCHEDULE_STEP, 75, 100, 0.004);
    assert_rate(SCHEDULE_STEP, 99, 100, 0.004);
}

static void test_cosine_schedule(void **state)
{
    (void)state;
    assert_rate(SCHEDULE_COSINE, 0, 90, 0.4);
    assert_rate(SCHEDULE_COSINE, 30, 90, 0.3);
    assert_rate(SCHEDULE_COSINE, 45, 90, 0.2);
    assert_rate(SCHEDULE_COSINE, 60, 90, 0.1);
    assert_rate(SCHEDULE_COSINE, 90, 90, 0);
}

static void test_one_cycle_schedule(void **state)
{
    (void)state;
    assert_rate(SCHEDULE_ONE_CYCLE, 0, 100, 0.016);
    assert_rate(SCHEDULE_ONE_CYCLE, 15, 100, 0.208);
    assert_rate(SCHEDULE_ONE_CYCLE, 30, 100, 0.4);
    assert_rate(SCHEDULE_ONE_CYCLE, 65, 100, 0.20002);
    assert_rate(SCHEDULE_ONE_CYCLE, 100, 100, 0.00004);
}

static void test_steps_outside_the_run_are_its_ends(void **state)
{
    (void)state;
    assert_rate(SCHEDULE_COSINE, -5, 10, 0.4);
    assert_rate(SCHEDULE_COSINE, 50, 10, 0);
    assert_rate(SCHEDULE_COSINE, 0, 0, 0.4);
}

static void test_schedule_names(void **state)
{
    (void)state;
    enum schedule_kind kind = SCHEDULE_STEP;
    assert_int_equal(schedule_from_name("one-cycle", &kind), STATUS_OK);
    assert_int_equal(kind, SCHEDULE_ONE_CYCLE);
    assert_int_equal(schedule_from_name("cosine", &kind), STATUS_OK);
    assert_int_equal(kind, SCHEDULE_COSINE);
    assert_int_equal(schedule_from_name("step", &kind), STATUS_OK);
    assert_int_equal(kind, SCHEDULE_STEP);
    assert_int_equal(schedule_from_name("linear", &kind), STATUS_NOT_FOUND);
    assert_non_null(strstr(error_message(), "step, cosine and one-cycle"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_step),
        cmocka_unit_test(test_weight_decay_spares_biases_and_batchnorm),
        cmocka_unit_test(test_momentum),
        cmocka_unit_test(test_nesterov),
        cmocka_unit_test(test_any_number_of_threads_gives_the_same_bytes),
        cmocka_unit_test(test_running_statistics),
        cmocka_unit_test(test_step_schedule),
        cmocka_unit_test(test_cosine_schedule),
        cmocka_unit_test(test_one_cycle_schedule),
        cmocka_unit_test(test_steps_outside_the_run_are_its_ends),
        cmocka_unit_test(test_schedule_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
