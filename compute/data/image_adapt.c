#include "compute/data/image_adapt.h"

#include "compute/base/memory.h"

bool image_adapt_is_identity(struct shape from, struct shape to)
{
    return shape_equals(from, to);
}

static enum status taps_create(int32_t from, int32_t to, struct image_tap **taps)
{
    enum status status = memory_allocate(taps, (size_t)to, sizeof **taps, "resize plan");
    if (status != STATUS_OK)
        return status;
    for (int32_t i = 0; i < to; i++) {
        double at = ((double)i + 0.5) * (double)from / (double)to - 0.5;
        if (at < 0.0)
            at = 0.0;
        struct image_tap *tap = &(*taps)[i];
        tap->low = (int32_t)at < from ? (int32_t)at : from - 1;
        tap->high = tap->low + 1 < from ? tap->low + 1 : tap->low;
        tap->fraction = (float)(at - (double)tap->low);
    }
    return STATUS_OK;
}

enum status image_adapt_create(struct shape from, struct shape to, struct image_adapt **adapt)
{
    *adapt = NULL;
    bool channels = from.c == to.c || (from.c == 1 && to.c == 3) || (from.c == 3 && to.c == 1);
    if (from.h < 1 || from.w < 1 || from.c < 1 || to.h < 1 || to.w < 1 || !channels)
        return error_set(STATUS_SHAPE,
                         "images of %d×%d×%d cannot become %d×%d×%d; only sizes and grey against RGB (1 "
                         "against 3 channels) may differ",
                         (int)from.h, (int)from.w, (int)from.c, (int)to.h, (int)to.w, (int)to.c);
    enum status status = memory_allocate(adapt, 1, sizeof **adapt, "image adaptation");
    if (status != STATUS_OK)
        return status;
    (*adapt)->from = from;
    (*adapt)->to = to;
    status = taps_create(from.h, to.h, &(*adapt)->rows);
    if (status == STATUS_OK)
        status = taps_create(from.w, to.w, &(*adapt)->columns);
    if (status != STATUS_OK)
        image_adapt_destroy(adapt);
    return status;
}

void image_adapt_destroy(struct image_adapt **adapt)
{
    if (*adapt == NULL)
        return;
    memory_free(&(*adapt)->rows);
    memory_free(&(*adapt)->columns);
    memory_free(adapt);
}

/* Channel `channel` at one output pixel. */
static uint8_t sample(const struct image_adapt *adapt, const uint8_t *image, struct image_tap row,
                      struct image_tap column, int32_t channel)
{
    size_t width = (size_t)adapt->from.w, channels = (size_t)adapt->from.c;
    const uint8_t *low = image + (size_t)row.low * width * channels + (size_t)channel;
    const uint8_t *high = image + (size_t)row.high * width * channels + (size_t)channel;
    size_t left = (size_t)column.low * channels, right = (size_t)column.high * channels;
    float top = (float)low[left] + column.fraction * (float)(low[right] - low[left]);
    float bottom = (float)high[left] + column.fraction * (float)(high[right] - high[left]);
    return (uint8_t)(top + row.fraction * (bottom - top) + 0.5f);
}

static uint8_t luma(const uint8_t rgb[3])
{
    return (uint8_t)((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000);
}

static void adapt_pixel(const struct image_adapt *adapt, const uint8_t *image, struct image_tap row,
                        struct image_tap column, uint8_t *out)
{
    if (adapt->from.c == adapt->to.c) {
        for (int32_t c = 0; c < adapt->to.c; c++)
            out[c] = sample(adapt, image, row, column, c);
    } else if (adapt->from.c == 1) {
        out[0] = out[1] = out[2] = sample(adapt, image, row, column, 0);
    } else {
        uint8_t rgb[3];
        for (int32_t c = 0; c < 3; c++)
            rgb[c] = sample(adapt, image, row, column, c);
        out[0] = luma(rgb);
    }
}

void image_adapt_run(const struct image_adapt *adapt, int64_t n, const uint8_t *in, uint8_t *out)
{
    size_t channels = (size_t)adapt->to.c;
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *image = in + (size_t)i * shape_count(adapt->from);
        for (int32_t y = 0; y < adapt->to.h; y++)
            for (int32_t x = 0; x < adapt->to.w; x++, out += channels)
                adapt_pixel(adapt, image, adapt->rows[y], adapt->columns[x], out);
    }
}
