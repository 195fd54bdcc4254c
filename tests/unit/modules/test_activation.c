#include "module_test.h"

#include <math.h>
#include <omp.h>
#include <pthread.h>

#include "compute/kernels/softmax.h"
#include "compute/network/pass.h"

/* --- a network whose activity is known: two pixels, a hidden unit for each, one that never fires --- */

/* hidden 0 = pixel 0, hidden 1 = pixel 1, hidden 2 = relu(−1) = 0; logits 8·hidden 0 and 8·hidden 1, pixels
 * scaled to 0 … 1. So p(class 0) = 1/(1 + exp(−8·(a − b))). */
static struct network *known_network(void)
{
    struct network *network = new_network(1, 1, 2);
    int32_t at = add_dense(network, "hidden", 0, 3);
    at = add_plain(network, LAYER_RELU, "relu", at);
    add_dense(network, "output", at, 2);
    finish(network);
    float *hidden = network->parameters + network->layers[1].parameter_offset;
    float *output = network->parameters + network->layers[3].parameter_offset;
    hidden[0 * 3 + 0] = 1.0F;
    hidden[1 * 3 + 1] = 1.0F;
    hidden[2 * 3 + 2] = -1.0F; /* bias */
    output[0 * 2 + 0] = 8.0F;
    output[1 * 2 + 1] = 8.0F;
    return network;
}

static struct dataset *known_dataset(const uint8_t (*pixels)[2], const int32_t *labels, int64_t count)
{
    struct dataset *dataset;
    assert_ok(dataset_create((struct shape){1, 1, 2}, 2, NULL, pixels[0], labels, count, &dataset));
    return dataset;
}

/* A network with its layout and counts for every class. */
struct bench {
    struct network *network;
    struct unit_layout *layout;
    struct dataset *dataset;
    struct activation_options options;
    struct class_counts **counts; /* (classes) */
    uint32_t *sum;                /* (units) */
    int64_t sum_images;
};

static void bench_open(struct bench *bench, struct network *network, struct dataset *dataset)
{
    memset(bench, 0, sizeof *bench);
    bench->network = network;
    bench->dataset = dataset;
    bench->options = activation_options_default();
    size_t classes = (size_t)network->class_count;
    assert_ok(unit_layout_create(network, &bench->layout));
    assert_ok(memory_allocate(&bench->counts, classes, sizeof *bench->counts, "test"));
    assert_ok(memory_allocate(&bench->sum, bench->layout->unit_count, sizeof *bench->sum, "test"));
    for (size_t c = 0; c < classes; c++)
        assert_ok(class_counts_create(bench->layout, &bench->counts[c]));
}

static void bench_count(struct bench *bench)
{
    memset(bench->sum, 0, bench->layout->unit_count * sizeof *bench->sum);
    bench->sum_images = 0;
    for (int32_t c = 0; c < bench->network->class_count; c++) {
        struct class_counts *counts = bench->counts[c];
        assert_ok(activation_count_class(bench->network, bench->layout, bench->dataset, c, &bench->options,
                                         NULL, NULL, NULL, counts));
        for (size_t u = 0; u < bench->layout->unit_count; u++)
            bench->sum[u] += counts->negative[u];
        bench->sum_images += counts->negative_images;
    }
}

static enum status bench_make(const struct bench *bench, int32_t class_index, struct module *module)
{
    return activation_make_module(bench->network, bench->layout, &bench->options, bench->counts[class_index],
                                  bench->sum, bench->sum_images, module);
}

static void bench_close(struct bench *bench)
{
    for (int32_t c = 0; c < bench->network->class_count; c++)
        class_counts_destroy(&bench->counts[c]);
    memory_free(&bench->counts);
    memory_free(&bench->sum);
    unit_layout_destroy(&bench->layout);
    dataset_destroy(&bench->dataset);
    network_destroy(&bench->network);
}

