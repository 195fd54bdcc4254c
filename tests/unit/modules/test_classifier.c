#include "network_module_test.h"

#include <math.h>
#include <omp.h>

#include "compute/data/image_adapt.h"
#include "compute/network/pass.h"
#include "modules/classifier/classifier.h"
#include "modules/composition/composition.h"

enum { IMAGES = 53 }; /* three chunks and a rest */

static struct classifier *classifier_of(struct module_set *set)
{
    struct classifier *classifier;
    assert_ok(classifier_from_modules(set, "composition", &classifier));
    return classifier;
}

/* Scores of n images of that shape; the caller frees them. */
static float *scores_of(const struct classifier *classifier, struct shape shape, int64_t n,
                        const uint8_t *pixels)
{
    struct classifier_run *run;
    float *scores;
    assert_ok(memory_allocate(&scores, (size_t)n * (size_t)classifier->label_count, sizeof *scores, "test"));
    assert_ok(classifier_run_create(classifier, shape, &run, NULL));
    assert_ok(classifier_scores(run, n, pixels, scores));
    classifier_run_destroy(&run);
    assert_null(run);
    classifier_run_destroy(&run);
    return scores;
}

/* The order of labels by score. */
static void ranking(const float *scores, int32_t count, int32_t *order)
{
    for (int32_t i = 0; i < count; i++) {
        int32_t rank = 0;
        for (int32_t j = 0; j < count; j++)
            rank += scores[j] > scores[i] || (scores[j] == scores[i] && j < i);
        order[rank] = i;
    }
}

/* Smallest difference between two scores, of the largest. */
static float closest(const float *scores, int32_t count)
{
    float least = INFINITY, most = 0.0F;
    for (int32_t i = 0; i < count; i++) {
        most = fmaxf(most, fabsf(scores[i]));
        for (int32_t j = 0; j < i; j++)
            least = fminf(least, fabsf(scores[i] - scores[j]));
    }
    return least / most;
}

static void test_uncut_modules_rank_like_their_parent(void **state)
{
    (void)state;
    int compared = 0;
    for (uint64_t seed = 0; seed < 2 * NETWORK_MAKERS; seed++) {
        struct network *network = network_makers[seed % NETWORK_MAKERS](seed, 6);
        struct shape shape = network_input_shape(network);
        struct classifier *parent, *modules;
        struct network *copy;
        uint8_t *pixels = random_pixels(shape, IMAGES, seed);
        assert_ok(network_copy(network, &copy));
        assert_ok(classifier_from_network(network, &parent));
        modules = classifier_of(full_set(copy));
        float *logits = scores_of(parent, shape, IMAGES, pixels);
        float *margins = scores_of(modules, shape, IMAGES, pixels);
        for (size_t i = 0; i < IMAGES; i++) {
            int32_t expected[6], found[6];
            if (closest(logits + 6 * i, 6) < 1e-5F)
                continue;
            ranking(logits + 6 * i, 6, expected);
            ranking(margins + 6 * i, 6, found);
            assert_memory_equal(expected, found, sizeof expected);
            compared++;
        }
        memory_free(&logits);
        memory_free(&margins);
        memory_free(&pixels);
        classifier_destroy(&parent);
        classifier_destroy(&modules);
    }
    assert_true(compared > IMAGES * 2 * NETWORK_MAKERS * 9 / 10);
}

