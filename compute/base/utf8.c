#include "compute/base/utf8.h"

size_t utf8_read(const char *text, uint32_t *character)
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
