/* The class queue hands out every class once, also while rank 0 computes, and stops when it is closed. */
#include "tests/mpi/on_ranks.h"

#include <string.h>
#include <time.h>

#include "mpi/classes/class_queue.h"
#include "mpi/ranks.h"
#include "mpi/run_progress.h"

enum { ITEMS = 500, ITEMS_MEANWHILE = 20 };

static volatile sig_atomic_t never = 0;

static void count_draws(struct class_queue *queue, int32_t draws[ITEMS])
{
    int32_t item, last = -1;
    memset(draws, 0, ITEMS * sizeof *draws);
    while ((item = class_queue_next(queue)) >= 0) {
        assert_on_ranks(item < ITEMS && item > last); /* ascending for each rank */
        draws[item]++;
        last = item;
    }
    MPI_Allreduce(MPI_IN_PLACE, draws, ITEMS, MPI_INT32_T, MPI_SUM, MPI_COMM_WORLD);
}

static void test_every_item_once(void **state)
{
    (void)state;
    struct class_queue *queue = NULL;
    int32_t draws[ITEMS];
    assert_on_ranks(class_queue_create(MPI_COMM_WORLD, ITEMS, &never, &queue) == STATUS_OK);
    count_draws(queue, draws);
    class_queue_destroy(&queue);
    assert_on_ranks(queue == NULL);
    for (int i = 0; i < ITEMS; i++)
        assert_on_ranks(draws[i] == 1);
}

static void test_fewer_items_than_ranks(void **state)
{
    (void)state;
    for (int32_t items = 0; items < 3; items++) {
        struct class_queue *queue = NULL;
        int32_t drawn = 0;
        assert_on_ranks(class_queue_create(MPI_COMM_WORLD, items, &never, &queue) == STATUS_OK);
        while (class_queue_next(queue) >= 0)
            drawn++;
        class_queue_destroy(&queue);
        MPI_Allreduce(MPI_IN_PLACE, &drawn, 1, MPI_INT32_T, MPI_SUM, MPI_COMM_WORLD);
        assert_on_ranks(drawn == items);
    }
}

static void compute_for(double seconds)
{
    double end = seconds_now() + seconds;
    while (seconds_now() < end)
        ;
}

static void test_answers_while_the_first_rank_computes(void **state)
{
    (void)state;
    int rank = ranks_rank(MPI_COMM_WORLD);
    struct class_queue *queue = NULL;
    int32_t drawn = 0, total = 0, first = ITEMS;
    if (ranks_count(MPI_COMM_WORLD) == 1)
        skip();
    assert_on_ranks(class_queue_create(MPI_COMM_WORLD, ITEMS, &never, &queue) == STATUS_OK);
    if (rank == 0) {
        compute_for(1.0); /* in no MPI call at all */
        first = class_queue_next(queue);
        drawn = first >= 0;
    }
    /* What the first rank draws next tells how many the others were given meanwhile. */
    assert_on_ranks(first < 0 || first >= ITEMS_MEANWHILE);
    if (rank != 0 || first >= 0)
        while (class_queue_next(queue) >= 0)
            drawn++;
    class_queue_destroy(&queue);
    MPI_Allreduce(&drawn, &total, 1, MPI_INT32_T, MPI_SUM, MPI_COMM_WORLD);
    assert_on_ranks(total == ITEMS);
}

static void test_closing_drops_the_rest_for_all(void **state)
{
    (void)state;
    int rank = ranks_rank(MPI_COMM_WORLD), closer = ranks_count(MPI_COMM_WORLD) - 1;
    struct class_queue *queue = NULL;
    assert_on_ranks(class_queue_create(MPI_COMM_WORLD, ITEMS, &never, &queue) == STATUS_OK);
    if (rank == closer)
        class_queue_close(queue);
    MPI_Barrier(MPI_COMM_WORLD);
    /* A closing from another rank is on its way to the first one's thread: it arrives before that rank's next
     * question, and what others still draw meanwhile is theirs to do. */
    if (rank == closer)
        assert_on_ranks(class_queue_next(queue) == -1);
    class_queue_destroy(&queue);
}

/* Every rank learns of it while it computes, in no MPI call. */
static void test_closing_stops_all(void **state)
{
    (void)state;
    int rank = ranks_rank(MPI_COMM_WORLD), closer = ranks_count(MPI_COMM_WORLD) - 1;
    struct class_queue *queue = NULL;
    if (ranks_count(MPI_COMM_WORLD) == 1)
        skip();
    assert_on_ranks(class_queue_create(MPI_COMM_WORLD, ITEMS, &never, &queue) == STATUS_OK);
    assert_on_ranks(*class_queue_stop(queue) == 0);
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == closer)
        class_queue_close(queue);
    double end = seconds_now() + 30;
    while (*class_queue_stop(queue) == 0 && seconds_now() < end)
        ;
    assert_on_ranks(*class_queue_stop(queue) != 0);
    class_queue_destroy(&queue);
}

static void test_an_own_stop_stops_this_rank_alone(void **state)
{
    (void)state;
    int rank = ranks_rank(MPI_COMM_WORLD);
    volatile sig_atomic_t stop = 0;
    struct class_queue *queue = NULL;
    assert_on_ranks(class_queue_create(MPI_COMM_WORLD, ITEMS, &stop, &queue) == STATUS_OK);
    stop = rank == 0;
    double end = seconds_now() + 30;
    while (rank == 0 && *class_queue_stop(queue) == 0 && seconds_now() < end)
        ;
    assert_on_ranks((*class_queue_stop(queue) != 0) == (rank == 0));
    class_queue_destroy(&queue);
}

static double processor_seconds(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + 1e-9 * (double)used.tv_nsec;
}

/* Whoever has no class left leaves the cores to those that have: waiting takes next to no processor time. */
static void test_waiting_for_the_last_item_is_sleeping(void **state)
{
    (void)state;
    struct class_queue *queue = NULL;
    assert_on_ranks(class_queue_create(MPI_COMM_WORLD, 0, &never, &queue) == STATUS_OK);
    assert_on_ranks(class_queue_next(queue) == -1);
    if (ranks_rank(MPI_COMM_WORLD) == 0)
        nanosleep(&(struct timespec){1, 0}, NULL);
    double started = seconds_now(), used = processor_seconds();
    class_queue_destroy(&queue);
    assert_on_ranks(ranks_rank(MPI_COMM_WORLD) == 0 || seconds_now() - started > 0.5);
    assert_on_ranks(processor_seconds() - used < 0.1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_every_item_once),
    cmocka_unit_test(test_fewer_items_than_ranks),
    cmocka_unit_test(test_answers_while_the_first_rank_computes),
    cmocka_unit_test(test_closing_drops_the_rest_for_all),
    cmocka_unit_test(test_closing_stops_all),
    cmocka_unit_test(test_an_own_stop_stops_this_rank_alone),
    cmocka_unit_test(test_waiting_for_the_last_item_is_sleeping),
};
ON_RANKS_MAIN(tests)