/* A module's scores by the definition: a pass of its own, the head by hand. */
static void naive_scores(const struct module_set *set, int32_t index, int64_t n, const float *images,
                         float *scores, size_t stride)
{
    const struct module *module = &set->modules[index];
    const struct network *parent = set->parents[module->parent];
    struct unit_layout *layout;
    struct pass *pass;
    float *keep;
    assert_ok(unit_layout_create(parent, &layout));
    assert_ok(memory_allocate(&keep, layout->unit_count, sizeof *keep, "test"));
    assert_ok(pass_create(parent, 1, PASS_OBSERVE, &pass));
    for (size_t u = 0; u < layout->unit_count; u++)
        keep[u] = unit_map_get(module->map, u) ? 1.0F : 0.0F;
    for (int32_t l = 0; l < layout->layer_count; l++)
        pass_set_mask(pass, layout->layers[l], keep + layout->unit_offset[l]);
    int32_t features_layer = parent->layers[parent->layer_count - 1].inputs[0];
    int32_t features = parent->layers[features_layer].shape.c;
    for (int64_t i = 0; i < n; i++) {
        double margin = (double)module->head_bias[0] - (double)module->head_bias[1];
        pass_forward(pass, 1, images + (size_t)i * shape_count(network_input_shape(parent)));
        const float *x = pass_value(pass, features_layer);
        for (int32_t f = 0; f < features; f++)
            margin += (double)x[f] *
                      ((double)module->head_weights[2 * f] - (double)module->head_weights[2 * f + 1]);
        scores[(size_t)i * stride] = (float)((double)module->scale * margin + (double)module->offset);
        for (int32_t l = 0; l < layout->layer_count; l++) { /* what is masked is zero */
            const float *values = pass_value(pass, layout->layers[l]);
            for (size_t u = layout->unit_offset[l]; u < layout->unit_offset[l + 1]; u++)
                assert_true(keep[u] == 1.0F || values[u - layout->unit_offset[l]] == 0.0F);
        }
    }
    pass_destroy(&pass);
    memory_free(&keep);
    unit_layout_destroy(&layout);
}

static void assert_close(const float *found, const float *expected, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fabsf(found[i] - expected[i]) > 1e-4F * (1.0F + fabsf(expected[i])))
            fail_msg("score %zu is %g; expected %g", i, (double)found[i], (double)expected[i]);
}

/* Maps that part for every image in the first layer, and such that lack few units, which only some images
 * make active, here and there. */
static void test_scores_are_margins_of_masked_passes(void **state)
{
    (void)state;
    const double kept[] = {0.7, 0.98, 0.995};
    for (uint64_t seed = 0; seed < 12 * NETWORK_MAKERS; seed++) {
        struct network *network = network_makers[seed % NETWORK_MAKERS](seed, 5);
        struct shape shape = network_input_shape(network);
        struct module_set *set = random_set(network, kept[seed / NETWORK_MAKERS % 3], seed);
        uint8_t *pixels = random_pixels(shape, IMAGES, seed);
        float *images, expected[IMAGES * 5];
        set->modules[1].scale = 2.5F;
        set->modules[1].offset = -0.25F;
        assert_ok(memory_allocate(&images, IMAGES * shape_count(shape), sizeof *images, "test"));
        scaling_apply(&network->scaling, IMAGES * (size_t)shape.h * (size_t)shape.w, shape.c, pixels, images);
        for (int32_t m = 0; m < 5; m++)
            naive_scores(set, m, IMAGES, images, expected + m, 5);
        struct classifier *classifier = classifier_of(set);
        float *scores = scores_of(classifier, shape, IMAGES, pixels);
        assert_close(scores, expected, IMAGES * 5);
        memory_free(&scores);
        memory_free(&images);
        memory_free(&pixels);
        classifier_destroy(&classifier);
    }
}

static void test_threads_and_calls_of_whole_chunks_change_no_byte(void **state)
{
    (void)state;
    int threads = omp_get_max_threads();
    for (uint64_t seed = 0; seed < 2 * NETWORK_MAKERS; seed++) {
        struct network *network = network_makers[seed % NETWORK_MAKERS](seed, 5);
        struct shape shape = network_input_shape(network);
        uint8_t *pixels = random_pixels(shape, IMAGES, seed);
        struct classifier *classifier;
        if (seed < NETWORK_MAKERS)
            classifier = classifier_of(random_set(network, 0.8, seed));
        else
            assert_ok(classifier_from_network(network, &classifier));
        omp_set_num_threads(1);
        float *together = scores_of(classifier, shape, IMAGES, pixels);
        for (int count = 2; count <= 5; count += 3) {
            omp_set_num_threads(count);
            float *again = scores_of(classifier, shape, IMAGES, pixels);
            assert_memory_equal(again, together, IMAGES * 5 * sizeof(float));
            memory_free(&again);
        }
        for (int64_t at = 0, n; at < IMAGES; at += n) {
            n = at == 0                          ? 2 * CLASSIFIER_CHUNK
                : at + CLASSIFIER_CHUNK < IMAGES ? CLASSIFIER_CHUNK
                                                 : IMAGES - at;
            float *part = scores_of(classifier, shape, n, pixels + (size_t)at * shape_count(shape));
            assert_memory_equal(part, together + 5 * at, (size_t)n * 5 * sizeof(float));
            memory_free(&part);
        }
        for (int64_t i = 0; i < IMAGES; i++) {
            float *alone = scores_of(classifier, shape, 1, pixels + (size_t)i * shape_count(shape));
            assert_close(alone, together + 5 * i, 5);
            memory_free(&alone);
        }
        memory_free(&together);
        memory_free(&pixels);
        classifier_destroy(&classifier);
    }
    omp_set_num_threads(threads);
}

