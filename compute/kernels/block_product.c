#include "compute/kernels/block_product.h"

#if defined(__x86_64__)
/* What x86-64-v4, for which block_kernel.c is compiled a second time, has beyond x86-64-v3. */
bool block_product_has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

void block_product_run(const struct block_product *product)
{
#if defined(__x86_64__)
    /* With a single panel AVX-512 has one multiply-add for each float of a that it loads, and is a sixth
     * slower than AVX2, which has two; with two panels it is faster by half. */
    if (product->columns > BLOCK_PANEL && block_product_has_avx512()) {
        block_product_avx512(product);
        return;
    }
#endif
    block_product_base(product);
}
