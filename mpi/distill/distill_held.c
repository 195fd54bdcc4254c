#include "mpi/distill/distill_held.h"

#include "compute/base/memory.h"
#include "compute/kernels/losses.h"

enum status distill_held_measure(const struct feature_set *held, const int32_t *classes, int32_t k,
                                 const float *scores, float temperature, double *top1, double *loss)
{
    int64_t images = 0, correct = 0;
    float *chosen = NULL;
    enum status status = memory_allocate(&chosen, (size_t)k, sizeof(float), "posteriors");
    *loss = 0;
    if (status != STATUS_OK)
        return status;
    for (int64_t i = 0; i < held->count; i++) {
        const float *row = scores + i * k, *logits = held->logits + i * held->class_count;
        int32_t label = -1, best = 0;
        for (int32_t j = 0; j < k; j++) {
            label = classes[j] == held->labels[i] ? j : label;
            best = row[j] > row[best] ? j : best;
            chosen[j] = logits[classes[j]];
        }
        if (label < 0)
            continue;
        softmax_at_temperature(1, k, chosen, temperature, chosen);
        *loss += softmax_distillation(1, k, row, chosen, temperature, 1, NULL);
        correct += best == label;
        images++;
    }
    memory_free(&chosen);
    *loss /= images > 0 ? (double)images : 1;
    *top1 = images > 0 ? (double)correct / (double)images : -1;
    return STATUS_OK;
}