static void test_equal_maps_share_a_pass(void **state)
{
    (void)state;
    struct network *network = dense_network(3, 6);
    struct module_set *set = random_set(network, 0.5, 1);
    memcpy(set->modules[4].map, set->modules[1].map, 3);
    set->modules[4].kept = set->modules[1].kept;
    uint64_t pass = network_multiply_adds(network) - 9 * 6;
    struct classifier *some = classifier_of(set);
    assert_int_equal(classifier_multiply_adds(some), pass + 4 * 11 * 9 + 6 * 2 * 9); /* from relu1 on */
    assert_int_equal(some->plan->forward_count, 5);
    assert_int_equal(classifier_parent_multiply_adds(some), network_multiply_adds(network));
    classifier_destroy(&some);
    assert_null(some);
    classifier_destroy(&some);
    struct classifier *all = classifier_of(full_set(dense_network(3, 6)));
    assert_int_equal(classifier_multiply_adds(all), pass + 6 * 2 * 9);
    classifier_destroy(&all);
    struct classifier *parent;
    assert_ok(classifier_from_network(dense_network(3, 6), &parent));
    assert_int_equal(classifier_multiply_adds(parent), pass + 9 * 6);
    classifier_destroy(&parent);
}

/* Modules of three parents that take 8×8×3, 6×6×3 and 4×5×1 images: each module scores as in a composition of
 * its own parent alone, on images resized for it. */
static void test_every_parent_gets_images_of_its_own_shape(void **state)
{
    (void)state;
    struct module_set *sets[NETWORK_MAKERS], *joined;
    struct module_selection selections[NETWORK_MAKERS];
    const char *const chosen[NETWORK_MAKERS] = {"p:0,1", "r:0=r0,#2=r2", "d:1=d1"};
    const struct shape shape = {8, 8, 3};
    uint8_t *pixels = random_pixels(shape, IMAGES, 1), *resized;
    float expected[IMAGES * 5];
    for (size_t i = 0; i < NETWORK_MAKERS; i++) {
        sets[i] = random_set(network_makers[i](i + 3, 3), 0.8, i);
        assert_ok(module_selection_parse(chosen[i], &selections[i]));
    }
    assert_ok(composition_create(sets, selections, NETWORK_MAKERS, &joined));
    assert_ok(memory_allocate(&resized, IMAGES * shape_count(shape), 1, "test"));
    for (int32_t m = 0; m < 5; m++) {
        const struct network *parent = joined->parents[joined->modules[m].parent];
        struct shape own = network_input_shape(parent);
        struct image_adapt *adapt;
        float images[IMAGES * 8 * 8 * 3];
        assert_ok(image_adapt_create(shape, own, &adapt));
        image_adapt_run(adapt, IMAGES, pixels, resized);
        scaling_apply(&parent->scaling, IMAGES * (size_t)own.h * (size_t)own.w, own.c, resized, images);
        naive_scores(joined, m, IMAGES, images, expected + m, 5);
        image_adapt_destroy(&adapt);
    }
    struct classifier *classifier = classifier_of(joined);
    struct classifier_run *run;
    bool adapted = false;
    assert_ok(classifier_run_create(classifier, shape, &run, &adapted));
    assert_true(adapted);
    assert_fails(classifier_scores_scaled(run, 1, expected, expected), STATUS_SHAPE, "give bytes");
    classifier_run_destroy(&run);
    float *scores = scores_of(classifier, shape, IMAGES, pixels);
    assert_close(scores, expected, IMAGES * 5);
    memory_free(&scores);
    memory_free(&resized);
    memory_free(&pixels);
    classifier_destroy(&classifier);
    for (size_t i = 0; i < NETWORK_MAKERS; i++) {
        module_set_destroy(&sets[i]);
        module_selection_clear(&selections[i]);
    }
}

