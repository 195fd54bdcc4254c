#include "mpi/classes/class_queue.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "compute/base/memory.h"
#include "mpi/ranks.h"

enum { TAG_ASK = 1, TAG_ANSWER, TAG_CLOSED, TAG_CONNECT };
enum { ASK_NEXT, ASK_CLOSE };
/* A blocking receive would spin on a core that has classes to compute. */
enum {
    /* Between two looks of rank 0: short after a question, since more follow when classes are quick, then
     * twice as long each time. Every look takes the core from the class that rank 0 itself computes: looks
     * each 0.2 ms cost it a fifth of its speed, at most 5 ms of waiting cost the others nothing to speak of.
     */
    ANSWER_NANOSECONDS = 200 * 1000,
    ANSWER_NANOSECONDS_MOST = 5 * 1000 * 1000,
    LISTEN_NANOSECONDS = 50 * 1000 * 1000, /* of the others */
};

struct class_queue {
    MPI_Comm comm; /* a duplicate: no message of ours meets anybody else's */
    int rank, rank_count;
    int32_t item_count;
    const volatile sig_atomic_t *own_stop;
    volatile sig_atomic_t stopped; /* what class_queue_stop gives when there is a thread to set it */
    atomic_int next;               /* rank 0's; counts on past item_count */
    atomic_bool closed;            /* rank 0: by anybody; else: told so */
    bool announced;                /* rank 0: all others were told; of its thread while that runs */
    atomic_bool ending;
    pthread_t thread;
    bool threaded;
};

static int32_t take(struct class_queue *queue)
{
    int item = atomic_fetch_add(&queue->next, 1);
    return item < queue->item_count ? item : -1;
}

static void drop_rest(struct class_queue *queue)
{
    atomic_store(&queue->next, queue->item_count);
    atomic_store(&queue->closed, true);
}

static void answer_one(struct class_queue *queue, int asker)
{
    int32_t question, item;
    MPI_Recv(&question, 1, MPI_INT32_T, asker, TAG_ASK, queue->comm, MPI_STATUS_IGNORE);
    if (question == ASK_CLOSE) {
        drop_rest(queue);
        return;
    }
    item = take(queue);
    MPI_Send(&item, 1, MPI_INT32_T, asker, TAG_ANSWER, queue->comm);
}

/* Rank 0 tells everybody, once. */
static void announce(struct class_queue *queue)
{
    if (queue->announced || !atomic_load(&queue->closed))
        return;
    for (int rank = 1; rank < queue->rank_count; rank++)
        MPI_Send(NULL, 0, MPI_BYTE, rank, TAG_CLOSED, queue->comm);
    queue->announced = true;
}

static void receive_closed(struct class_queue *queue)
{
    MPI_Recv(NULL, 0, MPI_BYTE, 0, TAG_CLOSED, queue->comm, MPI_STATUS_IGNORE);
    atomic_store(&queue->closed, true);
}

/* Looks for a message once; whether there was one. */
static bool serve(struct class_queue *queue)
{
    int there = 0;
    MPI_Status from;
    if (queue->rank == 0) {
        MPI_Iprobe(MPI_ANY_SOURCE, TAG_ASK, queue->comm, &there, &from);
        if (there)
            answer_one(queue, from.MPI_SOURCE);
        announce(queue);
    } else if (!atomic_load(&queue->closed)) {
        MPI_Iprobe(0, TAG_CLOSED, queue->comm, &there, &from);
        if (there)
            receive_closed(queue);
    }
    return there;
}

static void pause_longer(struct timespec *pause, long most)
{
    nanosleep(pause, NULL);
    pause->tv_nsec = 2 * pause->tv_nsec < most ? 2 * pause->tv_nsec : most;
}

static void *work_beside(void *argument)
{
    struct class_queue *queue = argument;
    const long least = queue->rank == 0 ? ANSWER_NANOSECONDS : LISTEN_NANOSECONDS;
    const long most = queue->rank == 0 ? ANSWER_NANOSECONDS_MOST : LISTEN_NANOSECONDS;
    struct timespec pause = {0, least};
    while (!atomic_load(&queue->ending)) {
        if (serve(queue)) {
            pause.tv_nsec = least;
        } else {
            pause_longer(&pause, most);
        }
        if (*queue->own_stop != 0 || atomic_load(&queue->closed))
            queue->stopped = 1;
    }
    return NULL;
}

/* A barrier would spin: ranks without classes left would take the cores, where they have to share them, of
 * those that still compute, and burn energy where they have not.
 */
