/* Archives: every entry is read, and those that look like images are probed. */
#include "fuzz_input.h"

#include <string.h>

#include "compute/base/shape.h"
#include "compute/formats/images/class_path.h"
#include "compute/formats/images/image_archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image_source source = {.name = "x", .calls = &image_archive_calls};
    struct shape shape;
    enum status status = image_archive_open_memory(data, size, "x", &source.state);
    while (status == STATUS_OK && (status = image_source_next(&source)) == STATUS_OK && source.path != NULL) {
        struct class_path path = class_path_of_file(source.path);
        if (source.path[0] == '/' || path.class_folder.bytes > strlen(source.path))
            abort();
        if (!source.folder && path_is_image(source.path))
            (void)image_source_probe(&source, &shape);
        if (!source.folder)
            status = image_source_read(&source, SIZE_MAX);
    }
    image_source_close(&source);
    return 0;
}