static void test_scaled_images_give_the_same_scores(void **state)
{
    (void)state;
    struct network *network = plain_network(4, 3);
    const struct shape shape = network_input_shape(network);
    uint8_t *pixels = random_pixels(shape, 20, 1);
    float images[20 * 8 * 8 * 3], scores[60];
    struct classifier_run *run;
    bool adapted = true;
    network->scaling.mean[1] = 0.5F;
    network->scaling.std[2] = 0.25F;
    scaling_apply(&network->scaling, 20 * 64, 3, pixels, images);
    struct classifier *classifier = classifier_of(random_set(network, 0.9, 1));
    float *expected = scores_of(classifier, shape, 20, pixels);
    assert_ok(classifier_run_create(classifier, shape, &run, &adapted));
    assert_false(adapted);
    assert_ok(classifier_scores_scaled(run, 20, images, scores));
    assert_memory_equal(scores, expected, sizeof scores);
    assert_ok(classifier_scores(run, 0, NULL, NULL));
    assert_int_equal(classifier_scores(run, -1, pixels, scores), STATUS_INTERNAL);
    classifier_run_destroy(&run);
    classifier_destroy(&classifier);
    memory_free(&expected);
    memory_free(&pixels);
}

/* A network that ends in a convolution gives maps, which are outputs but no scores. */
static void test_outputs_that_are_no_vector(void **state)
{
    (void)state;
    struct network *network = new_network(4, 4, 3);
    add_convolution(network, "maps", 0, 5, 3, 1, 1);
    finish(network);
    randomise(network, 3);
    const struct shape shape = network_input_shape(network);
    uint8_t *pixels = random_pixels(shape, 20, 1);
    float images[20 * 48], expected[20 * 80], outputs[20 * 80];
    struct classifier *classifier = NULL;
    struct classifier_run *run;
    struct pass *pass;
    scaling_apply(&network->scaling, 20 * 16, 3, pixels, images);
    assert_ok(pass_create(network, 20, PASS_INFER, &pass));
    memcpy(expected, pass_forward(pass, 20, images), sizeof expected);
    pass_destroy(&pass);
    assert_ok(classifier_from_network(network, &classifier));
    assert_int_equal(classifier_output_shape(classifier).h, 4);
    assert_ok(classifier_run_create(classifier, shape, &run, NULL));
    assert_ok(classifier_outputs(run, 20, pixels, outputs));
    assert_close(outputs, expected, 20 * 80);
    assert_ok(classifier_outputs_scaled(run, 20, images, outputs));
    assert_close(outputs, expected, 20 * 80);
    assert_fails(classifier_scores(run, 1, pixels, outputs), STATUS_SHAPE, "4×4×5 numbers");
    assert_fails(classifier_scores_scaled(run, 1, images, outputs), STATUS_SHAPE, "4×4×5 numbers");
    classifier_run_destroy(&run);
    classifier_destroy(&classifier);
    memory_free(&pixels);
}

static void test_parents_that_scale_differently_take_no_scaled_images(void **state)
{
    (void)state;
    struct module_set *sets[2], *joined;
    struct module_selection selections[2];
    struct classifier_run *run;
    float image[8 * 8 * 3] = {0}, scores[2];
    for (size_t i = 0; i < 2; i++) {
        sets[i] = full_set(plain_network(i, 2));
        assert_ok(module_selection_parse(i == 0 ? "a:0" : "b:1", &selections[i]));
    }
    sets[1]->parents[0]->scaling.scale = 1.0F / 65025;
    assert_ok(composition_create(sets, selections, 2, &joined));
    struct classifier *classifier = classifier_of(joined);
    assert_ok(classifier_run_create(classifier, (struct shape){8, 8, 3}, &run, NULL));
    assert_fails(classifier_scores_scaled(run, 1, image, scores), STATUS_SHAPE, "scale pixels differently");
    classifier_run_destroy(&run);
    classifier_destroy(&classifier);
    for (size_t i = 0; i < 2; i++) {
        module_set_destroy(&sets[i]);
        module_selection_clear(&selections[i]);
    }
}

