/* IDX: labels (a piece), images (the rest). */
#include "fuzz_input.h"

#include "compute/formats/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct dataset *dataset = NULL;
    char labels[128], images[128];
    fuzz_file("a", fuzz_piece(&input), labels);
    fuzz_file("b", input, images);
    if (idx_read_files(images, labels, NULL, 0, &dataset) == STATUS_OK &&
        dataset_label(dataset, dataset->image_count - 1) >= dataset->class_count)
        abort();
    dataset_destroy(&dataset);
    return 0;
}
