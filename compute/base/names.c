#include "compute/base/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/utf8.h"

/* --- checking --- */

/* Bytes of the printable character at `text`; 0 when it is none or a control character. */
static size_t printable_character(const char *text)
{
    uint32_t c;
    size_t bytes = utf8_read(text, &c);
    bool control = bytes > 0 && (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029);
    return control ? 0 : bytes; /* C0, C1; line and paragraph separators */
}

bool text_is_printable(const char *text)
{
    for (const char *at = text; *at != '\0';) {
        size_t bytes = printable_character(at);
        if (bytes == 0)
            return false;
        at += bytes;
    }
    return true;
}

/* Why a name cannot be one; NULL when it can. */
static const char *name_fault(const class_name name)
{
    if (memchr(name, '\0', CLASS_NAME_BYTES) == NULL)
        return "is longer than 63 bytes";
    if (name[0] == '\0')
        return "is empty";
    return text_is_printable(name) ? NULL : "has a control character or is not UTF-8";
}

/* A name for a message: bytes that could spoil a terminal become '?'. */
static void name_show(const char *name, char shown[CLASS_NAME_BYTES])
{
    size_t used = 0;
    while (used + 1 < CLASS_NAME_BYTES && name[used] != '\0') {
        size_t bytes = memchr(name, '\0', CLASS_NAME_BYTES) != NULL
                           ? printable_character(name + used)
                           : (name[used] >= 0x20 && name[used] < 0x7f ? 1 : 0);
        if (bytes == 0) {
            shown[used++] = '?';
            continue;
        }
        memcpy(shown + used, name + used, bytes);
        used += bytes;
    }
    shown[used] = '\0';
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(**(const class_name *const *)a, **(const class_name *const *)b);
}

static enum status names_check_unique(const class_name *names, int32_t count, const char *where)
{
    const class_name **sorted = NULL;
    enum status status = memory_allocate(&sorted, (size_t)count, sizeof *sorted, "sorting class names");
    if (status != STATUS_OK)
        return status;
    for (int32_t i = 0; i < count; i++)
        sorted[i] = &names[i];
    qsort(sorted, (size_t)count, sizeof *sorted, compare_names);
    for (int32_t i = 1; i < count && status == STATUS_OK; i++)
        if (strcmp(*sorted[i - 1], *sorted[i]) == 0)
            status =
                error_set(STATUS_FORMAT, "%s: class name \"%s\" stands more than once; names must differ",
                          where, *sorted[i]);
    memory_free(&sorted);
    return status;
}

enum status class_names_check(const class_name *names, int32_t count, const char *where)
{
    if (count < 0)
        return error_set(STATUS_FORMAT, "%s: %d class names", where, count);
    for (int32_t i = 0; i < count; i++) {
        char shown[CLASS_NAME_BYTES];
        const char *fault = memchr(names[i], '\0', CLASS_NAME_BYTES) == NULL ? "is longer than 63 bytes"
                                                                             : name_fault(names[i]);
        if (fault == NULL)
            continue;
        name_show(names[i], shown);
        return error_set(STATUS_FORMAT,
                         "%s: name \"%s\" of class %d %s; use 1 to 63 bytes of printable UTF-8", where, shown,
                         i, fault);
    }
    return names_check_unique(names, count, where);
}

/* --- finding --- */

enum { LISTED_CLASSES = 20, LISTED_BYTES = 640 };

/* "cat, dog, … (100 in all)" */
static void names_list(const class_name *names, int32_t count, char list[LISTED_BYTES])
{
    size_t used = 0;
    list[0] = '\0';
    for (int32_t i = 0; i < count; i++) {
        if (i == LISTED_CLASSES || used + CLASS_NAME_BYTES + 48 > LISTED_BYTES) {
            snprintf(list + used, LISTED_BYTES - used, ", … (%d in all)", count);
            return;
        }
        used += (size_t)snprintf(list + used, LISTED_BYTES - used, "%s%s", i == 0 ? "" : ", ", names[i]);
    }
}

static enum status not_found(const class_name *names, int32_t count, const char *text, const char *where)
{
    char list[LISTED_BYTES];
    names_list(names, count, list);
    return error_set(STATUS_NOT_FOUND, "%s: no class \"%.80s\"; there are %s, or #0 to #%d", where, text,
                     list, count - 1);
}

