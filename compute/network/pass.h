/* A pass runs a network on up to max_images images at a time, forward and, for training, backward. It owns
 * every buffer it needs, planned once from the graph when it is created: nothing is allocated afterwards.
 *
 * What follows a convolution or a batch norm pixel by pixel is done in its pass over memory (pass_chain.h).
 *
 * A pass is serial. Threads each own one and take slices of a batch: that keeps a slice's activations in one
 * core's cache and makes results independent of the number of threads. The network is only read, and shared.
 */
#ifndef FACET_COMPUTE_NETWORK_PASS_H
#define FACET_COMPUTE_NETWORK_PASS_H

#include "compute/network/network.h"

enum pass_mode {
    PASS_INFER,   /* batchnorm with running statistics; buffers reused as soon as their readers are done */
    PASS_OBSERVE, /* the same results, but every layer's output can be read afterwards (pass_value) */
    PASS_TRAIN    /* batchnorm with the statistics of the images given; keeps what backward needs */
};

struct pass;

/* The network must be finished, outlive the pass and keep its layers; its parameters may change between
 * calls. STATUS_USAGE for max_images below 1 or a network that is not finished. */
enum status pass_create(const struct network *network, int32_t max_images, enum pass_mode mode,
                        struct pass **pass);

/* A PASS_INFER pass that can go on in the middle: resumes[i] (layer_count; only read by the call) tells at
 * which layers pass_forward_from may begin. What is read across such a place is not written over, so it takes
 * more memory; the results are the same. */
enum status pass_create_resuming(const struct network *network, int32_t max_images, const bool *resumes,
                                 struct pass **pass);
void pass_destroy(struct pass **pass);

/* Bytes of all buffers the pass owns: values, gradients, scratch. */
size_t pass_memory_bytes(const struct pass *pass);

/* Units of layer `layer` (layer_has_units) are multiplied by keep (shape_count floats, 0 or 1; borrowed until
 * replaced) after the activation; NULL removes the mask. Only PASS_INFER and PASS_OBSERVE. */
void pass_set_mask(struct pass *pass, int32_t layer, const float *keep);

/* Makes pass_forward run only what this layer needs, and return its output. Default: the last layer. Only
 * PASS_INFER and PASS_OBSERVE. */
void pass_set_last_layer(struct pass *pass, int32_t layer);

/* From now on pass_forward calls `observer` after each layer with units (layer_has_units) with what it made
 * of the n images, (n, units), which is good until the observer returns: the layers that follow may write
 * over it, so that nothing more need be kept in memory than without. When it returns false the call ends
 * there, and what it returns is not the output; pass_forward_from may go on at any layer that was reached.
 * NULL: nobody, as it is at first. Only PASS_INFER. */
typedef bool pass_observer(void *context, int32_t layer, int32_t n, const float *values);
void pass_set_observer(struct pass *pass, pass_observer *observer, void *context);

/* Where the time goes: from now on every call adds the seconds it spends in each layer to forward[layer] and
 * backward[layer] (layer_count each; the caller's). What is computed together with another layer's result is
 * in that layer's time. NULL for both turns timing off, as it is at first. */
void pass_set_timing(struct pass *pass, double *forward, double *backward);

/* Runs 1 ≤ n ≤ max_images images (N, H, W, C of the input layer, already scaled). Returns the output (N,
 * shape of the last layer run), owned by the pass (or `images` itself, when nothing stands between), valid
 * until the next call. */
const float *pass_forward(struct pass *pass, int32_t n, const float *images);

/* After pass_forward of the same images, whatever this call did since: runs the layers from `first` (a layer
 * that may be resumed at) on for `count` ≥ 1 of them, from number `at` on, the other layers' values being
 * those they had. For masks that have changed only from that layer on; where it is inside a chain
 * (pass_chain.h) the whole chain runs. Returns the output for these images (count, shape of the last layer
 * run). */
const float *pass_forward_from(struct pass *pass, int32_t first, int32_t at, int32_t count,
                               const float *images);

/* Output of a layer after pass_forward; of the input layer, the images it was given. PASS_OBSERVE: any layer
 * that was run. PASS_TRAIN: a ReLU's, and the last layer's, the latter after pass_train and pass_backward
 * too; other layers share memory. */
const float *pass_value(const struct pass *pass, int32_t layer);

/* What one slice of a batch contributes. Arrays are the caller's; all is overwritten. */
struct slice_result {
    float *gradient;   /* parameter_count: of Σ over the slice's images of cross-entropy / batch_images */
    float *statistics; /* statistic_count: mean and unbiased variance of the slice (0 if a channel has one
                          value alone), laid out like network.statistics */
    double loss;       /* Σ of cross-entropy over the slice's images */
    int64_t correct;   /* images whose largest logit is the label's */
};

/* Forward and backward of one slice (PASS_TRAIN): n images with labels (0…class_count−1), a part of a batch
 * of batch_images. Fills *result; changes neither parameters nor running statistics. The network's output
 * must be a vector (1×1×class_count). */
void pass_train(struct pass *pass, int32_t n, const float *images, const int32_t *labels,
                int32_t batch_images, struct slice_result *result);

/* The second half of pass_train, for other losses (PASS_TRAIN): after pass_forward of the same images, once,
 * give the gradient of the loss with respect to the network's output (N × output; not changed) and receive
 * the parameters' gradient and the slice's statistics as in slice_result. */
void pass_backward(struct pass *pass, int32_t n, const float *images, const float *output_gradient,
                   float *gradient, float *statistics);

#endif