static void wait_for_all(MPI_Comm comm)
{
    MPI_Request request;
    struct timespec pause = {0, ANSWER_NANOSECONDS};
    int there;
    MPI_Ibarrier(comm, &request);
    for (MPI_Test(&request, &there, MPI_STATUS_IGNORE); !there; MPI_Test(&request, &there, MPI_STATUS_IGNORE))
        pause_longer(&pause, ANSWER_NANOSECONDS_MOST);
}

/* MPI libraries make a connection when its first message is sent. Two threads of a rank would do so at once,
 * the worker asking and the queue's looking for messages, which is where a TCP transport is weakest. So while
 * there is one thread nothing is said on every way that the queue takes later.
 */
static void connect_all(const struct class_queue *queue)
{
    if (queue->rank != 0)
        MPI_Sendrecv(NULL, 0, MPI_BYTE, 0, TAG_CONNECT, NULL, 0, MPI_BYTE, 0, TAG_CONNECT, queue->comm,
                     MPI_STATUS_IGNORE);
    for (int rank = 1; queue->rank == 0 && rank < queue->rank_count; rank++)
        MPI_Sendrecv(NULL, 0, MPI_BYTE, rank, TAG_CONNECT, NULL, 0, MPI_BYTE, rank, TAG_CONNECT, queue->comm,
                     MPI_STATUS_IGNORE);
    wait_for_all(queue->comm);
}

/* Signals are for the main thread alone: it saves and stops. */
static int start_thread(struct class_queue *queue)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&queue->thread, NULL, work_beside, queue);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure;
}

enum status class_queue_create(MPI_Comm comm, int32_t item_count, const volatile sig_atomic_t *stop,
                               struct class_queue **queue)
{
    struct class_queue *created = NULL;
    enum status status = memory_allocate(&created, 1, sizeof *created, "class queue");
    int provided = MPI_THREAD_SINGLE;
    *queue = NULL;
    MPI_Query_thread(&provided);
    if (status == STATUS_OK && provided != MPI_THREAD_MULTIPLE && ranks_count(comm) > 1)
        status = error_set(STATUS_INTERNAL,
                           "class queue: MPI gives thread level %d, MPI_THREAD_MULTIPLE (%d) is needed; "
                           "use an MPI library built with thread support",
                           provided, MPI_THREAD_MULTIPLE);
    status = ranks_agree(comm, status);
    if (status != STATUS_OK) {
        memory_free(&created);
        return status;
    }
    MPI_Comm_dup(comm, &created->comm);
    created->rank = ranks_rank(comm);
    created->rank_count = ranks_count(comm);
    created->item_count = item_count;
    atomic_init(&created->next, 0);
    created->own_stop = stop;
    atomic_init(&created->closed, false);
    atomic_init(&created->ending, false);
    if (created->rank_count > 1) {
        connect_all(created);
        int failure = start_thread(created);
        created->threaded = failure == 0;
        if (failure != 0)
            status =
                error_set(STATUS_NO_MEMORY,
                          "class queue: no thread for it (error %d); raise the limit on processes", failure);
    }
    *queue = created;
    status = ranks_agree(comm, status);
    if (status != STATUS_OK)
        class_queue_destroy(queue);
    return status;
}

const volatile sig_atomic_t *class_queue_stop(const struct class_queue *queue)
{
    return queue->threaded ? &queue->stopped : queue->own_stop;
}

int32_t class_queue_next(struct class_queue *queue)
{
    int32_t item, question = ASK_NEXT;
    if (queue->rank == 0)
        return take(queue);
    MPI_Send(&question, 1, MPI_INT32_T, 0, TAG_ASK, queue->comm);
    MPI_Recv(&item, 1, MPI_INT32_T, 0, TAG_ANSWER, queue->comm, MPI_STATUS_IGNORE);
    return item;
}

void class_queue_close(struct class_queue *queue)
{
    int32_t question = ASK_CLOSE;
    if (queue->rank == 0)
        drop_rest(queue);
    else
        MPI_Ssend(&question, 1, MPI_INT32_T, 0, TAG_ASK,
                  queue->comm); /* answered before this rank moves on */
}

void class_queue_destroy(struct class_queue **queue)
{
    if (*queue == NULL)
        return;
    wait_for_all((*queue)->comm); /* nobody asks any more */
    atomic_store(&(*queue)->ending, true);
    if ((*queue)->threaded)
        pthread_join((*queue)->thread, NULL);
    int announced = (*queue)->announced;
    MPI_Bcast(&announced, 1, MPI_INT, 0, (*queue)->comm);
    if (announced && (*queue)->rank != 0 && !atomic_load(&(*queue)->closed))
        receive_closed(*queue); /* no message is left behind */
    MPI_Comm_free(&(*queue)->comm);
    memory_free(queue);
}
