/* The parent as a teacher, and which images a class learns from. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "compute/base/random.h"
#include "compute/network/pass.h"
#include "compute/network/zoo.h"
#include "modules/distill/sampling.h"
#include "modules/distill/teacher.h"

enum { CLASSES = 4, PIXELS = 8 * 8 * 3 };

static struct network *made_network(void)
{
    struct network *network = NULL;
    assert_int_equal(zoo_build("resnet20", (struct shape){8, 8, 3}, CLASSES, SHORTCUT_A, &network),
                     STATUS_OK);
    network_initialise(network, 1);
    return network;
}

static void run(const struct network *network, const float *input, float *output, size_t count)
{
    struct pass *pass = NULL;
    assert_int_equal(pass_create(network, 1, PASS_INFER, &pass), STATUS_OK);
    memcpy(output, pass_forward(pass, 1, input), count * sizeof(float));
    pass_destroy(&pass);
}

static void test_margins_are_logits_less_the_others(void **state)
{
    (void)state;
    static const char *const stems[] = {"none", "1", "2", "3"};
    struct network *network = made_network();
    float image[PIXELS], features[PIXELS * 16], logits[CLASSES], margin;
    for (int i = 0; i < PIXELS; i++)
        image[i] = random_normal(1, 1, (uint64_t)i);
    run(network, image, logits, CLASSES);
    for (size_t s = 0; s < sizeof stems / sizeof *stems; s++) {
        struct teacher teacher;
        struct network *module = NULL;
        assert_int_equal(teacher_create(network, stems[s], &teacher), STATUS_OK);
        memcpy(features, image, sizeof image);
        if (teacher.stem != NULL)
            run(teacher.stem, image, features, shape_count(teacher_features(&teacher)));
        for (int32_t c = 0; c < CLASSES; c++) {
            double others = 0;
            for (int32_t j = 0; j < CLASSES; j++)
                others += j != c ? (double)logits[j] / (CLASSES - 1) : 0;
            assert_int_equal(teacher_class_network(&teacher, c, 4, &module), STATUS_OK);
            assert_int_equal(module->class_count, 1);
            run(module, features, &margin, 1);
            assert_true(fabs((double)margin - ((double)logits[c] - others - 4 * log(CLASSES - 1))) < 1e-4);
            network_destroy(&module);
        }
        teacher_clear(&teacher);
    }
    network_destroy(&network);
}

static void test_stages_are_resolutions(void **state)
{
    (void)state;
    struct network *network = made_network();
    struct teacher teacher;
    assert_int_equal(teacher_stage_count(network), 3);
    for (int32_t stage = 1; stage <= 3; stage++) {
        const char name[2] = {(char)('0' + stage), '\0'};
        assert_int_equal(teacher_create(network, name, &teacher), STATUS_OK);
        assert_int_equal(teacher_features(&teacher).h, 8 >> (stage - 1));
        assert_int_equal(teacher_features(&teacher).c, 8 << stage);
        teacher_clear(&teacher);
    }
    const char *name = network->layers[teacher.stem_layer].name;
    assert_int_equal(teacher_create(network, name, &teacher), STATUS_OK);
    teacher_clear(&teacher);
    network_destroy(&network);
}

static void test_a_stem_that_is_not_there_is_refused(void **state)
{
    (void)state;
    struct network *network = made_network();
    static const char *const stems[] = {"4", "0", "", "-1", "nonsense"};
    for (size_t s = 0; s < sizeof stems / sizeof *stems; s++) {
        struct teacher teacher;
        assert_int_equal(teacher_create(network, stems[s], &teacher), STATUS_NOT_FOUND);
        assert_null(teacher.tail);
    }
    network_destroy(&network);
}

static void test_a_third_is_of_the_class_and_a_third_is_like_it(void **state)
{
    (void)state;
    enum { COUNT = 40 };
    int32_t labels[COUNT];
    float logits[COUNT * 2];
    struct sampling sampling;
    for (int32_t i = 0; i < COUNT; i++) {
        labels[i] = i % 4 == 0;
        logits[2 * i] = 0;
        logits[2 * i + 1] = (float)i; /* the later, the more like class 1 */
    }
    assert_int_equal(sampling_create(COUNT, 2, labels, logits, 1, 5, &sampling), STATUS_OK);
    assert_int_equal(sampling.own_count, 10);
    assert_int_equal(sampling.like_count, 15);
    bool any_other = false;
    for (int64_t place = 0; place < 300; place++) {
        uint32_t drawn = sampling_draw(&sampling, 7, place);
        assert_true(drawn < COUNT);
        if (place % 3 == 0)
            assert_int_equal(labels[drawn], 1);
        if (place % 3 == 1)
            assert_true(labels[drawn] == 0 && drawn >= 21);
        any_other = any_other || (place % 3 == 2 && labels[drawn] == 0);
        assert_int_equal(sampling_draw(&sampling, 7, place), drawn);
    }
    assert_true(any_other);
    sampling_clear(&sampling);
}

static void test_a_class_without_images_draws_any(void **state)
{
    (void)state;
    const int32_t labels[3] = {0, 0, 0};
    const float logits[6] = {0};
    struct sampling sampling;
    assert_int_equal(sampling_create(3, 2, labels, logits, 1, 5, &sampling), STATUS_OK);
    for (int64_t place = 0; place < 30; place++)
        assert_true(sampling_draw(&sampling, 0, place) < 3);
    sampling_clear(&sampling);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_margins_are_logits_less_the_others),
        cmocka_unit_test(test_stages_are_resolutions),
        cmocka_unit_test(test_a_stem_that_is_not_there_is_refused),
        cmocka_unit_test(test_a_third_is_of_the_class_and_a_third_is_like_it),
        cmocka_unit_test(test_a_class_without_images_draws_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