static void assert_map(const struct bench *bench, int32_t class_index, uint8_t expected)
{
    struct module module;
    assert_ok(bench_make(bench, class_index, &module));
    assert_int_equal(module.map[0], expected);
    assert_int_equal(module.kept.units, __builtin_popcount(expected));
    module_clear(&module);
}

/* --- what counts --- */

static void test_active_units_of_known_images_are_counted(void **state)
{
    (void)state;
    const uint8_t pixels[5][2] = {{255, 0}, {255, 1}, {0, 255}, {0, 255}, {1, 255}};
    const int32_t labels[5] = {0, 0, 1, 1, 1};
    const uint32_t positive[2][3] = {{2, 1, 0}, {1, 3, 0}};
    struct bench bench;
    bench_open(&bench, known_network(), known_dataset(pixels, labels, 5));
    bench_count(&bench);
    for (int c = 0; c < 2; c++) {
        assert_int_equal(bench.counts[c]->class_index, c);
        assert_int_equal(bench.counts[c]->positive_images, 2 + c);
        assert_int_equal(bench.counts[c]->negative_images, 2 + c);
        assert_memory_equal(bench.counts[c]->positive, positive[c], sizeof positive[c]);
        assert_memory_equal(bench.counts[c]->negative, positive[c], sizeof positive[c]);
    }
    bench_close(&bench);
}

/* Images 0, 2 and 4 of class 0 qualify: 1 is put in the other class, 3 is in class 0 with p = 0.88 alone.
 * Hidden unit 1 fires on image 2 alone. */
static void test_positives_are_the_first_confident_ones(void **state)
{
    (void)state;
    const uint8_t pixels[6][2] = {{255, 0}, {0, 255}, {200, 10}, {64, 0}, {255, 0}, {0, 255}};
    const int32_t labels[6] = {0, 0, 0, 0, 0, 1};
    const struct {
        int32_t limit, images;
        uint32_t marked;
    } cases[] = {{1, 1, 0}, {2, 2, 1}, {3, 3, 1}, {1000, 3, 1}};
    struct bench bench;
    bench_open(&bench, known_network(), known_dataset(pixels, labels, 6));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bench.options.positives = cases[i].limit;
        bench_count(&bench);
        assert_int_equal(bench.counts[0]->positive_images, cases[i].images);
        assert_int_equal(bench.counts[0]->positive[1], cases[i].marked);
    }
    bench.options.confidence = 0.88F; /* exp(−8·64/255) = 0.134, p = 0.8817 */
    bench_count(&bench);
    assert_int_equal(bench.counts[0]->positive_images, 4);
    bench.options.confidence = 0.0F; /* image 1 is still of the other class */
    bench_count(&bench);
    assert_int_equal(bench.counts[0]->positive_images, 4);
    bench_close(&bench);
}

static void test_negatives_are_the_first_whatever_the_parent_says(void **state)
{
    (void)state;
    const uint8_t pixels[4][2] = {{0, 255}, {255, 0}, {255, 0}, {0, 255}};
    const int32_t labels[4] = {0, 0, 0, 1};
    struct bench bench;
    bench_open(&bench, known_network(), known_dataset(pixels, labels, 4));
    bench.options.negatives = 2; /* of one other class: q = 2 */
    bench_count(&bench);
    assert_int_equal(bench.counts[0]->negative_images, 2);
    assert_int_equal(bench.counts[0]->negative[0], 1);
    assert_int_equal(bench.counts[0]->negative[1], 1);
    assert_int_equal(bench.counts[0]->positive_images, 2);
    assert_int_equal(bench.counts[0]->positive[0], 2);
    bench_close(&bench);
}

