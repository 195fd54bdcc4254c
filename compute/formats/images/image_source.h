/* A folder tree or an archive as one sequence of files and folders. A tree is walked in the order of its
 * names; an archive is streamed in its own order and never unpacked. Symbolic links are followed in a tree
 * and refused in an archive. */
#ifndef FACET_COMPUTE_FORMATS_IMAGES_IMAGE_SOURCE_H
#define FACET_COMPUTE_FORMATS_IMAGES_IMAGE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compute/base/error.h"

/* One step of a kind of source. `state` is its own. */
struct image_source_calls {
    /* *path (valid until the next call; NULL at the end) of the next file or folder, relative to the source,
     * without "." components. Hidden files are left out. */
    enum status (*next)(void *state, const char **path, bool *folder);
    /* Up to `bytes` more bytes of the file at hand; *got < bytes only at its end. */
    enum status (*read)(void *state, uint8_t *data, size_t bytes, size_t *got);
    void (*close)(void *state);
};

struct image_source {
    const char *name; /* borrowed, for messages */
    const struct image_source_calls *calls;
    void *state;
    uint8_t *data; /* beginning of the file at hand; owned */
    size_t capacity;

    /* The entry at hand. */
    const char *path; /* NULL: there are no more */
    bool folder;
    size_t bytes;  /* of data, so far */
    bool complete; /* data is the whole file */
};

/* A folder, or a .tar, .tar.gz or .zip file. `path` must outlive the source. On failure the source is empty;
 * closing that is fine. */
enum status image_source_open(const char *path, struct image_source *source);
void image_source_close(struct image_source *source);

/* The next entry; its data are not read yet. */
enum status image_source_next(struct image_source *source);

/* Reads on until data has at least `wanted` bytes or is complete. STATUS_FORMAT, naming the file, for one of
 * more than IMAGE_FILE_BYTES_MAX bytes. */
enum status image_source_read(struct image_source *source, size_t wanted);

/* Shape of the image at hand, reading only as much of it as needed; image_decode.h. Messages name it. */
struct shape;
enum status image_source_probe(struct image_source *source, struct shape *shape);

/* "SOURCE: PATH: " in front of the message; returns `status`. */
enum status image_source_refuse(const struct image_source *source, enum status status);

#endif
