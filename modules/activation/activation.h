/* Method `activation`: concern identification, tangling identification, channeling (Pan & Rajan, ICSE 2022,
 * sections 3.1 to 3.3; definitions of the choices it leaves open in docs/method.md).
 *
 * Two counts a class say everything: on how many of its positives each unit was active (output > 0), and on
 * how many of its first q images, whatever the parent says of them. Counts add, so classes can be counted
 * anywhere, each in one pass over its own images, and the negatives of class c are the sum over all classes
 * minus c's own. */
#ifndef FACET_MODULES_ACTIVATION_ACTIVATION_H
#define FACET_MODULES_ACTIVATION_ACTIVATION_H

#include "compute/data/dataset.h"
#include "modules/module_set.h"

struct activation_options {
    float tau_plus;    /* a unit active on at most this fraction of the positives leaves; 0 … 1 */
    float tau_minus;   /* it returns when active on more than this fraction of the negatives; 0 … 1 */
    int32_t positives; /* at most so many positives: the first that the parent puts in c … */
    float confidence;  /* … with at least this probability */
    int32_t negatives; /* in all, shared equally: q = max(1, ⌈negatives/(C−1)⌉) a class */
};

/* τ⁺ 0, τ⁻ 0, 1,000 positives, confidence 0.9, 1,000 negatives. */
struct activation_options activation_options_default(void);
/* STATUS_USAGE names the option that is out of range. */
enum status activation_options_check(const struct activation_options *options);

/* Counts of one class. */
struct class_counts {
    int32_t class_index;
    int32_t positive_images, negative_images;
    uint32_t *positive; /* (units): active on so many of the positives */
    uint32_t *negative; /* (units): active on so many of the first q images */
};

enum status class_counts_create(const struct unit_layout *layout, struct class_counts **counts);
void class_counts_destroy(struct class_counts **counts);

/* Called now and then, by the thread that called activation_count_class, with the images passed so far;
 * returns true to stop (STATUS_STOPPED). May be NULL. */
typedef bool (*activation_progress)(void *context, int64_t images_done);

/* Several processes that count one class together, in rounds: in each, every one of them passes the next
 * `chunks` chunks of images, one after the other in the order of the dataset. Which images are positives then
 * depends on what the others found, so they tell one another once a round. */
struct activation_share {
    int32_t part, parts;
    int32_t chunks; /* a round, for each part; the same for all: as many as threads, usually */
    /* Called by all parts once, before the first round, with how each is prepared for it. Returns a failure
     * to all of them when one has failed, so that none waits for it. */
    enum status (*agree)(void *context, enum status status);
    /* Called by all parts once a round: this one found `found` images that could be positives, and wants to
     * stop or not. Gives how many the parts before it found, all together, and whether any wants to stop. */
    void (*exchange)(void *context, int64_t found, bool stop, int64_t *before, int64_t *all, bool *stop_all);
    void *context;
};

/* Counts class `class_index` of the network over the images of the dataset's class of the same name, of which
 * the first activation_images_needed must be loaded; stops reading once it has enough. Uses OpenMP threads;
 * the result does not depend on their number. With `share` (NULL: alone) counts are those of this part; those
 * of all parts add up to what one alone counts. counts is overwritten. The options have been checked, but
 * positives may be 0 for a class that serves as negatives alone. STATUS_SHAPE when dataset and network differ
 * in shape or the network has fewer than two classes, STATUS_NOT_FOUND when the dataset lacks the class,
 * STATUS_INTERNAL when its images are not loaded. */
enum status activation_count_class(const struct network *network, const struct unit_layout *layout,
                                   const struct dataset *dataset, int32_t class_index,
                                   const struct activation_options *options,
                                   const struct activation_share *share, activation_progress progress,
                                   void *context, struct class_counts *counts);

/* Images that the counting of a class can touch at most, of `available`: all, since nobody knows beforehand
 * where its positives are; with positives 0 the first q alone. */
int64_t activation_images_needed(const struct activation_options *options, int32_t class_count,
                                 int64_t available);

/* Makes the module of counts->class_index: the map from the class's own counts and from negatives_sum (units:
 * Σ over all classes of `negative`, own included) and negative_images_sum, and the channelled head (the mean
 * of the other classes' weights and biases as "not c", summed in float64 in class order).
 *
 * A unit leaves when positive ≤ τ⁺·positive_images and comes back when negatives > τ⁻·negative_images, both
 * compared in integers with τ taken to the nearest millionth, so that 0.7 of 1,000 is 700.
 *
 * STATUS_NOT_FOUND when the class has no positives. *module is overwritten (parent = 0); the caller clears
 * it. */
enum status activation_make_module(const struct network *network, const struct unit_layout *layout,
                                   const struct activation_options *options,
                                   const struct class_counts *counts, const uint32_t *negatives_sum,
                                   int64_t negative_images_sum, struct module *module);

#endif