static void test_negatives_are_shared_by_the_other_classes(void **state)
{
    (void)state;
    const struct {
        int32_t negatives, q;
    } cases[] = {{1, 1}, {3, 1}, {4, 2}, {7, 3}, {1000, 20}};
    struct network *network = dense_network(3, 4);
    struct bench bench;
    bench_open(&bench, network, random_dataset(network, 20, 1));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bench.options.negatives = cases[i].negatives;
        bench_count(&bench);
        assert_int_equal(bench.counts[2]->negative_images, cases[i].q);
    }
    bench.options.positives = 0;
    bench.options.negatives = 4;
    assert_int_equal(activation_images_needed(&bench.options, 4, 20), 2);
    assert_int_equal(activation_images_needed(&bench.options, 4, 1), 1);
    bench_count(&bench);
    assert_int_equal(bench.counts[2]->positive_images, 0);
    assert_int_equal(bench.counts[2]->negative_images, 2);
    bench.options.positives = 1;
    assert_int_equal(activation_images_needed(&bench.options, 4, 20), 20);
    bench_close(&bench);
}

/* --- the map --- */

static void test_the_papers_rule_keeps_what_was_active_on_either_side(void **state)
{
    (void)state;
    const uint8_t pixels[4][2] = {{255, 0}, {255, 0}, {0, 255}, {0, 255}};
    const int32_t labels[4] = {0, 0, 1, 1};
    struct bench bench;
    bench_open(&bench, known_network(), known_dataset(pixels, labels, 4));
    bench_count(&bench);
    assert_map(&bench, 0, 0x03); /* unit 1 left and came back, unit 2 left */
    bench.options.tau_minus = 1.0F;
    assert_map(&bench, 0, 0x01);
    assert_map(&bench, 1, 0x02);
    bench.options.tau_plus = 1.0F; /* all leave, none returns */
    assert_map(&bench, 0, 0x00);
    bench.options.tau_minus = 0.0F; /* those active on negatives return */
    assert_map(&bench, 0, 0x02);
    bench_close(&bench);
}

/* Seven of ten is not more than 0.7, though 0.7F·10 is less than 7. */
static void test_fractions_are_compared_exactly(void **state)
{
    (void)state;
    uint8_t pixels[11][2];
    int32_t labels[11] = {0};
    for (size_t i = 0; i < 10; i++) {
        pixels[i][0] = 255;
        pixels[i][1] = i < 7;
    }
    pixels[10][0] = 0;
    pixels[10][1] = 255;
    labels[10] = 1;
    struct bench bench;
    bench_open(&bench, known_network(), known_dataset((const uint8_t(*)[2])pixels, labels, 11));
    bench_count(&bench);
    assert_int_equal(bench.counts[0]->positive[1], 7);
    bench.options.tau_minus = 1.0F;
    bench.options.tau_plus = 0.7F;
    assert_map(&bench, 0, 0x01);
    bench.options.tau_plus = 0.699999F;
    assert_map(&bench, 0, 0x03);
    bench.options.tau_plus = 0.0F;
    bench.options.tau_minus = 0.7F; /* of class 1's negatives, seven of ten fire unit 1, ten unit 0 */
    bench.counts[1]->positive[1] = 0;
    assert_map(&bench, 1, 0x01);
    bench.options.tau_minus = 0.699999F;
    assert_map(&bench, 1, 0x03);
    bench_close(&bench);
}

static void test_head_is_the_class_against_the_mean_of_the_others(void **state)
{
    (void)state;
    struct network *network = dense_network(5, 4);
    struct module_set *set = full_set(network);
    const struct layer *output = &network->layers[network->layer_count - 1];
    const float *w = network->parameters + output->parameter_offset;
    for (int32_t c = 0; c < 4; c++) {
        const struct module *module = &set->modules[c];
        for (int32_t f = 0; f <= 9; f++) { /* row 9 is the bias */
            double rest = 0.0;
            for (int32_t d = 0; d < 4; d++)
                rest += d == c ? 0.0 : (double)w[f * 4 + d];
            const float *head = f < 9 ? module->head_weights + 2 * f : module->head_bias;
            assert_true(head[0] == w[f * 4 + c]);
            assert_true(fabs((double)head[1] - rest / 3) < 1e-6);
        }
        assert_int_equal(module->class_index, c);
        assert_string_equal(module->class_name, network->class_names[c]);
        assert_string_equal(module->label, network->class_names[c]);
        assert_true(module->scale == 1.0F && module->offset == 0.0F);
        assert_int_equal(module->positive_images, 10);
        assert_int_equal(module->negative_images, 90);
    }
    module_set_destroy(&set);
}

