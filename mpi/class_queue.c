#include "mpi/class_queue.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "compute/base/memory.h"
#include "mpi/ranks.h"

enum { TAG_ASK = 1, TAG_ANSWER = 2 };
enum { ASK_NEXT, ASK_CLOSE };
enum {
    POLL_NANOSECONDS = 200 * 1000
}; /* a blocking receive would spin on a core that has classes to compute */

struct class_queue {
    MPI_Comm comm; /* a duplicate: no message of ours meets anybody else's */
    int rank, rank_count;
    int32_t item_count;
    atomic_int next; /* rank 0's; counts on past item_count */
    atomic_bool closing;
    pthread_t answerer;
    bool answering;
};

static int32_t take(struct class_queue *queue)
{
    int item = atomic_fetch_add(&queue->next, 1);
    return item < queue->item_count ? item : -1;
}

static void drop_rest(struct class_queue *queue)
{
    atomic_store(&queue->next, queue->item_count);
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

static void *answer(void *argument)
{
    struct class_queue *queue = argument;
    const struct timespec pause = {0, POLL_NANOSECONDS};
    while (!atomic_load(&queue->closing)) {
        int asked = 0;
        MPI_Status asker;
        MPI_Iprobe(MPI_ANY_SOURCE, TAG_ASK, queue->comm, &asked, &asker);
        if (asked)
            answer_one(queue, asker.MPI_SOURCE);
        else
            nanosleep(&pause, NULL);
    }
    return NULL;
}

/* Signals are for the main thread alone: it saves and stops. */
static int start_answerer(struct class_queue *queue)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&queue->answerer, NULL, answer, queue);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure;
}

enum status class_queue_create(MPI_Comm comm, int32_t item_count, struct class_queue **queue)
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
    atomic_init(&created->closing, false);
    if (created->rank == 0 && created->rank_count > 1) {
        int failure = start_answerer(created);
        created->answering = failure == 0;
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
    MPI_Barrier((*queue)->comm); /* nobody asks any more */
    if ((*queue)->answering) {
        atomic_store(&(*queue)->closing, true);
        pthread_join((*queue)->answerer, NULL);
    }
    MPI_Comm_free(&(*queue)->comm);
    memory_free(queue);
}
