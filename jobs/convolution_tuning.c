#include "jobs/convolution_tuning.h"

#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"
#include "compute/formats/convolution_plan_file.h"
#include "compute/network/network_tune.h"
#include "mpi/ranks.h"
#include "mpi/training/slices.h"
#include "mpi/wire/machine.h"

static void show_tuning(void *context, size_t done, size_t count)
{
    (void)context;
    fprintf(stderr, "\rmeasuring ways of convolving: shape %zu of %zu", done + 1, count);
    if (done + 1 == count)
        fputc('\n', stderr);
}

static enum status tune_and_write(const struct job *job, const struct network *network, const char *path,
                                  struct convolution_plan_entry **entries, size_t *count)
{
    char processor[128];
    enum status status = output_file_check(path);
    if (status == STATUS_OK)
        status = network_tune(network, SLICE_IMAGES_MIN, job->progress_line ? show_tuning : NULL, NULL,
                              entries, count);
    machine_processor(processor, sizeof processor);
    if (status == STATUS_OK)
        status = convolution_plan_file_write(path, processor, *entries, *count);
    return status;
}

enum status convolution_tuning(const struct job *job, const struct network *network, const char *path,
                               struct convolution_plan_entry **entries)
{
    uint64_t count = 0;
    enum status status = STATUS_OK;
    if (job->rank == 0) {
        size_t found = 0;
        status = tune_and_write(job, network, path, entries, &found);
        count = found;
    }
    status = ranks_agree(job->comm, status);
    if (status != STATUS_OK)
        return status;
    MPI_Bcast(&count, 1, MPI_UINT64_T, 0, job->comm);
    if (job->rank != 0)
        status = memory_allocate(entries, (size_t)count, sizeof **entries, "ways of convolving");
    status = ranks_agree(job->comm, status);
    if (status != STATUS_OK)
        return status;
    MPI_Bcast(*entries, (int)(count * sizeof **entries), MPI_BYTE, 0, job->comm);
    convolution_use_plan(*entries, (size_t)count);
    return STATUS_OK;
}