/* --- properties on random networks --- */

/* The definition, one image at a time. */
static void naive_counts(const struct bench *bench, int32_t class_index, int64_t q, uint32_t *positive,
                         int64_t *positive_images, uint32_t *negative)
{
    const struct network *network = bench->network;
    const struct dataset *dataset = bench->dataset;
    struct pass *pass;
    size_t classes = (size_t)network->class_count;
    float image[8 * 8 * 3], probability[16];
    assert_ok(pass_create(network, 1, PASS_OBSERVE, &pass));
    *positive_images = 0;
    for (int64_t i = dataset->class_start[class_index]; i < dataset->class_start[class_index + 1]; i++) {
        scaling_apply(&network->scaling, shape_count(dataset->shape) / (size_t)dataset->shape.c,
                      dataset->shape.c, dataset_image(dataset, i), image);
        softmax_forward(1, network->class_count, pass_forward(pass, 1, image), probability);
        bool best = true;
        for (size_t c = 0; c < classes; c++)
            best = best && probability[class_index] >= probability[c];
        bool is_positive = best && probability[class_index] >= bench->options.confidence &&
                           *positive_images < bench->options.positives;
        bool is_negative = i - dataset->class_start[class_index] < q;
        *positive_images += is_positive;
        for (int32_t l = 0; l < bench->layout->layer_count; l++) {
            size_t first = bench->layout->unit_offset[l];
            const float *values = pass_value(pass, bench->layout->layers[l]);
            for (size_t u = first; u < bench->layout->unit_offset[l + 1]; u++) {
                positive[u] += is_positive && values[u - first] > 0;
                negative[u] += is_negative && values[u - first] > 0;
            }
        }
    }
    pass_destroy(&pass);
}

static void test_counts_equal_the_definition(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 2 * NETWORK_MAKERS; seed++) {
        struct network *network = network_makers[seed % NETWORK_MAKERS](seed, 4);
        struct bench bench;
        bench_open(&bench, network, random_dataset(network, 45, seed));
        bench.options.confidence = 0.3F;
        bench.options.positives = 6;
        bench.options.negatives = 60; /* q = 20 */
        bench_count(&bench);
        size_t units = bench.layout->unit_count;
        for (int32_t c = 0; c < 4; c++) {
            uint32_t *positive, *negative;
            int64_t positive_images;
            assert_ok(memory_allocate(&positive, units, sizeof *positive, "test"));
            assert_ok(memory_allocate(&negative, units, sizeof *negative, "test"));
            naive_counts(&bench, c, 20, positive, &positive_images, negative);
            assert_int_equal(bench.counts[c]->positive_images, positive_images);
            assert_int_equal(bench.counts[c]->negative_images, 20);
            assert_memory_equal(bench.counts[c]->positive, positive, units * sizeof *positive);
            assert_memory_equal(bench.counts[c]->negative, negative, units * sizeof *negative);
            memory_free(&positive);
            memory_free(&negative);
        }
        bench_close(&bench);
    }
}

