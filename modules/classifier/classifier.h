/* Whatever gives scores for images: a network, a modules file (all its modules voting) or a composition. One
 * face for evaluating, predicting and the public API. */
#ifndef FACET_MODULES_CLASSIFIER_CLASSIFIER_H
#define FACET_MODULES_CLASSIFIER_CLASSIFIER_H

#include "modules/classifier/forward_plan.h"
#include "modules/module_set.h"

struct classifier {
    char kind[16]; /* "network", "modules", "composition" */
    int32_t label_count;
    class_name *labels;         /* owned */
    struct network *network;    /* kind "network", else NULL; owned */
    struct module_set *modules; /* the other kinds, else NULL; owned */
    struct forward_plan *plan;  /* of modules, else NULL; owned */
};

/* Opens any of the three kinds. STATUS_FORMAT for another kind of file, saying which it is. */
enum status classifier_open(const char *path, struct classifier **classifier);

/* A classifier over what is already in memory; takes ownership of the network or set given (also on failure).
 */
enum status classifier_from_network(struct network *network, struct classifier **classifier);
enum status classifier_from_modules(struct module_set *set, const char *kind, struct classifier **classifier);
void classifier_destroy(struct classifier **classifier);

/* The shape of images the classifier takes when it has one; what the first module takes for compositions. */
struct shape classifier_input_shape(const struct classifier *classifier);

/* What it gives for one image: 1 × 1 × label_count, or the last layer's shape of a network whose output is no
 * vector. */
struct shape classifier_output_shape(const struct classifier *classifier);

/* Multiply-adds for one image as run (forward_plan.h), and of one pass of the network that the first module
 * came from; for a network both are its own. Multiplications by channels of zeros, with which the run fills
 * up the vectors of small networks (compute/network/channel_padding.h), are not counted. */
uint64_t classifier_multiply_adds(const struct classifier *classifier);
uint64_t classifier_parent_multiply_adds(const struct classifier *classifier);

/* A classifier made ready to run: passes and buffers for every OpenMP thread. The classifier must outlive it.
 * image_shape is that of the images to come; a network that takes another shape gets them resized, and
 * grey turned to RGB or back (compute/data/image_adapt.h); *adapted (may be NULL) tells whether any needs
 * that. */
enum { CLASSIFIER_CHUNK = 16 }; /* images a thread passes at a time */
struct classifier_run;
enum status classifier_run_create(const struct classifier *classifier, struct shape image_shape,
                                  struct classifier_run **run, bool *adapted);
void classifier_run_destroy(struct classifier_run **run);

/* scores (n, label_count) for n ≥ 0 images of bytes (n, H, W, C): a network's logits; a module's
 * scale·(c − not c) + offset, whose two dot products are summed in float64. Uses OpenMP threads; the same
 * bytes for any number of them. Images are passed CLASSIFIER_CHUNK at a time from the first of the call on,
 * and since BLIS picks its kernels by matrix size, a score's last bits may depend on an image's place in its
 * chunk: who splits images over calls or ranks and wants the same bytes splits at multiples of it. */
enum status classifier_scores(struct classifier_run *run, int64_t n, const uint8_t *pixels, float *scores);

/* The same for images already scaled by the caller as the parents (or the network) want them: float NHWC.
 * STATUS_SHAPE when images of the run's shape must be resized, or when parents differ in scaling. */
enum status classifier_scores_scaled(struct classifier_run *run, int64_t n, const float *images,
                                     float *scores);

/* The two above for any output shape: outputs (n, classifier_output_shape). Those refuse, with STATUS_SHAPE,
 * a network whose output is no vector. */
enum status classifier_outputs(struct classifier_run *run, int64_t n, const uint8_t *pixels, float *outputs);
enum status classifier_outputs_scaled(struct classifier_run *run, int64_t n, const float *images,
                                      float *outputs);

#endif
