/* What a layer makes of its inputs: the shape of its output, and how many parameters and statistics it has.
 */
#ifndef FACET_COMPUTE_NETWORK_SHAPE_INFERENCE_H
#define FACET_COMPUTE_NETWORK_SHAPE_INFERENCE_H

#include "compute/network/network.h"

/* Given a layer with kind, name, options, input_count and inputs (indices of layers of `network`, already
 * checked), clears the options that its kind does not use and fills shape, parameter_count, weight_count and
 * statistic_count. STATUS_USAGE for a wrong number of inputs or an option that makes no sense, STATUS_SHAPE
 * for shapes that do not fit; the message names the layer, the shapes seen and what would fit. */
enum status layer_infer(const struct network *network, struct layer *layer);

/* STATUS_SHAPE unless 1 ≤ every dimension and the elements of one image are fewer than 2^31. `name` is for
 * the message. */
enum status shape_check(const char *name, int64_t h, int64_t w, int64_t c, struct shape *shape);

#endif
