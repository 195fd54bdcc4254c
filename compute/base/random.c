#include "compute/base/random.h"

#include <math.h>

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

uint64_t random_bits(uint64_t seed, uint64_t stream, uint64_t index)
{
    return mix(mix(mix(seed) ^ stream) ^ index);
}

static float to_unit(uint64_t bits)
{
    return (float)(bits >> 40) * 0x1p-24F;
}

float random_uniform(uint64_t seed, uint64_t stream, uint64_t index)
{
    return to_unit(random_bits(seed, stream, index));
}

float random_normal(uint64_t seed, uint64_t stream, uint64_t index)
{
    uint64_t bits = random_bits(seed, stream, index);
    double u = ((double)(bits >> 32) + 1.0) * 0x1p-32; /* (0, 1]: its logarithm is finite */
    double v = (double)(bits & 0xffffffffU) * 0x1p-32;
    return (float)(sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v));
}

uint64_t random_below(uint64_t seed, uint64_t stream, uint64_t index, uint64_t bound)
{
    return (uint64_t)(((unsigned __int128)random_bits(seed, stream, index) * bound) >> 64);
}

void random_permutation(uint64_t seed, uint64_t stream, uint32_t *order, size_t count)
{
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)random_below(seed, stream, i, i);
        uint32_t held = order[i - 1];
        order[i - 1] = order[j];
        order[j] = held;
    }
}
