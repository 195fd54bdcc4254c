/* Text that came from elsewhere, made safe to print. */
#ifndef FACET_MPI_WIRE_TEXT_H
#define FACET_MPI_WIRE_TEXT_H

#include <stddef.h>

/* Copies `text` into `clean` (`bytes` ≥ 1 bytes with the zero) as valid UTF-8 that cannot move a terminal's
 * cursor or reorder its line: control characters (C0, DEL, C1), line separators and bidirectional controls
 * become spaces, bytes that are not UTF-8 become '?', what does not fit is cut between characters. The result
 * is never longer than the text, so `clean` may be `text`. Returns its length. */
size_t text_clean(char *clean, size_t bytes, const char *text);

#endif
