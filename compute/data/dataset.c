#include "compute/data/dataset.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/data/image_adapt.h"

/* --- creating --- */

static enum status check_shape(struct shape shape, int32_t class_count, const char *where)
{
    if (shape.h < 1 || shape.w < 1 || shape.c < 1 || shape.c > SCALING_CHANNELS_MAX)
        return error_set(STATUS_SHAPE, "%s: images of %d×%d×%d (H×W×C); sizes start at 1, channels end at %d",
                         where, shape.h, shape.w, shape.c, SCALING_CHANNELS_MAX);
    if (class_count < 1)
        return error_set(STATUS_SHAPE, "%s: %d classes; a dataset has at least one", where, class_count);
    return STATUS_OK;
}

static enum status check_class_start(const int64_t *class_start, int32_t class_count, const char *where)
{
    if (class_start[0] != 0)
        return error_set(STATUS_FORMAT, "%s: class_start begins with %lld; expected 0", where,
                         (long long)class_start[0]);
    for (int32_t c = 0; c < class_count; c++)
        if (class_start[c + 1] < class_start[c])
            return error_set(STATUS_FORMAT,
                             "%s: class_start falls from %lld to %lld at class %d; it must not", where,
                             (long long)class_start[c], (long long)class_start[c + 1], c);
    if (class_start[class_count] == 0)
        return error_set(STATUS_SHAPE, "%s: no images; a dataset has at least one", where);
    return STATUS_OK;
}

static void set_class_names(struct dataset *dataset, const class_name *class_names)
{
    for (int32_t c = 0; c < dataset->class_count; c++)
        if (class_names == NULL)
            snprintf(dataset->class_names[c], CLASS_NAME_BYTES, "%d", c);
        else /* what follows the zero stays zero: files have the same bytes whatever was in the source */
            snprintf(dataset->class_names[c], CLASS_NAME_BYTES, "%s", class_names[c]);
}

enum status dataset_create_unloaded(struct shape shape, int32_t class_count, const class_name *class_names,
                                    const int64_t *class_start, const char *where, struct dataset **dataset)
{
    struct dataset *made = NULL;
    *dataset = NULL;
    enum status status = check_shape(shape, class_count, where);
    if (status == STATUS_OK)
        status = check_class_start(class_start, class_count, where);
    if (status == STATUS_OK && class_names != NULL)
        status = class_names_check(class_names, class_count, where);
    if (status == STATUS_OK)
        status = memory_allocate(&made, 1, sizeof *made, where);
    if (status != STATUS_OK)
        return status;

    size_t classes = (size_t)class_count;
    made->shape = shape;
    made->class_count = class_count;
    made->image_count = class_start[classes];
    status = memory_allocate(&made->class_names, classes, sizeof *made->class_names, where);
    if (status == STATUS_OK)
        status = memory_allocate(&made->class_start, classes + 1, sizeof *made->class_start, where);
    if (status != STATUS_OK) {
        dataset_destroy(&made);
        return status;
    }
    set_class_names(made, class_names);
    memcpy(made->class_start, class_start, (classes + 1) * sizeof *class_start);
    *dataset = made;
    return STATUS_OK;
}

enum status dataset_pixel_bytes(struct shape shape, int64_t count, size_t *bytes)
{
    size_t image_bytes;
    if (count < 0 || !size_multiply((size_t)shape.h * (size_t)shape.w, (size_t)shape.c, &image_bytes) ||
        !size_multiply(image_bytes, (size_t)count, bytes))
        return error_set(STATUS_SHAPE, "%lld images of %d×%d×%d are more than memory can address",
                         (long long)count, shape.h, shape.w, shape.c);
    return STATUS_OK;
}

/* class_start (class_count + 1) from labels. */
static enum status count_labels(const int32_t *labels, int64_t count, int32_t class_count,
                                int64_t *class_start)
{
    for (int64_t i = 0; i < count; i++) {
        if (labels[i] < 0 || labels[i] >= class_count)
            return error_set(STATUS_FORMAT, "image %lld has label %d; expected 0 to %d", (long long)i,
                             labels[i], class_count - 1);
        class_start[labels[i] + 1]++;
    }
    for (int32_t c = 0; c < class_count; c++)
        class_start[c + 1] += class_start[c];
    return STATUS_OK;
}

/* Copies images to their classes, in source order within each; `next` (class_count) is where each class's
 * next image goes. */
static void sort_images(struct dataset *dataset, const uint8_t *pixels, const int32_t *labels, int64_t *next)
{
    size_t image_bytes = shape_count(dataset->shape);
    for (int64_t i = 0; i < dataset->image_count; i++) {
        size_t place = (size_t)next[labels[i]]++;
        memcpy(dataset->pixels + place * image_bytes, pixels + (size_t)i * image_bytes, image_bytes);
    }
    dataset->loaded = dataset->image_count;
}

enum status dataset_create(struct shape shape, int32_t class_count, const class_name *class_names,
                           const uint8_t *pixels, const int32_t *labels, int64_t count,
                           struct dataset **dataset)
{
    static const char what[] = "dataset";
    struct dataset *made = NULL;
    int64_t *class_start = NULL;
    size_t bytes = 0;
    *dataset = NULL;
    enum status status = check_shape(shape, class_count, what);
    if (status == STATUS_OK)
        status = dataset_pixel_bytes(shape, count, &bytes);
    if (status == STATUS_OK)
        status = memory_allocate(&class_start, (size_t)class_count + 1, sizeof *class_start, what);
    if (status == STATUS_OK)
        status = count_labels(labels, count, class_count, class_start);
    if (status == STATUS_OK)
        status = dataset_create_unloaded(shape, class_count, class_names, class_start, what, &made);
    if (status == STATUS_OK)
        status = memory_allocate(&made->pixels, bytes, 1, "pixels of a dataset");
    if (status == STATUS_OK) {
        sort_images(made, pixels, labels, class_start);
        *dataset = made;
        made = NULL;
    }
    dataset_destroy(&made);
    memory_free(&class_start);
    return status;
}

