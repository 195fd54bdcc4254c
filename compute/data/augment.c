#include "compute/data/augment.h"

#include <string.h>

#include "compute/base/random.h"

/* Its own streams of random numbers, one an epoch, apart from those of shuffling and initialising. */
static const uint64_t augmentation_streams = UINT64_C(0x6175676d00000000);

enum { DRAW_ROW, DRAW_COLUMN, DRAW_FLIP, DRAWS };

/* out (w, c) = row shifted by `shift` pixels: out(x) = row(x + shift), 0 where that lies outside. */
static void shift_row(int32_t w, size_t c, int32_t shift, const uint8_t *row, uint8_t *out)
{
    int32_t begin = shift < 0 ? -shift : 0;
    int32_t end = shift > 0 ? w - shift : w;
    if (begin >= end) {
        memset(out, 0, (size_t)w * c);
        return;
    }
    memset(out, 0, (size_t)begin * c);
    memcpy(out + (size_t)begin * c, row + (size_t)(begin + shift) * c, (size_t)(end - begin) * c);
    memset(out + (size_t)end * c, 0, (size_t)(w - end) * c);
}

static void reverse_row(int32_t w, size_t c, uint8_t *row)
{
    for (size_t left = 0, right = (size_t)w - 1; left < right; left++, right--)
        for (size_t i = 0; i < c; i++) {
            uint8_t held = row[left * c + i];
            row[left * c + i] = row[right * c + i];
            row[right * c + i] = held;
        }
}

void augment(const struct augmentation *augmentation, struct shape shape, uint64_t seed, uint64_t epoch,
             uint64_t image, const uint8_t *in, uint8_t *out)
{
    uint64_t stream = augmentation_streams + epoch;
    int32_t padding = augmentation->crop_padding;
    uint64_t places = 2 * (uint64_t)padding + 1;
    int32_t down = (int32_t)random_below(seed, stream, DRAWS * image + DRAW_ROW, places) - padding;
    int32_t right = (int32_t)random_below(seed, stream, DRAWS * image + DRAW_COLUMN, places) - padding;
    bool flip = augmentation->flip && random_below(seed, stream, DRAWS * image + DRAW_FLIP, 2) == 1;
    size_t c = (size_t)shape.c;
    size_t row_bytes = (size_t)shape.w * c;

    for (int32_t y = 0; y < shape.h; y++) {
        int64_t source = (int64_t)y + down;
        uint8_t *row = out + (size_t)y * row_bytes;
        if (source < 0 || source >= shape.h) {
            memset(row, 0, row_bytes);
            continue;
        }
        shift_row(shape.w, c, right, in + (size_t)source * row_bytes, row);
        if (flip)
            reverse_row(shape.w, c, row);
    }
}
