/* What modules learn from: the stem's output and the parent's logits for images, augmented or not. */
#ifndef FACET_MPI_DISTILL_DISTILL_FEATURES_H
#define FACET_MPI_DISTILL_DISTILL_FEATURES_H

#include <mpi.h>

#include "compute/data/augment.h"
#include "compute/data/dataset.h"
#include "modules/distill/teacher.h"
#include "mpi/run_progress.h"

/* Images that may be learned from, and those held back (compute/data/held_back.h). */
struct distill_images {
    const struct dataset *dataset; /* all loaded; borrowed */
    int32_t *class_of; /* by class of the dataset: the network's class, or −1: not used; owned */
    int64_t train_count, held_count;
    uint32_t *train, *held; /* images of the dataset, in its order; owned */
};

/* STATUS_NOT_FOUND when a class of the network is none of the dataset, or no image is left to learn from;
 * STATUS_SHAPE for images of another shape. */
enum status distill_images_create(const struct network *network, const struct dataset *dataset,
                                  const char *dataset_path, struct distill_images *images);
void distill_images_clear(struct distill_images *images);

/* Runs the teacher, with threads. */
struct feature_maker;
enum status feature_maker_create(const struct teacher *teacher, const struct distill_images *images,
                                 const struct augmentation *augmentation, uint64_t seed,
                                 struct feature_maker **maker);
void feature_maker_destroy(struct feature_maker **maker);

enum { FEATURE_BLOCK = 16 }; /* images that are passed together, at most */

/* An image as it is shown: variant −1 as it is, else augmented, each variant in another way. */
struct shown_image {
    uint32_t image; /* of the dataset */
    int32_t variant;
};

/* Features (count, teacher_features) and, unless NULL, logits (count, classes) of images, of which `block`
 * (at most FEATURE_BLOCK) are passed together: the same bytes for any number of threads, and however calls
 * split a list, if at multiples of the block. */
void feature_maker_run(struct feature_maker *maker, const struct shown_image *shown, int64_t count,
                       int32_t block, float *features, float *logits);

/* Features, logits and labels kept in memory. */
struct feature_set {
    int64_t count;
    struct shape shape; /* of one image's features */
    int32_t class_count;
    float *features; /* (count, shape); all owned */
    float *logits;   /* (count, classes) */
    int32_t *labels; /* (count), of the network's classes */
};

/* Collective: every rank computes its share and gets all. The caller clears *set. progress may be NULL. */
enum status feature_set_create(MPI_Comm comm, struct feature_maker *maker, const struct shown_image *shown,
                               int64_t count, struct run_progress *progress, struct feature_set *set);
void feature_set_clear(struct feature_set *set);

/* Collective. Of `count` training images: permuted (by seed and stream), shown the first way, then (should
 * more be asked for than there are) all again in another way, … */
enum status feature_set_of_pool(MPI_Comm comm, struct feature_maker *maker,
                                const struct distill_images *images, int64_t count, uint64_t seed,
                                uint64_t stream, struct run_progress *progress, struct feature_set *set);

enum { HELD_IMAGES_MAX = 2048 };
/* Collective. Of the images held back, as they are; at most HELD_IMAGES_MAX, evenly taken. */
enum status feature_set_of_held(MPI_Comm comm, struct feature_maker *maker,
                                const struct distill_images *images, struct run_progress *progress,
                                struct feature_set *set);

/* outputs (count, outputs of the network): of a network that takes the features, for all of the set; with
 * threads. */
enum status feature_set_outputs(const struct feature_set *set, const struct network *network, float *outputs);

#endif