/* Negatives merged by subtraction against a direct sum over the other classes. */
static void test_merged_counts_give_the_map_of_the_definition(void **state)
{
    (void)state;
    struct network *network = residual_network(8, 5);
    struct bench bench;
    bench_open(&bench, network, random_dataset(network, 30, 3));
    bench.options = (struct activation_options){
        .tau_plus = 0.25F, .tau_minus = 0.5F, .positives = 9, .confidence = 0.0F, .negatives = 40};
    bench_count(&bench);
    for (int32_t c = 0; c < 5; c++) {
        struct module module;
        if (bench.counts[c]->positive_images == 0)
            continue;
        assert_ok(bench_make(&bench, c, &module));
        assert_int_equal(module.negative_images, 40);
        for (size_t u = 0; u < bench.layout->unit_count; u++) {
            uint32_t negatives = 0;
            for (int32_t d = 0; d < 5; d++)
                negatives += d == c ? 0 : bench.counts[d]->negative[u];
            bool stays = 4 * bench.counts[c]->positive[u] > (uint32_t)bench.counts[c]->positive_images;
            assert_int_equal(unit_map_get(module.map, u), stays || 2 * negatives > 40);
        }
        module_clear(&module);
    }
    bench_close(&bench);
}

static void test_threads_change_nothing(void **state)
{
    (void)state;
    struct network *network = plain_network(2, 3);
    struct bench one, two;
    int threads = omp_get_max_threads();
    bench_open(&one, network, random_dataset(network, 150, 6));
    bench_open(&two, plain_network(2, 3), random_dataset(network, 150, 6));
    one.options.positives = two.options.positives = 37;
    one.options.negatives = two.options.negatives = 90;
    one.options.confidence = two.options.confidence = 0.5F;
    omp_set_num_threads(1);
    bench_count(&one);
    omp_set_num_threads(5);
    bench_count(&two);
    omp_set_num_threads(threads);
    for (int32_t c = 0; c < 3; c++) {
        size_t bytes = one.layout->unit_count * sizeof(uint32_t);
        assert_int_equal(one.counts[c]->positive_images, two.counts[c]->positive_images);
        assert_int_equal(one.counts[c]->negative_images, two.counts[c]->negative_images);
        assert_memory_equal(one.counts[c]->positive, two.counts[c]->positive, bytes);
        assert_memory_equal(one.counts[c]->negative, two.counts[c]->negative, bytes);
    }
    bench_close(&two);
    bench_close(&one);
}

/* --- stopping and failing --- */

struct progress {
    int64_t calls, last, stop_at;
};

static bool note_progress(void *context, int64_t images_done)
{
    struct progress *progress = context;
    assert_true(images_done > progress->last);
    progress->calls++;
    progress->last = images_done;
    return images_done >= progress->stop_at;
}

static enum status count_with_progress(struct bench *bench, struct progress *progress)
{
    return activation_count_class(bench->network, bench->layout, bench->dataset, 0, &bench->options, NULL,
                                  note_progress, progress, bench->counts[0]);
}

static void test_counting_stops_when_asked_and_when_it_has_enough(void **state)
{
    (void)state;
    struct network *network = dense_network(2, 3);
    struct bench bench;
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    bench_open(&bench, network, random_dataset(network, 100, 4));
    bench.options.negatives = 2;
    bench.options.positives = 0;
    struct progress enough = {.stop_at = 1000};
    assert_ok(count_with_progress(&bench, &enough));
    assert_int_equal(enough.last, 1); /* its one negative */
    bench.options.positives = 1000;
    struct progress all = {.stop_at = 1000};
    assert_ok(count_with_progress(&bench, &all));
    assert_int_equal(all.last, 100);
    struct progress stopped = {.stop_at = 32};
    assert_fails(count_with_progress(&bench, &stopped), STATUS_STOPPED, "after 32 images");
    assert_int_equal(stopped.calls, 2);
    omp_set_num_threads(threads);
    bench_close(&bench);
}

/* dense_network with a layer behind its output. */
static struct network *network_ending_in(enum layer_kind kind, const struct network *like)
{
    struct network *network = new_network(4, 5, 1);
    int32_t at = add_plain(network, LAYER_FLATTEN, "flatten", 0);
    at = add_plain(network, LAYER_RELU, "relu1", add_dense(network, "dense1", at, 11));
    at = add_plain(network, LAYER_RELU, "relu2", add_dense(network, "dense2", at, 9));
    add_plain(network, kind, "end", add_dense(network, "output", at, like->class_count));
    finish(network);
    assert_int_equal(network->parameter_count, like->parameter_count);
    memcpy(network->parameters, like->parameters, like->parameter_count * sizeof(float));
    return network;
}

