#include "compute/formats/images/image_share.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/data/image_adapt.h"
#include "compute/formats/images/image_decode.h"
#include "compute/formats/images/image_source.h"

/* One encoded image that waits for decoding. */
struct waiting {
    int64_t row;          /* its place in the dataset */
    size_t offset, bytes; /* in files */
    char path[200];       /* for messages; cut off */
};

struct share {
    struct image_source source;
    const struct image_listing *listing;
    const volatile sig_atomic_t *stop;
    image_share_put *put;
    void *context;
    int64_t *seen; /* (classes): images met so far */
    int64_t met;   /* images met so far, of all classes */
    int32_t batch_most, waiting_count;
    struct waiting *waiting; /* (batch_most) */
    uint8_t *files;          /* encoded images, one behind the other */
    size_t file_bytes, file_capacity;
    uint8_t *pixels; /* (batch_most, H, W, C) */
};

/* --- decoding a batch --- */

static enum status changed(const struct share *share)
{
    return error_set(STATUS_MISMATCH, "%s: no longer holds the images it did a moment ago; start again",
                     share->source.name);
}

/* Decodes into a buffer of its own shape, then brings it to the dataset's. */
static enum status decode_adapted(const uint8_t *data, size_t bytes, struct shape from, struct shape to,
                                  uint8_t *out)
{
    uint8_t *pixels = NULL;
    struct image_adapt *adapt = NULL;
    enum status status = memory_allocate(&pixels, shape_count(from), 1, "decoded image");
    if (status == STATUS_OK)
        status = image_decode(data, bytes, from, pixels);
    if (status == STATUS_OK)
        status = image_adapt_create(from, to, &adapt);
    if (status == STATUS_OK)
        image_adapt_run(adapt, 1, pixels, out);
    image_adapt_destroy(&adapt);
    memory_free(&pixels);
    return status;
}

static enum status decode_one(const struct share *share, int32_t index)
{
    const struct waiting *waiting = &share->waiting[index];
    const uint8_t *data = share->files + waiting->offset;
    struct shape shape = {0}, to = share->listing->shape;
    uint8_t *out = share->pixels + (size_t)index * shape_count(to);
    bool more;
    enum status status = image_probe(data, waiting->bytes, true, &shape, &more);
    if (status == STATUS_OK && !share->listing->resized && (shape.h != to.h || shape.w != to.w))
        return changed(share);
    if (status == STATUS_OK)
        status = image_adapt_is_identity(shape, to) ? image_decode(data, waiting->bytes, shape, out)
                                                    : decode_adapted(data, waiting->bytes, shape, to, out);
    if (status != STATUS_OK)
        error_prefix(status, "%s: %s: ", share->source.name, waiting->path);
    return status;
}

static int by_row(const void *a, const void *b)
{
    int64_t x = ((const struct waiting *)a)->row, y = ((const struct waiting *)b)->row;
    return x < y ? -1 : x > y;
}

/* Hands over what was decoded, neighbours together. */
static enum status put_runs(struct share *share)
{
    size_t image = shape_count(share->listing->shape);
    enum status status = STATUS_OK;
    for (int32_t first = 0, next; first < share->waiting_count && status == STATUS_OK; first = next) {
        for (next = first + 1;
             next < share->waiting_count && share->waiting[next].row == share->waiting[next - 1].row + 1;)
            next++;
        status = share->put(share->context, share->waiting[first].row, next - first,
                            share->pixels + (size_t)first * image);
    }
    return status;
}

static enum status flush(struct share *share)
{
    struct error_carried carried = {STATUS_OK, ""};
    qsort(share->waiting, (size_t)share->waiting_count, sizeof *share->waiting, by_row);
#pragma omp parallel for schedule(dynamic, 4)
    for (int32_t i = 0; i < share->waiting_count; i++)
        error_keep_first(&carried, decode_one(share, i));
    enum status status = error_raise(&carried);
    if (status == STATUS_OK)
        status = put_runs(share);
    share->waiting_count = 0;
    share->file_bytes = 0;
    return status;
}

/* --- collecting a batch --- */