static void test_images_that_cannot_be_adapted_are_refused(void **state)
{
    (void)state;
    struct classifier *classifier;
    struct classifier_run *run = (struct classifier_run *)state;
    assert_ok(classifier_from_network(plain_network(1, 3), &classifier));
    assert_fails(classifier_run_create(classifier, (struct shape){8, 8, 4}, &run, NULL), STATUS_SHAPE,
                 "cannot become 8×8×3");
    assert_null(run);
    classifier_destroy(&classifier);
}

/* What a network gives for one image or for what a stem gave, its units masked by `map` (NULL: not). The
 * caller frees it. */
static float *naive_output(const struct network *network, const uint8_t *map, const float *input)
{
    size_t count = shape_count(network->layers[network->layer_count - 1].shape);
    struct unit_layout *layout = NULL;
    struct pass *pass;
    float *keep = NULL, *output;
    assert_ok(pass_create(network, 1, PASS_INFER, &pass));
    if (map != NULL) {
        assert_ok(unit_layout_create(network, &layout));
        assert_ok(memory_allocate(&keep, layout->unit_count, sizeof *keep, "test"));
        unit_map_expand(map, 0, layout->unit_count, keep);
        for (int32_t l = 0; l < layout->layer_count; l++)
            pass_set_mask(pass, layout->layers[l], keep + layout->unit_offset[l]);
        unit_layout_destroy(&layout);
    }
    assert_ok(memory_allocate(&output, count, sizeof *output, "test"));
    memcpy(output, pass_forward(pass, 1, input), count * sizeof *output);
    pass_destroy(&pass);
    memory_free(&keep);
    return output;
}

/* A module with a network of its own, by hand: resize, scale, stem, network. */
static float naive_network_score(const struct module_set *set, int32_t index, struct shape from,
                                 const uint8_t *pixels)
{
    const struct module *module = &set->modules[index];
    const struct network *stem = module_set_base(set, module);
    const struct network *first = stem != NULL ? stem : module->network;
    struct shape shape = network_input_shape(first);
    struct image_adapt *adapt;
    uint8_t adapted[8 * 8 * 3];
    float images[8 * 8 * 3], *given = NULL;
    assert_ok(image_adapt_create(from, shape, &adapt));
    image_adapt_run(adapt, 1, pixels, adapted);
    image_adapt_destroy(&adapt);
    scaling_apply(&first->scaling, (size_t)shape.h * (size_t)shape.w, shape.c, adapted, images);
    if (stem != NULL)
        given = naive_output(stem, NULL, images);
    float *margin = naive_output(module->network, module->map, given != NULL ? given : images);
    float score = (float)((double)module->scale * (double)margin[0] + (double)module->offset);
    memory_free(&margin);
    memory_free(&given);
    return score;
}

static void test_networks_of_their_own_run_on_images_and_stems(void **state)
{
    (void)state;
    const struct shape shape = {8, 8, 3};
    uint8_t *pixels = random_pixels(shape, IMAGES, 3);
    float images[8 * 8 * 3], expected[IMAGES][MIXED_MODULES];
    struct module_set *set = every_kind(5);
    set->parents[1]->scaling.scale = 0.01F;
    for (int32_t i = 0; i < IMAGES; i++) {
        const uint8_t *image = pixels + (size_t)i * shape_count(shape);
        for (int32_t m = 0; m < MIXED_MODULES; m++) {
            if (set->modules[m].kind == MODULE_NETWORK) {
                expected[i][m] = naive_network_score(set, m, shape, image);
                continue;
            }
            scaling_apply(&set->parents[0]->scaling, 64, 3, image, images);
            naive_scores(set, m, 1, images, &expected[i][m], 1);
        }
    }
    struct classifier *classifier = classifier_of(set);
    float *scores = scores_of(classifier, shape, IMAGES, pixels);
    assert_close(scores, expected[0], IMAGES * MIXED_MODULES);
    memory_free(&scores);
    memory_free(&pixels);
    classifier_destroy(&classifier);
}

