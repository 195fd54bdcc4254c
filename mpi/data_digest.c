#include "mpi/data_digest.h"

#include "compute/base/memory.h"
#include "compute/formats/dataset_file.h"
#include "mpi/ranks.h"

enum { PIECE_BYTES = 64 << 20 };

static enum status digest_class(struct dataset *dataset, const char *path, int32_t class_index,
                                uint8_t digest[DIGEST_BYTES])
{
    size_t image_bytes = shape_count(dataset->shape);
    int64_t piece = PIECE_BYTES / (int64_t)image_bytes > 0 ? PIECE_BYTES / (int64_t)image_bytes : 1;
    int64_t end = dataset->class_start[class_index + 1];
    struct digest_state state;
    enum status status = STATUS_OK;
    digest_begin(&state);
    for (int64_t first = dataset->class_start[class_index]; first < end && status == STATUS_OK;
         first += piece) {
        int64_t count = end - first < piece ? end - first : piece;
        status = dataset_file_load_range(dataset, path, first, count);
        if (status == STATUS_OK)
            digest_add(&state, dataset->pixels, (size_t)count * image_bytes);
    }
    digest_end(&state, digest);
    return status;
}

/* This rank's share; the other classes' digests stay zero. */
static enum status digest_share(MPI_Comm comm, struct dataset *dataset, const char *path, uint8_t *digests)
{
    enum status status = STATUS_OK;
    int32_t step =
        ranks_count(comm); /* neighbouring classes to different ranks: they are read side by side */
    for (int32_t c = ranks_rank(comm); c < dataset->class_count && status == STATUS_OK; c += step)
        status = digest_class(dataset, path, c, digests + (size_t)c * DIGEST_BYTES);
    if (status == STATUS_OK)
        status = dataset_file_load_range(dataset, path, 0, 0);
    return status;
}

enum status data_digest(MPI_Comm comm, struct dataset *dataset, const char *path,
                        uint8_t digest[DIGEST_BYTES])
{
    size_t classes = (size_t)dataset->class_count;
    uint8_t *digests = NULL;
    enum status status =
        ranks_agree(comm, memory_allocate(&digests, classes, DIGEST_BYTES, "digests of classes"));
    if (status == STATUS_OK)
        status = ranks_agree(comm, digest_share(comm, dataset, path, digests));
    if (status == STATUS_OK) {
        struct digest_state state;
        ranks_sum(comm, digests, classes * DIGEST_BYTES, MPI_UINT8_T); /* to each its one that is not zero */
        digest_begin(&state);
        digest_add(&state, &dataset->shape, sizeof dataset->shape);
        digest_add(&state, dataset->class_names, classes * sizeof(class_name));
        digest_add(&state, dataset->class_start, (classes + 1) * sizeof(int64_t));
        digest_add(&state, digests, classes * DIGEST_BYTES);
        digest_end(&state, digest);
    }
    memory_free(&digests);
    return status;
}