static enum status keep_file(struct share *share)
{
    const struct image_source *source = &share->source;
    if (share->file_bytes + source->bytes > share->file_capacity) {
        uint8_t *larger = NULL;
        size_t capacity = 2 * share->file_capacity + source->bytes;
        enum status status = memory_allocate(&larger, capacity, 1, "images to decode");
        if (status != STATUS_OK)
            return status;
        if (share->file_bytes > 0)
            memcpy(larger, share->files, share->file_bytes);
        memory_free(&share->files);
        share->files = larger;
        share->file_capacity = capacity;
    }
    memcpy(share->files + share->file_bytes, source->data, source->bytes);
    share->file_bytes += source->bytes;
    return STATUS_OK;
}

static enum status add(struct share *share, int64_t row)
{
    enum status status = image_source_read(&share->source, SIZE_MAX);
    struct waiting *waiting = &share->waiting[share->waiting_count];
    waiting->row = row;
    waiting->offset = share->file_bytes;
    waiting->bytes = share->source.bytes;
    snprintf(waiting->path, sizeof waiting->path, "%s", share->source.path);
    if (status == STATUS_OK)
        status = keep_file(share);
    if (status == STATUS_OK)
        share->waiting_count++;
    if (status == STATUS_OK &&
        (share->waiting_count == share->batch_most || share->file_bytes >= IMAGE_BATCH_BYTES))
        status = flush(share);
    return status;
}

/* *row: place of the image at hand in the dataset; −1 when it is none of those listed. */
static enum status row_of(struct share *share, int64_t *row)
{
    const struct image_listing *listing = share->listing;
    struct class_path path = class_path_of_file(share->source.path);
    *row = -1;
    if (share->source.folder || !path_is_image(share->source.path) ||
        class_layout_place(&listing->layout, &path) != CLASS_PLACE_HERE)
        return STATUS_OK;
    int32_t c = image_listing_class(listing, path.class_folder);
    if (c < 0)
        return changed(share);
    int64_t place = listing->class_start[c] + share->seen[c];
    if (place == listing->class_start[c + 1])
        return share->seen[c] == listing->limit ? STATUS_OK : changed(share);
    share->seen[c]++;
    *row = place;
    return STATUS_OK;
}

static enum status decode_range(struct share *share, int64_t first, int64_t count)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK && share->met < first + count) {
        int64_t row = -1;
        status = image_source_next(&share->source);
        if (status == STATUS_OK && share->source.path == NULL)
            return changed(share);
        if (status == STATUS_OK && share->stop != NULL && *share->stop != 0)
            status = error_set(STATUS_STOPPED, "%s: stopped before all images were read; nothing was written",
                               share->source.name);
        if (status == STATUS_OK)
            status = row_of(share, &row);
        if (status == STATUS_OK && row >= 0 && share->met++ >= first)
            status = add(share, row);
    }
    return status == STATUS_OK ? flush(share) : status;
}

enum status image_share_decode(const char *source, const struct image_listing *listing, int64_t first,
                               int64_t count, const volatile sig_atomic_t *stop, image_share_put *put,
                               void *context)
{
    struct share share = {.listing = listing, .stop = stop, .put = put, .context = context};
    size_t image = shape_count(listing->shape), most = IMAGE_BATCH_BYTES / image;
    if (count == 0)
        return STATUS_OK;
    share.batch_most = (int32_t)(most < 1 ? 1 : most > IMAGE_BATCH_MAX ? IMAGE_BATCH_MAX : most);
    size_t batch = (size_t)share.batch_most;
    enum status status = image_source_open(source, &share.source);
    if (status == STATUS_OK)
        status = memory_allocate(&share.seen, (size_t)listing->class_count, sizeof(int64_t), source);
    if (status == STATUS_OK)
        status = memory_allocate(&share.waiting, batch, sizeof *share.waiting, source);
    if (status == STATUS_OK)
        status = memory_allocate(&share.pixels, batch, image, source);
    if (status == STATUS_OK)
        status = decode_range(&share, first, count);
    image_source_close(&share.source);
    memory_free(&share.seen);
    memory_free(&share.waiting);
    memory_free(&share.files);
    memory_free(&share.pixels);
    return status;
}
