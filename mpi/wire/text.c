#include "mpi/wire/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "compute/base/utf8.h"

static bool character_steers(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

size_t text_clean(char *clean, size_t bytes, const char *text)
{
    size_t used = 0;
    while (*text != '\0') {
        uint32_t character = 0;
        size_t length = utf8_read(text, &character);
        bool keep = length > 0 && !character_steers(character);
        if (used + (keep ? length : 1) >= bytes)
            break;
        if (keep)
            memmove(clean + used, text, length);
        else
            clean[used] = length > 0 ? ' ' : '?';
        used += keep ? length : 1;
        text += length > 0 ? length : 1;
    }
    clean[used] = '\0';
    return used;
}
