#include "modules/distill/sampling.h"

#include <stdlib.h>

#include "compute/base/memory.h"
#include "compute/base/random.h"

/* Streams of random numbers (compute/base/random.h). */
enum { STREAM_SAMPLE = 0x5341 };

struct likeness {
    float value;
    uint32_t image;
};

static int compare_likeness(const void *a, const void *b)
{
    const struct likeness *x = a, *y = b;
    if (x->value != y->value)
        return x->value > y->value ? -1 : 1;
    return (x->image > y->image) - (x->image < y->image);
}

static float likeness_of(const float *logits, int32_t class_count, int32_t class_index)
{
    float largest = -3e38F;
    for (int32_t j = 0; j < class_count; j++)
        if (j != class_index && logits[j] > largest)
            largest = logits[j];
    return logits[class_index] - largest;
}

enum status sampling_create(int64_t count, int32_t class_count, const int32_t *labels, const float *logits,
                            int32_t class_index, uint64_t seed, struct sampling *sampling)
{
    struct likeness *others = NULL;
    int64_t other_count = 0;
    *sampling = (struct sampling){.count = count, .seed = seed};
    enum status status = memory_allocate(&others, (size_t)count, sizeof *others, "images like a class");
    if (status == STATUS_OK)
        status = memory_allocate(&sampling->own, (size_t)count, sizeof *sampling->own, "images of a class");
    for (int64_t i = 0; status == STATUS_OK && i < count; i++)
        if (labels[i] == class_index)
            sampling->own[sampling->own_count++] = (uint32_t)i;
        else
            others[other_count++] = (struct likeness){
                likeness_of(logits + i * class_count, class_count, class_index), (uint32_t)i};
    sampling->like_count =
        other_count / 2 < 2 * sampling->own_count ? other_count / 2 : 2 * sampling->own_count;
    if (sampling->like_count < 1 && other_count > 0)
        sampling->like_count = 1;
    if (status == STATUS_OK)
        status = memory_allocate(&sampling->like, (size_t)sampling->like_count, sizeof *sampling->like,
                                 "images like a class");
    if (status == STATUS_OK) {
        qsort(others, (size_t)other_count, sizeof *others, compare_likeness);
        for (int64_t i = 0; i < sampling->like_count; i++)
            sampling->like[i] = others[i].image;
    }
    memory_free(&others);
    if (status != STATUS_OK)
        sampling_clear(sampling);
    return status;
}

void sampling_clear(struct sampling *sampling)
{
    memory_free(&sampling->own);
    memory_free(&sampling->like);
}

uint32_t sampling_draw(const struct sampling *sampling, int64_t step, int64_t place)
{
    uint64_t stream = STREAM_SAMPLE + (uint64_t)step;
    if (place % 3 == 0 && sampling->own_count > 0)
        return sampling
            ->own[random_below(sampling->seed, stream, (uint64_t)place, (uint64_t)sampling->own_count)];
    if (place % 3 == 1 && sampling->like_count > 0)
        return sampling
            ->like[random_below(sampling->seed, stream, (uint64_t)place, (uint64_t)sampling->like_count)];
    return sampling_draw_any(sampling, step, place);
}

uint32_t sampling_draw_any(const struct sampling *sampling, int64_t step, int64_t place)
{
    return (uint32_t)random_below(sampling->seed, STREAM_SAMPLE + (uint64_t)step, (uint64_t)place,
                                  (uint64_t)sampling->count);
}
