#include "mpi/import_images.h"

#include <hdf5.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"
#include "compute/formats/dataset_writer.h"
#include "compute/formats/images/image_share.h"
#include "mpi/parallel_file.h"
#include "mpi/ranks.h"

/* --- listing --- */

/* Gives every rank what the first one found. */
static enum status share_listing(MPI_Comm comm, struct image_listing **listing)
{
    struct image_listing plain = {.class_count = 0};
    bool first = *listing != NULL;
    enum status status = STATUS_OK;
    if (first) {
        plain = **listing;
        plain.class_names = NULL;
        plain.class_start = NULL;
    }
    MPI_Bcast(&plain, (int)sizeof plain, MPI_BYTE, 0, comm);
    size_t classes = (size_t)plain.class_count;
    if (!first) {
        status = memory_allocate(listing, 1, sizeof **listing, "listing of images");
        if (status == STATUS_OK) {
            **listing = plain;
            status = memory_allocate(&(*listing)->class_names, classes, sizeof(class_name), "class names");
        }
        if (status == STATUS_OK)
            status = memory_allocate(&(*listing)->class_start, classes + 1, sizeof(int64_t), "class ranges");
    }
    status = ranks_agree(comm, status);
    if (status != STATUS_OK)
        return status;
    MPI_Bcast((*listing)->class_names, (int)(classes * sizeof(class_name)), MPI_BYTE, 0, comm);
    MPI_Bcast((*listing)->class_start, (int)classes + 1, MPI_INT64_T, 0, comm);
    return STATUS_OK;
}

static enum status list(MPI_Comm comm, const char *source, const struct image_options *options,
                        struct image_listing **listing)
{
    enum status status = STATUS_OK;
    if (ranks_rank(comm) == 0)
        status = image_listing_create(source, options, listing);
    status = ranks_agree(comm, status);
    return status == STATUS_OK ? share_listing(comm, listing) : status;
}

/* --- pixels --- */

static enum status put(void *context, int64_t first, int64_t count, const uint8_t *pixels)
{
    return dataset_writer_put(context, first, count, pixels);
}

/* Collective. Creates the file and fills it. */
static enum status write_file(MPI_Comm comm, const char *source, const struct image_listing *listing,
                              const struct dataset *index, const char *beside, hid_t access,
                              const volatile sig_atomic_t *stop)
{
    struct dataset_writer writer;
    enum status status = ranks_agree(comm, dataset_writer_open(beside, index, access, &writer));
    if (status == STATUS_OK) {
        struct share share = share_of(listing->image_count, ranks_count(comm), ranks_rank(comm));
        status = ranks_agree(
            comm, image_share_decode(source, listing, share.first, share.count, stop, put, &writer));
    }
    enum status closed = ranks_agree(comm, dataset_writer_close(&writer, beside));
    return status == STATUS_OK ? closed : status;
}

/* Collective: the first rank renames, or removes. */
static enum status finish(MPI_Comm comm, enum status status, const char *beside, const char *path)
{
    if (ranks_rank(comm) == 0) {
        if (status == STATUS_OK)
            status = output_file_commit(beside, path);
        if (status != STATUS_OK)
            output_file_discard(beside);
    }
    return ranks_agree(comm, status);
}

/* A dataset without pixels: what the file begins with. */
static enum status create_index(const char *source, const struct image_listing *listing,
                                const class_name *names, int32_t name_count, struct dataset **index)
{
    if (names != NULL && name_count != listing->class_count)
        return error_set(STATUS_MISMATCH, "%s: %d class names for %d class folders", source, (int)name_count,
                         (int)listing->class_count);
    if (names == NULL)
        names = (const class_name *)listing->class_names;
    return dataset_create_unloaded(listing->shape, listing->class_count, names, listing->class_start, source,
                                   index);
}

static enum status store(MPI_Comm comm, const char *source, const struct image_listing *listing,
                         const class_name *names, int32_t name_count, const char *output,
                         const volatile sig_atomic_t *stop)
{
    struct dataset *index = NULL;
    char *beside = NULL;
    hid_t access = H5I_INVALID_HID;
    enum status status = create_index(source, listing, names, name_count, &index);
    if (status == STATUS_OK)
        status = output_file_beside(output, &beside);
    status = ranks_agree(comm, status);
    if (status == STATUS_OK)
        status = parallel_file_access(comm, &access);
    if (status == STATUS_OK) {
        status = write_file(comm, source, listing, index, beside, access, stop);
        status = finish(comm, status, beside, output);
    }
    if (access >= 0)
        H5Pclose(access);
    memory_free(&beside);
    dataset_destroy(&index);
    return status;
}

enum status import_images(MPI_Comm comm, const char *source, const struct image_options *options,
                          const class_name *names, int32_t name_count, const char *output,
                          const volatile sig_atomic_t *stop, struct image_listing **listing)
{
    *listing = NULL;
    enum status status = list(comm, source, options, listing);
    if (status == STATUS_OK)
        status = store(comm, source, *listing, names, name_count, output, stop);
    if (status != STATUS_OK)
        image_listing_destroy(listing);
    return status;
}
