#include "mpi/ranks.h"

#include <string.h>

struct share share_of(int64_t total, int64_t parts, int64_t part)
{
    int64_t base = total / parts, larger = total % parts;
    struct share share = {part * base + (part < larger ? part : larger), base + (part < larger ? 1 : 0)};
    return share;
}

int ranks_rank(MPI_Comm comm)
{
    int rank = 0;
    MPI_Comm_rank(comm, &rank);
    return rank;
}

int ranks_count(MPI_Comm comm)
{
    int count = 1;
    MPI_Comm_size(comm, &count);
    return count;
}

enum status ranks_outcome(MPI_Comm comm, enum status mine)
{
    struct {
        int32_t failed, first_failing;
    } seen;
    int rank = ranks_rank(comm), count = ranks_count(comm);
    int32_t failed = mine != STATUS_OK, failing_rank = failed ? rank : count;

    if (count == 1)
        return mine;
    MPI_Allreduce(&failed, &seen.failed, 1, MPI_INT32_T, MPI_SUM, comm);
    if (seen.failed == 0)
        return STATUS_OK;
    MPI_Allreduce(&failing_rank, &seen.first_failing, 1, MPI_INT32_T, MPI_MIN, comm);

    struct error_carried carried = {STATUS_OK, ""};
    error_keep_first(&carried, mine); /* only the root's copy survives the broadcast */
    MPI_Bcast(&carried, (int)sizeof carried, MPI_BYTE, seen.first_failing, comm);
    error_raise(&carried);
    if (seen.failed < count && carried.status != STATUS_STOPPED)
        error_prefix(carried.status, "rank %d of %d: ", (int)seen.first_failing, count);
    return carried.status;
}

void ranks_sum(MPI_Comm comm, void *numbers, size_t count, MPI_Datatype type)
{
    const size_t piece = (size_t)1 << 28;
    int bytes = 0;
    MPI_Type_size(type, &bytes);
    for (size_t at = 0; at < count; at += piece)
        MPI_Allreduce(MPI_IN_PLACE, (char *)numbers + at * (size_t)bytes,
                      (int)(count - at < piece ? count - at : piece), type, MPI_SUM, comm);
}

int ranks_nodes(MPI_Comm comm)
{
    MPI_Comm node;
    MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    int32_t first_here = ranks_rank(node) == 0, nodes = 0;
    MPI_Comm_free(&node);
    MPI_Allreduce(&first_here, &nodes, 1, MPI_INT32_T, MPI_SUM, comm);
    return nodes;
}