static void test_a_stem_is_counted_once(void **state)
{
    (void)state;
    struct module_set *set = every_kind(5);
    const struct network *parent = set->parents[0];
    uint64_t pass = network_multiply_adds(parent) - 28 * 3;
    uint64_t expected = layer_multiply_adds(parent, 1) /* until the maps part */
                        + 2 * pass + 2 * 2 * 28        /* maps */
                        + network_multiply_adds(parent) + network_multiply_adds(set->parents[1]);
    for (int32_t m = 0; m < MIXED_MODULES; m++)
        if (set->modules[m].kind == MODULE_NETWORK)
            expected += network_multiply_adds(set->modules[m].network);
    struct classifier *classifier = classifier_of(set);
    assert_int_equal(classifier_multiply_adds(classifier), expected);
    assert_int_equal(classifier_parent_multiply_adds(classifier), network_multiply_adds(parent));
    classifier_destroy(&classifier);
}

/* Modules that were trained from scratch stand on nothing: a set without parents. */
static void test_a_set_without_parents_classifies(void **state)
{
    (void)state;
    struct module_set *set;
    const struct shape shape = {6, 6, 3};
    uint8_t *pixels = random_pixels(shape, IMAGES, 1);
    assert_ok(module_set_create(0, 2, &set));
    network_module(set, -1, margin_network(shape, 2, 1), "ant", &set->modules[0]);
    network_module(set, -1, margin_network(shape, 3, 2), "bee", &set->modules[1]);
    float expected = naive_network_score(set, 1, shape, pixels);
    struct classifier *classifier = classifier_of(set);
    assert_int_equal(classifier_input_shape(classifier).h, 6);
    float *scores = scores_of(classifier, shape, IMAGES, pixels);
    assert_close(scores + 1, &expected, 1);
    memory_free(&scores);
    memory_free(&pixels);
    classifier_destroy(&classifier);
}

/* Of five on one stem the first two and the last two run as one each; the third has a map. */
static void test_networks_that_begin_alike_score_together_as_alone(void **state)
{
    (void)state;
    enum { MODULES = 5 };
    const struct shape image = {8, 8, 3}, given = {4, 4, 5};
    const char *const names[MODULES] = {"ant", "bee", "cat", "dog", "eel"};
    uint8_t *pixels = random_pixels(image, IMAGES, 2);
    float expected[IMAGES][MODULES];
    struct module_set *set;
    assert_ok(module_set_create(1, MODULES, &set));
    set->parents[0] = stem_network(7);
    for (int32_t m = 0; m < MODULES; m++) {
        struct network *network = margin_network(given, 3 + 5 * m, (uint64_t)m);
        network_module(set, 0, network, names[m], &set->modules[m]);
        set->modules[m].offset = (float)m;
    }
    give_own_map(set, &set->modules[2]);
    for (int32_t i = 0; i < IMAGES; i++)
        for (int32_t m = 0; m < MODULES; m++)
            expected[i][m] = naive_network_score(set, m, image, pixels + (size_t)i * shape_count(image));
    struct classifier *classifier = classifier_of(set);
    float *scores = scores_of(classifier, image, IMAGES, pixels);
    assert_close(scores, expected[0], IMAGES * MODULES);
    memory_free(&scores);
    memory_free(&pixels);
    classifier_destroy(&classifier);
}

static void test_a_network_must_fit_its_stem(void **state)
{
    (void)state;
    struct module_set *set = every_kind(5);
    struct classifier *classifier;
    set->modules[1].parent = 0; /* which gives 1×1×3 */
    assert_fails(classifier_from_modules(set, "composition", &classifier), STATUS_SHAPE, "takes 4×4×5");
    assert_null(classifier);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uncut_modules_rank_like_their_parent),
        cmocka_unit_test(test_scores_are_margins_of_masked_passes),
        cmocka_unit_test(test_threads_and_calls_of_whole_chunks_change_no_byte),
        cmocka_unit_test(test_equal_maps_share_a_pass),
        cmocka_unit_test(test_every_parent_gets_images_of_its_own_shape),
        cmocka_unit_test(test_scaled_images_give_the_same_scores),
        cmocka_unit_test(test_outputs_that_are_no_vector),
        cmocka_unit_test(test_parents_that_scale_differently_take_no_scaled_images),
        cmocka_unit_test(test_images_that_cannot_be_adapted_are_refused),
        cmocka_unit_test(test_networks_of_their_own_run_on_images_and_stems),
        cmocka_unit_test(test_a_stem_is_counted_once),
        cmocka_unit_test(test_a_set_without_parents_classifies),
        cmocka_unit_test(test_networks_that_begin_alike_score_together_as_alone),
        cmocka_unit_test(test_a_network_must_fit_its_stem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
