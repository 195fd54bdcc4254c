/* Class names: a fixed-length array of unique, non-empty strings, found by name or by "#index". */
#ifndef FACET_COMPUTE_BASE_NAMES_H
#define FACET_COMPUTE_BASE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "compute/base/error.h"

enum { CLASS_NAME_BYTES = 64 }; /* with the terminating zero */

typedef char class_name[CLASS_NAME_BYTES];

/* Whether `text` is UTF-8 (RFC 3629) without control characters or line separators, so that it can stand in a
 * message. */
bool text_is_printable(const char *text);

/* Checks that every name is terminated, non-empty, printable UTF-8 or ASCII without control characters, and
 * stands once. STATUS_FORMAT names `where` and the offending name. */
enum status class_names_check(const class_name *names, int32_t count, const char *where);

/* The place of exactly that name; −1 when it is not there. Knows no "#index": a class that happens to be
 * called
 * "#1" matches its namesake alone. */
int32_t class_names_index(const class_name *names, int32_t count, const char *name);

/* *index = place of the class called `text`, else of "#index", as users name classes. STATUS_NOT_FOUND names
 * `where` and lists what there is (the first twenty). */
enum status class_names_find(const class_name *names, int32_t count, const char *text, const char *where,
                             int32_t *index);

/* The same for that very name alone, as classes of two files are matched: one called "#1" is no index. */
enum status class_names_match(const class_name *names, int32_t count, const char *name, const char *where,
                              int32_t *index);

/* A comma-separated list of names, "#index" and index ranges "0-4", as --classes takes it, e.g. "cat,dog,#7"
 * or "0-4,7". A bare number or range is an index unless a class has exactly that name. `selected` (count
 * entries) gets the chosen indices in the order given, each once; *selected_count how many. A backslash
 * escapes a comma. */
enum status class_names_select(const class_name *names, int32_t count, const char *list, const char *where,
                               int32_t *selected, int32_t *selected_count);

/* The same in ascending order, whatever the order in the list; all of them when the list is NULL. */
enum status class_names_select_ascending(const class_name *names, int32_t count, const char *list,
                                         const char *where, int32_t *selected, int32_t *selected_count);

#endif
