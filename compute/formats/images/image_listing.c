#include "compute/formats/images/image_listing.h"

#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/formats/images/class_table.h"
#include "compute/formats/images/image_decode.h"
#include "compute/formats/images/image_source.h"

/* --- layout --- */

/* An image's place decides for all; one of another split only tells that the source is split. */
static bool layout_from(const struct class_path *path, const char *split, struct class_layout *layout)
{
    if (path->split.bytes > 0 && !path_piece_is(path->split, split))
        return false;
    snprintf(layout->prefix, sizeof layout->prefix, "%.*s", (int)path->prefix.bytes, path->prefix.text);
    snprintf(layout->split, sizeof layout->split, "%s", path->split.bytes > 0 ? split : "");
    return true;
}

/* Looks for the first image that belongs to the split. */
static enum status find_layout(const char *name, const char *split, struct class_layout *layout)
{
    struct image_source source;
    bool found = false;
    char other[SPLIT_BYTES] = "";
    enum status status = image_source_open(name, &source);
    while (status == STATUS_OK && !found) {
        status = image_source_next(&source);
        if (status != STATUS_OK || source.path == NULL)
            break;
        if (source.folder || !path_is_image(source.path))
            continue;
        struct class_path path = class_path_of_file(source.path);
        if (path.class_folder.bytes == 0)
            status = image_source_refuse(
                &source, error_set(STATUS_FORMAT, "lies in no class folder; expected CLASS/FILE"));
        found = status == STATUS_OK && layout_from(&path, split, layout);
        if (status == STATUS_OK && !found)
            snprintf(other, sizeof other, "%.*s", (int)path.split.bytes, path.split.text);
    }
    image_source_close(&source);
    if (status != STATUS_OK || found)
        return status;
    if (other[0] != '\0')
        return error_set(STATUS_FORMAT, "%s: has no split \"%s\", but \"%s\"; ask for that with --split",
                         name, split, other);
    return error_set(STATUS_FORMAT,
                     "%s: no PNG or JPEG images in class folders; expected CLASS/FILE, SPLIT/CLASS/FILE or "
                     "NAME/SPLIT/CLASS/FILE",
                     name);
}

/* --- listing --- */

struct lister {
    struct image_source source;
    const struct image_options *options;
    struct image_listing *listing;
    struct class_table table;
    struct shape first_shape;
    char first_path[256];
    bool colour;
};

/* Keeps the size of the first image and holds the others to it. */
static enum status note_shape(struct lister *lister, struct shape shape)
{
    lister->colour = lister->colour || shape.c == 3;
    if (lister->first_path[0] == '\0') {
        lister->first_shape = shape;
        snprintf(lister->first_path, sizeof lister->first_path, "%s", lister->source.path);
        return STATUS_OK;
    }
    if (lister->options->resize_h > 0 ||
        (shape.h == lister->first_shape.h && shape.w == lister->first_shape.w))
        return STATUS_OK;
    return error_set(
        STATUS_SHAPE,
        "%s: images of unequal sizes: %s is %d × %d, %.255s is %d × %d (H × W); bring them to one "
        "with --resize",
        lister->source.name, lister->first_path, (int)lister->first_shape.h, (int)lister->first_shape.w,
        lister->source.path, (int)shape.h, (int)shape.w);
}

static enum status list_image(struct lister *lister, const struct class_path *path)
{
    int32_t row = 0;
    struct shape shape;
    enum status status = class_table_row(&lister->table, path->class_folder, &row);
    if (status != STATUS_OK)
        return error_prefix(status, "%s: ", lister->source.name);
    if (lister->options->limit > 0 && lister->table.images[row] == lister->options->limit)
        return STATUS_OK;
    status = image_source_probe(&lister->source, &shape);
    if (status == STATUS_OK)
        status = note_shape(lister, shape);
    if (status == STATUS_OK)
        lister->table.images[row]++;
    return status;
}

static void leave_out(struct lister *lister)
{
    struct image_listing *listing = lister->listing;
    if (listing->left_out_count++ == 0)
        snprintf(listing->left_out, sizeof listing->left_out, "%s", lister->source.path);
}

static enum status list_file(struct lister *lister)
{
    const struct class_layout *layout = &lister->listing->layout;
    struct class_path path = class_path_of_file(lister->source.path);
    enum class_place place = class_layout_place(layout, &path);
    if (place == CLASS_PLACE_OTHER_SPLIT)
        return STATUS_OK;
    bool image = path_is_image(lister->source.path);
    if (place == CLASS_PLACE_HERE && image)
        return list_image(lister, &path);
    if (place == CLASS_PLACE_HERE)
        leave_out(lister);
    if (!image)
        return STATUS_OK;
    enum status status = error_set(
        STATUS_FORMAT, "an image that is not at %s%s%s%sCLASS/FILE like the first; move it", layout->prefix,
        layout->prefix[0] == '\0' ? "" : "/", layout->split, layout->split[0] == '\0' ? "" : "/");
    return image_source_refuse(&lister->source, status);
}

