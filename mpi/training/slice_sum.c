#include "mpi/training/slice_sum.h"

#include <limits.h>
#include <omp.h>
#include <string.h>

#include "compute/base/memory.h"
#include "mpi/training/slices.h"

struct slice_sum {
    MPI_Comm comm;
    int rank, rank_count;
    int64_t length;
    int32_t local_max;               /* slices a rank can own */
    float *local;                    /* (local_max, length) */
    int32_t received_max;            /* tree nodes of all ranks together */
    float *received;                 /* (received_max, own part of length) */
    int *part_counts, *part_offsets; /* (rank_count): each rank's part of the vector */
    MPI_Request *requests;
};

static enum status allocate(struct slice_sum *sum, int32_t max_slices)
{
    struct share widest = share_of(max_slices, sum->rank_count, 0);
    int64_t part = share_of(sum->length, sum->rank_count, 0).count;
    sum->local_max = (int32_t)widest.count;
    sum->received_max = max_slices; /* never more nodes than leaves */
    size_t local_count, received_count;
    if (!size_multiply((size_t)sum->local_max, (size_t)sum->length, &local_count) ||
        !size_multiply((size_t)sum->received_max, (size_t)part, &received_count))
        return error_set(STATUS_NO_MEMORY,
                         "gradient sum: %d slices of %lld floats are more than memory can address",
                         (int)max_slices, (long long)sum->length);
    enum status status = memory_allocate(&sum->local, local_count, sizeof(float), "gradients of slices");
    if (status == STATUS_OK && sum->rank_count > 1)
        status = memory_allocate(&sum->received, received_count, sizeof(float), "gradients received");
    if (status == STATUS_OK)
        status =
            memory_allocate(&sum->part_counts, 2 * (size_t)sum->rank_count, sizeof(int), "gradient parts");
    if (status == STATUS_OK)
        status = memory_allocate(&sum->requests,
                                 (size_t)max_slices + (size_t)SLICE_NODES_MAX * (size_t)sum->rank_count,
                                 sizeof(MPI_Request), "gradient messages");
    if (status != STATUS_OK)
        return status;
    sum->part_offsets = sum->part_counts + sum->rank_count;
    for (int r = 0; r < sum->rank_count; r++) {
        struct share share = share_of(sum->length, sum->rank_count, r);
        sum->part_counts[r] = (int)share.count;
        sum->part_offsets[r] = (int)share.first;
    }
    return STATUS_OK;
}

enum status slice_sum_create(MPI_Comm comm, int32_t max_slices, int64_t length, struct slice_sum **sum)
{
    struct slice_sum *created = NULL;
    enum status status = STATUS_OK;
    *sum = NULL;
    if (length > INT_MAX)
        status = error_set(STATUS_SHAPE, "gradient sum: %lld floats, at most %d can be sent by MPI",
                           (long long)length, INT_MAX);
    if (status == STATUS_OK)
        status = memory_allocate(&created, 1, sizeof *created, "gradient sum");
    if (status == STATUS_OK) {
        created->comm = comm;
        created->rank = ranks_rank(comm);
        created->rank_count = ranks_count(comm);
        created->length = length;
        status = allocate(created, max_slices);
    }
    status = ranks_agree(comm, status);
    if (status != STATUS_OK)
        slice_sum_destroy(&created);
    *sum = created;
    return status;
}

void slice_sum_destroy(struct slice_sum **sum)
{
    if (*sum == NULL)
        return;
    memory_free(&(*sum)->local);
    memory_free(&(*sum)->received);
    memory_free(&(*sum)->part_counts);
    memory_free(&(*sum)->requests);
    memory_free(sum);
}

struct share slice_sum_share(const struct slice_sum *sum, int32_t slices)
{
    return share_of(slices, sum->rank_count, sum->rank);
}

float *slice_sum_vector(struct slice_sum *sum, int32_t local)
{
    return sum->local + (size_t)local * (size_t)sum->length;
}

/* Threads share the elements, so that each element's additions keep their order. */
static void sum_tree(struct slice_node root, const struct slice_node *nodes, int32_t node_count,
                     float *const *vectors, int64_t length)
{
#pragma omp parallel
    {
        struct share share = share_of(length, omp_get_num_threads(), omp_get_thread_num());
        slice_tree_sum(root, nodes, node_count, vectors, share.first, share.first + share.count);
    }
}

/* Adds up this rank's slices to tree nodes; afterwards vectors[node.first] holds each node. */
static int32_t sum_own_nodes(struct slice_sum *sum, int32_t slices, struct slice_node nodes[SLICE_NODES_MAX],
                             float *vectors[SLICES_MAX])
{
    struct share own = slice_sum_share(sum, slices);
    struct slice_node leaves[SLICES_MAX];
    for (int32_t i = 0; i < own.count; i++) {
        int32_t slice = (int32_t)own.first + i;
        vectors[slice] = slice_sum_vector(sum, i);
        leaves[i] = (struct slice_node){slice, slice + 1};
    }
    int32_t node_count =
        slice_nodes_inside(slices, (int32_t)own.first, (int32_t)(own.first + own.count), nodes);
    for (int32_t i = 0; i < node_count; i++)
        sum_tree(nodes[i], leaves, (int32_t)own.count, vectors, sum->length);
    return node_count;
}

void slice_sum_run(struct slice_sum *sum, int32_t slices, float *total)
{
    struct slice_node own_nodes[SLICE_NODES_MAX], all_nodes[SLICES_MAX];
    float *own_vectors[SLICES_MAX] = {NULL}, *vectors[SLICES_MAX] = {NULL};
    int32_t own_count = sum_own_nodes(sum, slices, own_nodes, own_vectors);
    if (sum->rank_count == 1) {
        memcpy(total, slice_sum_vector(sum, 0), (size_t)sum->length * sizeof(float));
        return;
    }

    /* Receive my part of every rank's nodes, in slice order; send everyone theirs of mine. */
    int32_t all_count = 0;
    int request_count = 0, part = sum->part_counts[sum->rank];
    for (int r = 0; r < sum->rank_count; r++) {
        struct share theirs = share_of(slices, sum->rank_count, r);
        struct slice_node nodes[SLICE_NODES_MAX];
        int32_t count =
            slice_nodes_inside(slices, (int32_t)theirs.first, (int32_t)(theirs.first + theirs.count), nodes);
        for (int32_t i = 0; i < count; i++, all_count++) {
            float *place = sum->received + (size_t)all_count * (size_t)part;
            all_nodes[all_count] = nodes[i];
            vectors[nodes[i].first] = place;
            MPI_Irecv(place, part, MPI_FLOAT, r, nodes[i].first, sum->comm, &sum->requests[request_count++]);
        }
    }
    for (int r = 0; r < sum->rank_count; r++)
        for (int32_t i = 0; i < own_count; i++)
            MPI_Isend(own_vectors[own_nodes[i].first] + sum->part_offsets[r], sum->part_counts[r], MPI_FLOAT,
                      r, own_nodes[i].first, sum->comm, &sum->requests[request_count++]);
    MPI_Waitall(request_count, sum->requests, MPI_STATUSES_IGNORE);
    sum_tree((struct slice_node){0, slices}, all_nodes, all_count, vectors, part);
    MPI_Allgatherv(vectors[0], part, MPI_FLOAT, total, sum->part_counts, sum->part_offsets, MPI_FLOAT,
                   sum->comm);
}
