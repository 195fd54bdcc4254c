#include "jobs/report/markup.h"

#include <stdint.h>
#include <string.h>

#include "compute/base/utf8.h"
#include "mpi/wire/text.h"

enum { CHARACTER_BYTES = 8 };

/* The text's next character, cleaned, into `clean`; returns where the one after it begins. */
static const char *character_read(const char *text, char clean[CHARACTER_BYTES])
{
    uint32_t number = 0;
    size_t length = utf8_read(text, &number);
    if (length == 0)
        length = 1; /* no UTF-8: cleaning makes it a "?" */
    memcpy(clean, text, length);
    clean[length] = '\0';
    text_clean(clean, CHARACTER_BYTES, clean);
    return text + length;
}

void markup_html(FILE *out, const char *text)
{
    char clean[CHARACTER_BYTES];
    while (*text != '\0') {
        text = character_read(text, clean);
        switch (*clean) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        default:
            fputs(clean, out);
        }
    }
}

void markup_markdown(FILE *out, const char *text)
{
    char clean[CHARACTER_BYTES];
    while (*text != '\0') {
        text = character_read(text, clean);
        if (strchr("|\\<>*`[]&", *clean) != NULL)
            fputc('\\', out);
        fputs(clean, out);
    }
}

void markup_base64(FILE *out, const void *bytes, size_t count)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *data = bytes;
    for (size_t i = 0; i < count; i += 3) {
        size_t left = count - i;
        uint32_t word = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                        (left > 2 ? (uint32_t)data[i + 2] : 0);
        fputc(digits[word >> 18], out);
        fputc(digits[word >> 12 & 63], out);
        fputc(left > 1 ? digits[word >> 6 & 63] : '=', out);
        fputc(left > 2 ? digits[word & 63] : '=', out);
    }
}