static void test_a_final_softmax_is_looked_through(void **state)
{
    (void)state;
    static const enum layer_kind ends[2] = {LAYER_SOFTMAX, LAYER_LOG_SOFTMAX};
    struct network *network = dense_network(5, 3);
    struct bench bench;
    bench_open(&bench, network, random_dataset(network, 60, 4));
    int32_t positives = 0;
    bench.options.confidence = 0.4F;
    bench_count(&bench);
    for (int32_t i = 0; i < 2; i++) {
        struct network *ending = network_ending_in(ends[i], network);
        struct bench other;
        bench_open(&other, ending, random_dataset(ending, 60, 4));
        other.options.confidence = 0.4F;
        bench_count(&other);
        for (int32_t c = 0; c < 3; c++) {
            positives += other.counts[c]->positive_images;
            assert_int_equal(other.counts[c]->positive_images, bench.counts[c]->positive_images);
            assert_memory_equal(other.counts[c]->positive, bench.counts[c]->positive,
                                bench.layout->unit_count * sizeof(uint32_t));
        }
        bench_close(&other);
    }
    assert_true(positives > 0);
    bench_close(&bench);
}

/* --- several parts of one class --- */

enum { PARTS = 3 };

/* What the parts tell one another, in a round. */
struct meeting {
    pthread_barrier_t barrier;
    int64_t found[PARTS];
    bool stop[PARTS];
};

/* One part, counting in a thread of its own. */
struct part {
    const struct bench *bench;
    int32_t class_index;
    struct meeting *meeting;
    struct activation_share share;
    struct class_counts *counts;
    struct progress progress;
    enum status status;
};

static void meet(void *context, int64_t found, bool stop, int64_t *before, int64_t *all, bool *stop_all)
{
    struct part *part = context;
    struct meeting *meeting = part->meeting;
    meeting->found[part->share.part] = found;
    meeting->stop[part->share.part] = stop;
    pthread_barrier_wait(&meeting->barrier);
    *before = *all = 0;
    *stop_all = false;
    for (int i = 0; i < PARTS; i++) {
        *before += i < part->share.part ? meeting->found[i] : 0;
        *all += meeting->found[i];
        *stop_all = *stop_all || meeting->stop[i];
    }
    pthread_barrier_wait(&meeting->barrier); /* all have read before anybody writes again */
}

static void *count_part(void *argument)
{
    struct part *part = argument;
    const struct bench *bench = part->bench;
    part->status =
        activation_count_class(bench->network, bench->layout, bench->dataset, part->class_index,
                               &bench->options, &part->share, note_progress, &part->progress, part->counts);
    return NULL;
}

static void count_in_parts(const struct bench *bench, int32_t class_index, int32_t chunks, int64_t stop_at,
                           struct part parts[PARTS])
{
    struct meeting meeting;
    pthread_t threads[PARTS];
    assert_int_equal(pthread_barrier_init(&meeting.barrier, NULL, PARTS), 0);
    for (int32_t i = 0; i < PARTS; i++) {
        parts[i] = (struct part){.bench = bench,
                                 .class_index = class_index,
                                 .meeting = &meeting,
                                 .progress = {.stop_at = INT64_MAX}};
        parts[i].share = (struct activation_share){
            .part = i, .parts = PARTS, .chunks = chunks, .exchange = meet, .context = &parts[i]};
        assert_ok(class_counts_create(bench->layout, &parts[i].counts));
    }
    parts[1].progress.stop_at = stop_at;
    for (int i = 0; i < PARTS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_part, &parts[i]), 0);
    for (int i = 0; i < PARTS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&meeting.barrier);
}