int32_t class_names_index(const class_name *names, int32_t count, const char *name)
{
    for (int32_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static bool find_exact(const class_name *names, int32_t count, const char *text, int32_t *index)
{
    int32_t found = class_names_index(names, count, text);
    if (found >= 0)
        *index = found;
    return found >= 0;
}

/* Reads decimal digits at *text and moves past them; false when there are none or the number is beyond any
 * index. */
static bool read_number(const char **text, int32_t *number)
{
    int64_t value = 0;
    const char *at = *text;
    for (; *at >= '0' && *at <= '9'; at++) {
        value = 10 * value + (*at - '0');
        if (value > INT32_MAX)
            return false;
    }
    if (at == *text)
        return false;
    *text = at;
    *number = (int32_t)value;
    return true;
}

/* "#7" */
static bool find_indexed(int32_t count, const char *text, int32_t *index)
{
    int32_t number;
    if (*text++ != '#' || !read_number(&text, &number) || *text != '\0' || number >= count)
        return false;
    *index = number;
    return true;
}

enum status class_names_find(const class_name *names, int32_t count, const char *text, const char *where,
                             int32_t *index)
{
    if (find_exact(names, count, text, index) || find_indexed(count, text, index))
        return STATUS_OK;
    return not_found(names, count, text, where);
}

enum status class_names_match(const class_name *names, int32_t count, const char *name, const char *where,
                              int32_t *index)
{
    return find_exact(names, count, name, index) ? STATUS_OK : not_found(names, count, name, where);
}

/* --- selecting --- */

/* Copies the next item of a comma-separated list, escapes taken out, and moves *list past it and its comma
 * (to NULL after the last). False for a backslash with nothing after it. */
static bool next_item(const char **list, char *item)
{
    const char *at = *list;
    while (*at != '\0' && *at != ',') {
        if (*at == '\\' && *++at == '\0')
            return false;
        *item++ = *at++;
    }
    *item = '\0';
    *list = *at == ',' ? at + 1 : NULL;
    return true;
}

/* The classes an item means, first … last. */
static enum status item_range(const class_name *names, int32_t count, const char *item, const char *where,
                              int32_t *first, int32_t *last)
{
    if (find_exact(names, count, item, first) || find_indexed(count, item, first)) {
        *last = *first;
        return STATUS_OK;
    }
    const char *at = item;
    if (!read_number(&at, first))
        return not_found(names, count, item, where);
    *last = *first;
    if (*at == '-') {
        at++;
        if (!read_number(&at, last))
            return not_found(names, count, item, where);
    }
    if (*at != '\0' || (*first >= count && *last == *first))
        return not_found(names, count, item, where);
    if (*first > *last)
        return error_set(STATUS_USAGE, "%s: class range \"%.80s\" runs backwards; write it as %d-%d", where,
                         item, *last, *first);
    if (*last >= count)
        return error_set(STATUS_NOT_FOUND,
                         "%s: class range \"%.80s\" goes beyond the last class; there are 0-%d", where, item,
                         count - 1);
    return STATUS_OK;
}

enum status class_names_select(const class_name *names, int32_t count, const char *list, const char *where,
                               int32_t *selected, int32_t *selected_count)
{
    char *item = NULL;
    bool *taken = NULL;
    const char *rest = list;
    enum status status = memory_allocate(&item, strlen(list) + 1, 1, "class list");
    if (status == STATUS_OK)
        status = memory_allocate(&taken, (size_t)count, sizeof *taken, "class list");
    *selected_count = 0;
    while (status == STATUS_OK && rest != NULL) {
        int32_t first = 0, last = -1;
        if (!next_item(&rest, item))
            status =
                error_set(STATUS_USAGE, "%s: class list \"%.200s\" ends in a lone backslash", where, list);
        else if (item[0] == '\0')
            status = error_set(STATUS_USAGE,
                               "%s: class list \"%.200s\" has an empty item; separate names by one comma",
                               where, list);
        else
            status = item_range(names, count, item, where, &first, &last);
        for (int32_t i = first; status == STATUS_OK && i <= last; i++)
            if (!taken[i]) {
                taken[i] = true;
                selected[(*selected_count)++] = i;
            }
    }
    memory_free(&item);
    memory_free(&taken);
    return status;
}

static int compare_indices(const void *a, const void *b)
{
    int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
    return (left > right) - (left < right);
}

enum status class_names_select_ascending(const class_name *names, int32_t count, const char *list,
                                         const char *where, int32_t *selected, int32_t *selected_count)
{
    enum status status = STATUS_OK;
    *selected_count = 0;
    if (list != NULL) {
        status = class_names_select(names, count, list, where, selected, selected_count);
        qsort(selected, (size_t)*selected_count, sizeof *selected, compare_indices);
    } else {
        for (int32_t i = 0; i < count; i++)
            selected[(*selected_count)++] = i;
    }
    return status;
}
