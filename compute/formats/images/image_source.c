#include "compute/formats/images/image_source.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "compute/base/memory.h"
#include "compute/formats/images/class_tree.h"
#include "compute/formats/images/image_archive.h"
#include "compute/formats/images/image_decode.h"

enum { PROBE_BYTES = 4096 };

enum status image_source_open(const char *path, struct image_source *source)
{
    struct stat found;
    *source = (struct image_source){.name = path};
    if (stat(path, &found) != 0)
        return error_set(STATUS_IO, "%s: cannot open: %s", path, strerror(errno));
    if (S_ISDIR(found.st_mode)) {
        source->calls = &class_tree_calls;
        return class_tree_open(path, &source->state);
    }
    if (!S_ISREG(found.st_mode))
        return error_set(STATUS_IO, "%s: is neither a folder nor a file", path);
    source->calls = &image_archive_calls;
    return image_archive_open(path, (uint64_t)found.st_size, &source->state);
}

void image_source_close(struct image_source *source)
{
    if (source->state != NULL)
        source->calls->close(source->state);
    memory_free(&source->data);
    *source = (struct image_source){.name = source->name};
}

enum status image_source_refuse(const struct image_source *source, enum status status)
{
    return error_prefix(status, "%s: %s: ", source->name, source->path);
}

enum status image_source_next(struct image_source *source)
{
    source->bytes = 0;
    source->complete = false;
    return source->calls->next(source->state, &source->path, &source->folder);
}

/* Room for `wanted` bytes, what is there kept. */
static enum status grow(struct image_source *source, size_t wanted)
{
    uint8_t *larger = NULL;
    if (wanted <= source->capacity)
        return STATUS_OK;
    size_t capacity = wanted > 2 * source->capacity ? wanted : 2 * source->capacity;
    enum status status = memory_allocate(&larger, capacity, 1, source->name);
    if (status != STATUS_OK)
        return status;
    if (source->bytes > 0)
        memcpy(larger, source->data, source->bytes);
    memory_free(&source->data);
    source->data = larger;
    source->capacity = capacity;
    return STATUS_OK;
}

/* The size is not asked for in advance: what an archive says of it need not be true. */
enum status image_source_read(struct image_source *source, size_t wanted)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK && !source->complete && source->bytes < wanted) {
        size_t step = source->bytes < PROBE_BYTES ? PROBE_BYTES : source->bytes, got = 0;
        if (source->bytes > IMAGE_FILE_BYTES_MAX) {
            status = error_set(STATUS_FORMAT,
                               "has more than %d bytes, which no image should have; leave it "
                               "out",
                               IMAGE_FILE_BYTES_MAX);
            return image_source_refuse(source, status);
        }
        status = grow(source, source->bytes + step);
        if (status == STATUS_OK)
            status = source->calls->read(source->state, source->data + source->bytes, step, &got);
        if (status == STATUS_OK) {
            source->bytes += got;
            source->complete = got < step;
        }
    }
    return status;
}

enum status image_source_probe(struct image_source *source, struct shape *shape)
{
    bool more = true;
    enum status status = STATUS_OK;
    for (size_t wanted = PROBE_BYTES; status == STATUS_OK && more; wanted *= 4) {
        status = image_source_read(source, wanted);
        if (status != STATUS_OK)
            return status;
        status = image_probe(source->data, source->bytes, source->complete, shape, &more);
        if (status != STATUS_OK)
            return image_source_refuse(source, status);
    }
    return status;
}