static void parts_clear(struct part parts[PARTS])
{
    for (int i = 0; i < PARTS; i++)
        class_counts_destroy(&parts[i].counts);
}

static void test_parts_add_up_to_the_whole(void **state)
{
    (void)state;
    struct network *network = dense_network(2, 3);
    struct bench bench;
    struct part parts[PARTS];
    bench_open(&bench, network, random_dataset(network, 300, 4));
    bench.options.confidence = 0.3F;
    bench.options.negatives = 70; /* within a round, and not at a chunk's end */
    bench.options.positives = 53;
    bench_count(&bench);
    int32_t c = 0; /* one that the random network puts many of its images in */
    while (c < 2 && bench.counts[c]->positive_images < 53)
        c++;
    const struct class_counts *whole = bench.counts[c];
    assert_int_equal(whole->positive_images, 53);
    for (int32_t chunks = 1; chunks <= 3; chunks++) {
        int32_t positives = 0, negatives = 0;
        count_in_parts(&bench, c, chunks, INT64_MAX, parts);
        for (size_t u = 0; u < bench.layout->unit_count; u++) {
            uint32_t positive = 0, negative = 0;
            for (int i = 0; i < PARTS; i++) {
                positive += parts[i].counts->positive[u];
                negative += parts[i].counts->negative[u];
            }
            assert_int_equal(positive, whole->positive[u]);
            assert_int_equal(negative, whole->negative[u]);
        }
        for (int i = 0; i < PARTS; i++) {
            assert_ok(parts[i].status);
            positives += parts[i].counts->positive_images;
            negatives += parts[i].counts->negative_images;
        }
        assert_int_equal(positives, whole->positive_images);
        assert_int_equal(negatives, whole->negative_images);
        parts_clear(parts);
    }
    bench_close(&bench);
}

static void test_one_part_that_stops_stops_all(void **state)
{
    (void)state;
    struct network *network = dense_network(2, 3);
    struct bench bench;
    struct part parts[PARTS];
    bench_open(&bench, network, random_dataset(network, 300, 4));
    count_in_parts(&bench, 0, 1, 1, parts);
    for (int i = 0; i < PARTS; i++)
        assert_int_equal(parts[i].status, STATUS_STOPPED);
    parts_clear(parts);
    bench_close(&bench);
}

static void test_a_class_without_positives_makes_no_module(void **state)
{
    (void)state;
    const uint8_t pixels[2][2] = {{0, 255}, {0, 255}};
    const int32_t labels[2] = {0, 1};
    struct bench bench;
    struct module module;
    bench_open(&bench, known_network(), known_dataset(pixels, labels, 2));
    bench_count(&bench);
    assert_fails(bench_make(&bench, 0, &module), STATUS_NOT_FOUND, "class 0 has no positives");
    assert_null(module.map);
    module_clear(&module);
    assert_map(&bench, 1, 0x02);
    bench_close(&bench);
}

static void test_data_must_fit_the_network(void **state)
{
    (void)state;
    const uint8_t pixels[2][2] = {{0, 255}, {0, 255}};
    const int32_t labels[2] = {0, 1};
    const class_name names[2] = {"0", "one"};
    struct dataset *other;
    struct bench bench;
    bench_open(&bench, known_network(), known_dataset(pixels, labels, 2));
    assert_ok(dataset_create((struct shape){1, 1, 2}, 2, names, pixels[0], labels, 2, &other));
    assert_fails(activation_count_class(bench.network, bench.layout, other, 1, &bench.options, NULL, NULL,
                                        NULL, bench.counts[0]),
                 STATUS_NOT_FOUND, "no class called \"1\"");
    other->loaded = 0; /* as after loading another slab */
    assert_fails(activation_count_class(bench.network, bench.layout, other, 0, &bench.options, NULL, NULL,
                                        NULL, bench.counts[0]),
                 STATUS_INTERNAL, "are loaded");
    dataset_destroy(&other);
    assert_ok(dataset_create((struct shape){1, 2, 1}, 2, NULL, pixels[0], labels, 2, &other));
    assert_fails(activation_count_class(bench.network, bench.layout, other, 0, &bench.options, NULL, NULL,
                                        NULL, bench.counts[0]),
                 STATUS_SHAPE, "1×2×1");
    dataset_destroy(&other);
    bench_close(&bench);
}

