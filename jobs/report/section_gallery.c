#include <stdio.h>

#include "compute/base/memory.h"
#include "jobs/report/png_data.h"
#include "jobs/report/sections.h"

/* "parent: Coat (wrong)". */
static void describe_answer(char text[160], const char *who, const char *says, bool right)
{
    *text = '\0';
    if (*says != '\0')
        snprintf(text, 160, "; %s: %s (%s)", who, says, right ? "right" : "wrong");
}

static enum status show(struct page *page, struct judged *judged, int32_t number)
{
    const struct judged_image *image = &judged->images[number];
    const struct dataset *dataset = judged->join->sets[image->truth.dataset].dataset;
    char name[32], text[512], parent[160], modules[160];
    uint8_t *pixels = NULL, *png = NULL;
    size_t bytes = 0, png_bytes = 0;
    enum status status = dataset_pixel_bytes(dataset->shape, 1, &bytes);
    if (status == STATUS_OK)
        status = memory_allocate(&pixels, bytes, 1, "image");
    if (status == STATUS_OK)
        status = dataset_join_read(judged->join, image->truth, image->place, 1, 1, pixels);
    if (status == STATUS_OK)
        status = png_data_make(pixels, dataset->shape, &png, &png_bytes);
    if (status == STATUS_OK) {
        describe_answer(parent, judged->one[JUDGED_MODULES].classifier != NULL ? "parent" : "network",
                        image->parent_says, image->parent_right);
        describe_answer(modules, "composition", image->modules_say, image->modules_right);
        snprintf(name, sizeof name, "image-%02d", (int)number + 1);
        snprintf(text, sizeof text, "%s%s%s", dataset->class_names[image->truth.class_index], parent,
                 modules);
        status = page_image(page, &(struct page_picture){name, text, text}, "png", png, png_bytes);
    }
    memory_free(&png);
    memory_free(&pixels);
    return status;
}

enum status section_gallery(struct page *page, struct judged *judged)
{
    enum status status = STATUS_OK;
    if (judged->image_count == 0)
        return STATUS_OK;
    page_section(page, "A few test images");
    page_paragraph(page, "Each with what it is and what is said of it. Chosen among the first of each class, "
                         "mistakes before what is right: no picture of how often they are right.");
    page_gallery_begin(page);
    for (int32_t i = 0; status == STATUS_OK && i < judged->image_count; i++)
        status = show(page, judged, i);
    page_gallery_end(page);
    return status;
}
