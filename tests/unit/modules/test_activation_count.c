#include "activation_test.h"

#include <omp.h>
#include <pthread.h>

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

/* --- properties on random networks --- */

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

/* --- several parts of one class --- */

enum { PARTS = 3 };

/* What the parts tell one another, in a round. */
struct meeting {
    pthread_barrier_t barrier;
    enum status prepared[PARTS];
    int64_t found[PARTS];
    bool stop[PARTS];
};

/* One part, counting in a thread of its own. */
struct part {
    const struct bench *bench;
    const struct dataset *dataset;
    int32_t class_index;
    struct meeting *meeting;
    struct activation_share share;
    struct class_counts *counts;
    struct progress progress;
    enum status status;
};

static enum status agree(void *context, enum status status)
{
    struct part *part = context;
    struct meeting *meeting = part->meeting;
    meeting->prepared[part->share.part] = status;
    pthread_barrier_wait(&meeting->barrier);
    for (int i = 0; i < PARTS && status == STATUS_OK; i++)
        status = meeting->prepared[i];
    pthread_barrier_wait(&meeting->barrier); /* all have read before anybody writes again */
    return status;
}

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
        activation_count_class(bench->network, bench->layout, part->dataset, part->class_index,
                               &bench->options, &part->share, note_progress, &part->progress, part->counts);
    return NULL;
}

/* Part 1 counts the images of `dataset_of_1`, and stops at image stop_at. */
static void count_in_parts(const struct bench *bench, int32_t class_index, int32_t chunks,
                           const struct dataset *dataset_of_1, int64_t stop_at, struct part parts[PARTS])
{
    struct meeting meeting;
    pthread_t threads[PARTS];
    assert_int_equal(pthread_barrier_init(&meeting.barrier, NULL, PARTS), 0);
    for (int32_t i = 0; i < PARTS; i++) {
        parts[i] = (struct part){.bench = bench,
                                 .dataset = i == 1 ? dataset_of_1 : bench->dataset,
                                 .class_index = class_index,
                                 .meeting = &meeting,
                                 .progress = {.stop_at = INT64_MAX}};
        parts[i].share = (struct activation_share){.part = i,
                                                   .parts = PARTS,
                                                   .chunks = chunks,
                                                   .agree = agree,
                                                   .exchange = meet,
                                                   .context = &parts[i]};
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
        count_in_parts(&bench, c, chunks, bench.dataset, INT64_MAX, parts);
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

static void test_a_part_that_fails_keeps_none_waiting(void **state)
{
    (void)state;
    struct network *network = dense_network(2, 3);
    struct bench bench;
    struct part parts[PARTS];
    struct dataset *unloaded;
    bench_open(&bench, network, random_dataset(network, 300, 4));
    assert_ok(dataset_create_unloaded(bench.dataset->shape, bench.dataset->class_count,
                                      (const class_name *)bench.dataset->class_names,
                                      bench.dataset->class_start, "test", &unloaded));
    count_in_parts(&bench, 0, 1, unloaded, INT64_MAX, parts);
    for (int i = 0; i < PARTS; i++)
        assert_int_equal(parts[i].status, STATUS_INTERNAL);
    parts_clear(parts);
    dataset_destroy(&unloaded);
    bench_close(&bench);
}

static void test_one_part_that_stops_stops_all(void **state)
{
    (void)state;
    struct network *network = dense_network(2, 3);
    struct bench bench;
    struct part parts[PARTS];
    bench_open(&bench, network, random_dataset(network, 300, 4));
    count_in_parts(&bench, 0, 1, bench.dataset, 1, parts);
    for (int i = 0; i < PARTS; i++)
        assert_int_equal(parts[i].status, STATUS_STOPPED);
    parts_clear(parts);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_active_units_of_known_images_are_counted),
        cmocka_unit_test(test_positives_are_the_first_confident_ones),
        cmocka_unit_test(test_negatives_are_the_first_whatever_the_parent_says),
        cmocka_unit_test(test_negatives_are_shared_by_the_other_classes),
        cmocka_unit_test(test_counts_equal_the_definition),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_counting_stops_when_asked_and_when_it_has_enough),
        cmocka_unit_test(test_data_must_fit_the_network),
        cmocka_unit_test(test_classes_are_matched_by_name),
        cmocka_unit_test(test_parts_add_up_to_the_whole),
        cmocka_unit_test(test_a_part_that_fails_keeps_none_waiting),
        cmocka_unit_test(test_one_part_that_stops_stops_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
