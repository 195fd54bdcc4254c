/* CIFAR-10's test set: class names (a piece), records (the rest). */
#include "fuzz_input.h"

#include "compute/formats/cifar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct dataset *dataset = NULL;
    char path[128];
    fuzz_file("batches.meta.txt", fuzz_piece(&input), path);
    fuzz_file("test_batch.bin", input, path);
    if (cifar_read_split(fuzz_folder_path(), "test", NULL, 0, &dataset) == STATUS_OK &&
        dataset_label(dataset, dataset->image_count - 1) >= dataset->class_count)
        abort();
    dataset_destroy(&dataset);
    return 0;
}
