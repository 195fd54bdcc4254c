#include "mpi/wire/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The length of the UTF-8 character at `text` and its number; 0 when there is none (RFC 3629: no overlong
 * forms, no surrogates, nothing above U+10FFFF). */
static size_t character_read(const char *text, uint32_t *character)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *bytes = (const unsigned char *)text;
    size_t length = bytes[0] < 0x80             ? 1
                    : (bytes[0] & 0xe0) == 0xc0 ? 2
                    : (bytes[0] & 0xf0) == 0xe0 ? 3
                    : (bytes[0] & 0xf8) == 0xf0 ? 4
                                                : 0;
    if (length == 0)
        return 0;
    uint32_t number = length == 1 ? bytes[0] : bytes[0] & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80) /* also the terminating zero */
            return 0;
        number = number << 6 | (bytes[i] & 0x3fU);
    }
    if (number < least[length] || number > 0x10ffff || (number >= 0xd800 && number <= 0xdfff))
        return 0;
    *character = number;
    return length;
}

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
        size_t length = character_read(text, &character);
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
