/* Calibration: a scale and an offset for each module of a composition, so that scores of modules that were
 * made apart can be compared.
 *
 * With margins m_j(x) the scores are s_j·m_j(x) + t_j. All s_j > 0 and t_j are fitted together: they minimise
 * the cross-entropy of softmax(scores) with the true label, averaged over each label's images and then over
 * labels, so that a label counts the same however many images the data have of it: frequencies that differ,
 * as between datasets of different sizes, would otherwise become the scores' bias. It is vector scaling (Guo,
 * Pleiss, Sun & Weinberger, On Calibration of Modern Neural Networks, ICML 2017) over log s_j, which keeps
 * the order of a module's own scores, plus a weak pull of each log s_j to one value and of each t_j to 0,
 * without which labels that the margins separate perfectly would have no minimum. Float64, L-BFGS (Nocedal,
 * Math. Comp. 35, 1980) from equal scales: a pure function of its input, whatever the threads.
 */
#ifndef FACET_MODULES_COMPOSITION_CALIBRATION_H
#define FACET_MODULES_COMPOSITION_CALIBRATION_H

#include <stdint.h>

#include "compute/base/error.h"

/* Margins of images whose label is known. */
struct calibration_images {
    int32_t label_count;
    int64_t count;         /* ≥ 1 */
    const float *margins;  /* (count, label_count) */
    const int32_t *truth;  /* (count): 0 … label_count−1, each label at least once */
    const int32_t *groups; /* (label_count): 0, 1, … in order of appearance; labels of one group have one
                              scale and one offset. NULL: each its own */
};

/* How well scores fit the images: cross-entropy of their softmax, and share of images whose label scores
 * highest (the first among equals); both are means over labels of the means over their images. */
struct calibration_fit {
    double loss, top1;
};

/* What s_j·m_j + t_j come to on the images; `scales` and `offsets` (label_count). */
enum status calibration_measure(const struct calibration_images *images, const float *scales,
                                const float *offsets, struct calibration_fit *fit);

/* Fits scales and offsets (label_count each, overwritten). With a single label there is nothing to compare:
 * 1 and 0. STATUS_MISMATCH, with the label's number, when a margin is not finite. */
enum status calibration_run(const struct calibration_images *images, float *scales, float *offsets);

#endif