/* A class folder counts even before anything is seen in it, so that an empty one does not go unnoticed. */
static enum status list_folder(struct lister *lister)
{
    int32_t row = 0;
    struct class_path path = class_path_of_folder(lister->source.path);
    if (class_layout_place(&lister->listing->layout, &path) != CLASS_PLACE_HERE)
        return STATUS_OK;
    enum status status = class_table_row(&lister->table, path.class_folder, &row);
    return status == STATUS_OK ? status : error_prefix(status, "%s: ", lister->source.name);
}

static enum status list_all(struct lister *lister)
{
    enum status status = image_source_open(lister->source.name, &lister->source);
    while (status == STATUS_OK) {
        status = image_source_next(&lister->source);
        if (status != STATUS_OK || lister->source.path == NULL)
            break;
        status = lister->source.folder ? list_folder(lister) : list_file(lister);
    }
    return status;
}

/* --- result --- */

/* Classes in the order of their names, with the ranges of their images. */
static enum status take_classes(struct lister *lister)
{
    struct image_listing *listing = lister->listing;
    const struct class_table *table = &lister->table;
    const char *where = lister->source.name;
    size_t count = (size_t)table->count;
    enum status status = memory_allocate(&listing->class_names, count, sizeof(class_name), where);
    if (status == STATUS_OK)
        status = memory_allocate(&listing->class_start, count + 1, sizeof(int64_t), where);
    if (status != STATUS_OK)
        return status;
    listing->class_count = table->count;
    for (int32_t c = 0; c < table->count; c++) {
        int32_t row = table->order[c];
        if (table->images[row] == 0)
            return error_set(STATUS_FORMAT, "%s: class folder \"%s\" has no images; remove it or fill it",
                             where, table->names[row]);
        memcpy(listing->class_names[c], table->names[row], sizeof(class_name));
        listing->class_start[c + 1] = listing->class_start[c] + table->images[row];
    }
    listing->image_count = listing->class_start[table->count];
    return class_names_check((const class_name *)listing->class_names, listing->class_count, where);
}

static enum status take_shape(struct lister *lister)
{
    const struct image_options *options = lister->options;
    struct shape shape = lister->first_shape;
    if (options->resize_h > 0) {
        shape.h = options->resize_h;
        shape.w = options->resize_w;
    }
    shape.c = lister->colour ? 3 : 1;
    if (options->channels > 0)
        shape.c = options->channels;
    lister->listing->shape = shape;
    lister->listing->resized = options->resize_h > 0;
    if (shape_count(shape) > IMAGE_DECODED_BYTES_MAX)
        return error_set(STATUS_USAGE, "images of %d × %d × %d; expected at most %d bytes each", (int)shape.h,
                         (int)shape.w, (int)shape.c, IMAGE_DECODED_BYTES_MAX);
    return STATUS_OK;
}

enum status image_listing_create(const char *source, const struct image_options *options,
                                 struct image_listing **listing)
{
    struct lister lister = {.source = {.name = source}, .options = options};
    enum status status = memory_allocate(listing, 1, sizeof **listing, "listing of images");
    if (status != STATUS_OK)
        return status;
    lister.listing = *listing;
    (*listing)->limit = options->limit;
    status = find_layout(source, options->split, &(*listing)->layout);
    if (status == STATUS_OK)
        status = list_all(&lister);
    if (status == STATUS_OK)
        status = take_classes(&lister);
    if (status == STATUS_OK)
        status = take_shape(&lister);
    if (status != STATUS_OK)
        image_listing_destroy(listing);
    image_source_close(&lister.source);
    class_table_clear(&lister.table);
    return status;
}

void image_listing_destroy(struct image_listing **listing)
{
    if (*listing == NULL)
        return;
    memory_free(&(*listing)->class_names);
    memory_free(&(*listing)->class_start);
    memory_free(listing);
}

int32_t image_listing_class(const struct image_listing *listing, struct path_piece class_folder)
{
    class_name text = "";
    int32_t low = 0, high = listing->class_count - 1;
    if (class_folder.bytes >= sizeof text)
        return -1;
    memcpy(text, class_folder.text, class_folder.bytes);
    while (low <= high) {
        int32_t middle = low + (high - low) / 2;
        int order = strcmp(listing->class_names[middle], text);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle - 1;
    }
    return -1;
}
