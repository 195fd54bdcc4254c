/* Classifiers as ONNX files, for other programs. */
#ifndef FACET_MODULES_MODULE_EXPORT_H
#define FACET_MODULES_MODULE_EXPORT_H

#include "modules/classifier/classifier.h"

/* Writes the classifier as one graph: input "image" (N, C, H, W), output (N, labels) with the batch free: a
 * network's "logits" (with its own shape when it is no vector), a composition's "scores", the calibrated
 * margin of each module. Maps are constants that layers are multiplied with; modules with the same map share
 * a pass, all passes of a parent its weights, and networks their stem. Labels and scaling are in the file's
 * metadata.
 *
 * Images go in scaled as the network wants them; with_scaling: as pixels from 0 to 255. STATUS_SHAPE when
 * networks want images of different shapes, or, without with_scaling, different scaling. */
enum status classifier_export(const struct classifier *classifier, bool with_scaling, const char *path);

#endif
