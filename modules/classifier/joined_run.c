#include "modules/classifier/joined_run.h"

#include "compute/base/memory.h"
#include "compute/data/image_adapt.h"

/* The first dataset that has the shape of dataset `index`: itself, or an earlier one. */
static int32_t first_alike(const struct dataset_join *join, int32_t index)
{
    int32_t first = 0;
    while (!image_adapt_is_identity(join->sets[first].dataset->shape, join->sets[index].dataset->shape))
        first++;
    return first;
}

enum status joined_run_create(const struct classifier *classifier, const struct dataset_join *join,
                              struct joined_run **run)
{
    size_t count = (size_t)join->count;
    enum status status = memory_allocate(run, 1, sizeof **run, "classifier run");
    if (status == STATUS_OK)
        status = memory_allocate(&(*run)->run, count, sizeof(struct classifier_run *), "classifier runs");
    if (status == STATUS_OK)
        status = memory_allocate(&(*run)->adapted, count, sizeof(bool), "classifier runs");
    for (int32_t i = 0; i < join->count && status == STATUS_OK; i++) {
        const struct joined_dataset *set = &join->sets[i];
        int32_t first = first_alike(join, i);
        (*run)->count = i + 1;
        if (first < i) {
            (*run)->run[i] = (*run)->run[first];
            (*run)->adapted[i] = (*run)->adapted[first];
            continue;
        }
        status = classifier_run_create(classifier, set->dataset->shape, &(*run)->run[i], &(*run)->adapted[i]);
        if (status != STATUS_OK)
            error_prefix(status, "images of %s: ", set->path != NULL ? set->path : set->name);
    }
    if (status != STATUS_OK)
        joined_run_destroy(run);
    return status;
}

void joined_run_destroy(struct joined_run **run)
{
    if (*run == NULL)
        return;
    for (int32_t i = 0; i < (*run)->count; i++) {
        struct classifier_run *own = (*run)->run[i];
        for (int32_t j = i + 1; j < (*run)->count; j++)
            if ((*run)->run[j] == own)
                (*run)->run[j] = NULL;
        classifier_run_destroy(&(*run)->run[i]);
    }
    memory_free(&(*run)->run);
    memory_free(&(*run)->adapted);
    memory_free(run);
}
