/* Measuring how fast a network runs: images of random numbers, the engine of training and classifying as it
 * is. */
#ifndef FACET_JOBS_NETWORK_BENCH_H
#define FACET_JOBS_NETWORK_BENCH_H

#include "compute/network/network.h"
#include "jobs/job.h"

/* One layer in one direction, all ranks together; medians over the repeats. */
struct layer_speed {
    double flops;   /* of its products, for one batch: two a multiply-add; 0 where a layer has none */
    double seconds; /* of all threads together, for one batch */
};

/* One way of running, all ranks together. */
struct network_speed {
    double batch_seconds;         /* median */
    double flops;                 /* a batch */
    double gemm_flops;            /* a second: what BLIS reaches on the same threads at once, median */
    int64_t pass_bytes;           /* the engine's buffers */
    int64_t peak_bytes;           /* of memory the processes have ever held when the first batch was done */
    struct layer_speed *forward;  /* by layer */
    struct layer_speed *backward; /* by layer; training alone, else zeros */
};

struct network_bench {
    const struct job *job;
    struct network *network; /* training changes its parameters */
    int32_t batch_images;    /* over all ranks; cut into slices as in training, which threads take */
    int32_t repeats;         /* batches that are measured, after one to warm up */
};

/* Collective. One batch forward and backward, its gradients summed, one step of SGD: as `facet train` does it
 * but for loading and augmenting images. network_speed_clear the result, also after a failure. */
enum status network_bench_training(const struct network_bench *bench, struct network_speed *speed);

/* Collective. One batch forward. */
enum status network_bench_inference(const struct network_bench *bench, struct network_speed *speed);

void network_speed_clear(struct network_speed *speed);

#endif