/* Classes are matched by name, wherever they stand in the data. */
static void test_classes_are_matched_by_name(void **state)
{
    (void)state;
    const uint8_t pixels[3][2] = {{0, 255}, {255, 0}, {255, 0}};
    const int32_t labels[3] = {1, 2, 2};
    const class_name names[3] = {"other", "1", "0"};
    struct dataset *dataset;
    struct bench bench;
    assert_ok(dataset_create((struct shape){1, 1, 2}, 3, names, pixels[0], labels, 3, &dataset));
    bench_open(&bench, known_network(), dataset);
    bench_count(&bench);
    assert_int_equal(bench.counts[0]->positive_images, 2);
    assert_int_equal(bench.counts[1]->positive_images, 1);
    bench_close(&bench);
}

static void test_options_out_of_range_are_usage_errors(void **state)
{
    (void)state;
    struct activation_options options = activation_options_default();
    assert_ok(activation_options_check(&options));
    options.tau_plus = 1.5F;
    assert_fails(activation_options_check(&options), STATUS_USAGE, "tau-plus is 1.5");
    options = activation_options_default();
    options.tau_minus = NAN;
    assert_fails(activation_options_check(&options), STATUS_USAGE, "tau-minus");
    options = activation_options_default();
    options.confidence = -0.1F;
    assert_fails(activation_options_check(&options), STATUS_USAGE, "confidence");
    options = activation_options_default();
    options.positives = 0;
    assert_fails(activation_options_check(&options), STATUS_USAGE, "positives");
    options = activation_options_default();
    options.negatives = 0;
    assert_fails(activation_options_check(&options), STATUS_USAGE, "negatives");
}

static void test_a_network_that_does_not_end_dense_is_refused(void **state)
{
    (void)state;
    struct network *network = new_network(4, 4, 2);
    int32_t output, at = add_convolution(network, "conv", 0, 3, 3, 1, 1);
    at = add_plain(network, LAYER_RELU, "relu", at);
    add_plain(network, LAYER_GLOBAL_AVGPOOL, "average", at);
    finish(network);
    assert_fails(module_output_layer(network, &output), STATUS_SHAPE, "average");
    network_destroy(&network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_active_units_of_known_images_are_counted),
        cmocka_unit_test(test_positives_are_the_first_confident_ones),
        cmocka_unit_test(test_negatives_are_the_first_whatever_the_parent_says),
        cmocka_unit_test(test_negatives_are_shared_by_the_other_classes),
        cmocka_unit_test(test_the_papers_rule_keeps_what_was_active_on_either_side),
        cmocka_unit_test(test_fractions_are_compared_exactly),
        cmocka_unit_test(test_head_is_the_class_against_the_mean_of_the_others),
        cmocka_unit_test(test_counts_equal_the_definition),
        cmocka_unit_test(test_merged_counts_give_the_map_of_the_definition),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_counting_stops_when_asked_and_when_it_has_enough),
        cmocka_unit_test(test_a_final_softmax_is_looked_through),
        cmocka_unit_test(test_parts_add_up_to_the_whole),
        cmocka_unit_test(test_one_part_that_stops_stops_all),
        cmocka_unit_test(test_a_class_without_positives_makes_no_module),
        cmocka_unit_test(test_data_must_fit_the_network),
        cmocka_unit_test(test_classes_are_matched_by_name),
        cmocka_unit_test(test_options_out_of_range_are_usage_errors),
        cmocka_unit_test(test_a_network_that_does_not_end_dense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
