/* Facet's public interface: open a network, modules or composition file and classify images with it.
 *
 *     struct facet_model *model;
 *     if (facet_open("composition.h5", &model) != FACET_OK)
 *         fprintf(stderr, "%s\n", facet_error());
 *     facet_classify(model, pixels, 1, scores);
 *     facet_close(&model);
 *
 * Everything fallible returns FACET_OK or what went wrong; facet_error() then has one line of text. Open one
 * model at a time (HDF5 is rarely built for threads). Threads may then classify with different models at
 * once, but one model serves one thread at a time; it runs OpenMP threads of its own, as many as
 * OMP_NUM_THREADS says when it is opened.
 *
 * facet_open asks HDF5, unless the program has used it before, neither to print errors nor to tidy up at exit
 * (H5dont_atexit: after a disk was full, HDF5 1.10 may crash there): a program that writes HDF5 files of its
 * own closes them itself before it ends, or calls H5close. */
#ifndef FACET_H
#define FACET_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#    define FACET_API __attribute__((visibility("default")))
#else
#    define FACET_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum facet_status {
    FACET_OK = 0,
    FACET_USAGE,     /* an argument that makes no sense */
    FACET_NO_MEMORY, /* an allocation failed */
    FACET_IO,        /* the operating system or a library said no */
    FACET_FORMAT,    /* a file is not what it says it is */
    FACET_SHAPE,     /* sizes or shapes do not fit one another */
    FACET_NOT_FOUND, /* a name that does not exist */
    FACET_MISMATCH,  /* two inputs contradict one another */
    FACET_STOPPED,   /* interrupted */
    FACET_INTERNAL   /* a bug in Facet */
};

/* An open file, ready to classify. */
struct facet_model;

/* H × W pixels of C channels, channels contiguous. */
struct facet_shape {
    int32_t height, width, channels;
};

/* Opens a network, modules or composition file. *model is NULL after a failure. */
FACET_API int facet_open(const char *path, struct facet_model **model);

/* Frees the model and sets the caller's pointer to NULL; NULL is fine. */
FACET_API void facet_close(struct facet_model **model);

/* "network", "modules" or "composition". The model owns the text. */
FACET_API const char *facet_kind(const struct facet_model *model);

/* Scores an image gets, one a label. */
FACET_API int32_t facet_label_count(const struct facet_model *model);

/* Label 0 … facet_label_count−1, UTF-8; NULL outside. The model owns the text. */
FACET_API const char *facet_label(const struct facet_model *model, int32_t index);

/* The shape of the images to classify: the network's own, or that of a composition's first parent (images are
 * resized for parents of other shapes). */
FACET_API struct facet_shape facet_input_shape(const struct facet_model *model);

/* Classifies `count` images of pixels 0 … 255, laid out (count, height, width, channels), into
 * scores (count, labels), the caller's: logits of a network, margins "class against the rest" of modules; the
 * largest wins. The same numbers for any number of threads; their last bits may depend on an image's place
 * among those of the call, counted in sixteens. */
FACET_API int facet_classify(struct facet_model *model, const uint8_t *images, size_t count, float *scores);

/* What the last failing call of this thread had to say; "" when nothing failed yet. Valid until the thread's
 * next failing call. */
FACET_API const char *facet_error(void);

#ifdef __cplusplus
}
#endif

#endif
