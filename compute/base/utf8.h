/* Reading UTF-8. */
#ifndef FACET_COMPUTE_BASE_UTF8_H
#define FACET_COMPUTE_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The length in bytes of the UTF-8 character at `text` and its number; 0 when there is none (RFC 3629: no
 * overlong forms, no surrogates, nothing above U+10FFFF). A terminating zero stops it from reading too far.
 */
size_t utf8_read(const char *text, uint32_t *character);

#endif
