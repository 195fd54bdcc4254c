/* What a path says about an image: CLASS/FILE, SPLIT/CLASS/FILE or NAME/SPLIT/CLASS/FILE. Pure text. */
#ifndef FACET_COMPUTE_FORMATS_IMAGES_CLASS_PATH_H
#define FACET_COMPUTE_FORMATS_IMAGES_CLASS_PATH_H

#include <stdbool.h>
#include <stddef.h>

enum { CLASS_PATH_BYTES = 4096, SPLIT_BYTES = 16 };

/* Parts of a path without leading or trailing "/"; pieces point into it. */
struct path_piece {
    const char *text;
    size_t bytes;
};
struct class_path {
    struct path_piece prefix; /* all ahead of split and class; may be empty */
    struct path_piece split;  /* the folder above the class if it is called train, test or val, else empty */
    struct path_piece class_folder; /* empty: the image lies in no folder */
};

/* Of an image file's path, and of a folder's as if it were a class folder. */
struct class_path class_path_of_file(const char *path);
struct class_path class_path_of_folder(const char *path);

/* Where a source keeps the images that were asked for. */
struct class_layout {
    char prefix[CLASS_PATH_BYTES];
    char split[SPLIT_BYTES]; /* "": the source is not split */
};

enum class_place {
    CLASS_PLACE_HERE,        /* of the split that is taken */
    CLASS_PLACE_OTHER_SPLIT, /* in order, but of another split */
    CLASS_PLACE_ELSEWHERE    /* does not fit the layout */
};
enum class_place class_layout_place(const struct class_layout *layout, const struct class_path *path);

/* Whether the piece is exactly `text`. */
bool path_piece_is(struct path_piece piece, const char *text);

/* Whether a path, slash-separated, has a hidden component (".x") or is an archiver's by-product
 * ("__MACOSX/…"). */
bool path_is_hidden(const char *path);

/* Whether a file is an image by its name: .png, .jpg or .jpeg, in any case. */
bool path_is_image(const char *path);

#endif
