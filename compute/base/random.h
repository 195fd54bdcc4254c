/* Random numbers as pure functions of (seed, stream, index): whoever asks, in whatever order, on whatever
 * rank or thread, gets the same number. `stream` separates uses (one a layer, an epoch, a purpose), `index`
 * counts within. */
#ifndef FACET_COMPUTE_BASE_RANDOM_H
#define FACET_COMPUTE_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* 64 well-mixed bits (three rounds of the splitmix64 finaliser; Steele, Lea & Flood, OOPSLA 2014). */
uint64_t random_bits(uint64_t seed, uint64_t stream, uint64_t index);

/* Uniform in [0, 1), 24 bits. */
float random_uniform(uint64_t seed, uint64_t stream, uint64_t index);

/* Standard normal (Box & Muller 1958). */
float random_normal(uint64_t seed, uint64_t stream, uint64_t index);

/* Uniform integer in [0, bound), bound > 0 (bias below 2^-32 for bounds up to 2^32). */
uint64_t random_below(uint64_t seed, uint64_t stream, uint64_t index, uint64_t bound);

/* Fills order[0..count) with a permutation of 0..count-1 (Fisher & Yates). */
void random_permutation(uint64_t seed, uint64_t stream, uint32_t *order, size_t count);

#endif