void dataset_keep_classes(struct dataset *dataset, const int32_t *classes, int32_t count)
{
    size_t image_bytes = shape_count(dataset->shape);
    int64_t kept = 0;
    for (int32_t i = 0; i < count; i++) {
        int64_t start = dataset->class_start[classes[i]],
                images = dataset->class_start[classes[i] + 1] - start;
        memmove(dataset->pixels + (size_t)kept * image_bytes, dataset->pixels + (size_t)start * image_bytes,
                (size_t)images * image_bytes);
        memmove(dataset->class_names[i], dataset->class_names[classes[i]], sizeof dataset->class_names[i]);
        dataset->class_start[i] = kept; /* i ≤ classes[i]: what is still needed lies ahead */
        kept += images;
    }
    dataset->class_start[count] = kept;
    dataset->class_count = count;
    dataset->image_count = dataset->loaded = kept;
}

void dataset_limit(struct dataset *dataset, int64_t per_class)
{
    size_t image_bytes = shape_count(dataset->shape);
    int64_t kept = 0, start = 0;
    for (int32_t c = 0; c < dataset->class_count; c++) {
        int64_t end = dataset->class_start[c + 1], count = end - start < per_class ? end - start : per_class;
        memmove(dataset->pixels + (size_t)kept * image_bytes, dataset->pixels + (size_t)start * image_bytes,
                (size_t)count * image_bytes);
        dataset->class_start[c] = kept;
        kept += count;
        start = end;
    }
    dataset->class_start[dataset->class_count] = kept;
    dataset->image_count = dataset->loaded = kept;
}

enum status dataset_adapt(struct dataset *dataset, struct shape shape)
{
    struct image_adapt *adapt = NULL;
    uint8_t *pixels = NULL;
    size_t bytes = 0;
    if (image_adapt_is_identity(dataset->shape, shape))
        return STATUS_OK;
    enum status status = dataset_pixel_bytes(shape, dataset->loaded, &bytes);
    if (status == STATUS_OK)
        status = image_adapt_create(dataset->shape, shape, &adapt);
    if (status == STATUS_OK)
        status = memory_allocate(&pixels, bytes, 1, "adapted images");
    if (status == STATUS_OK) {
        image_adapt_run(adapt, dataset->loaded, dataset->pixels, pixels);
        memory_free(&dataset->pixels);
        dataset->pixels = pixels;
        dataset->shape = shape;
    }
    image_adapt_destroy(&adapt);
    return status;
}

void dataset_destroy(struct dataset **dataset)
{
    struct dataset *gone = *dataset;
    if (gone == NULL)
        return;
    memory_free(&gone->class_names);
    memory_free(&gone->class_start);
    memory_free(&gone->pixels);
    memory_free(dataset);
}

/* --- asking --- */

int32_t dataset_label(const struct dataset *dataset, int64_t image)
{
    int32_t low = 0, high = dataset->class_count - 1;
    while (low < high) { /* the first class that ends behind the image: empty classes are passed over */
        int32_t middle = low + (high - low) / 2;
        if (dataset->class_start[middle + 1] > image)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

const uint8_t *dataset_image(const struct dataset *dataset, int64_t image)
{
    return dataset->pixels + (size_t)(image - dataset->first) * shape_count(dataset->shape);
}

void dataset_measure_scaling(const struct dataset *dataset, struct scaling *scaling)
{
    size_t channels = (size_t)dataset->shape.c;
    size_t pixels = (size_t)dataset->loaded * (size_t)dataset->shape.h * (size_t)dataset->shape.w;
    *scaling = scaling_default();
    if (pixels == 0)
        return;
    for (size_t c = 0; c < channels; c++) {
        uint64_t sum = 0, squares = 0;
        for (size_t i = 0; i < pixels; i++) {
            uint64_t value = dataset->pixels[i * channels + c];
            sum += value;
            squares += value * value;
        }
        /* n²·variance = n·Σx² − (Σx)², exact in 128 bits */
        unsigned __int128 spread = (unsigned __int128)squares * pixels - (unsigned __int128)sum * sum;
        double count = (double)pixels;
        scaling->mean[c] = (float)((double)sum / count / 255.0);
        if (spread > 0)
            scaling->std[c] = (float)(sqrt((double)spread) / count / 255.0);
    }
}

void dataset_digest(const struct dataset *dataset, uint8_t digest[DIGEST_BYTES])
{
    struct digest_state state;
    size_t classes = (size_t)dataset->class_count;
    digest_begin(&state);
    digest_add(&state, &dataset->shape, sizeof dataset->shape);
    digest_add(&state, &dataset->class_count, sizeof dataset->class_count);
    digest_add(&state, dataset->class_names, classes * sizeof *dataset->class_names);
    digest_add(&state, dataset->class_start, (classes + 1) * sizeof *dataset->class_start);
    digest_add(&state, dataset->pixels, (size_t)dataset->loaded * shape_count(dataset->shape));
    digest_end(&state, digest);
}
