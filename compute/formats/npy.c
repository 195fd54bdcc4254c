#include "compute/formats/npy.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"

enum { MAGIC_BYTES = 6, PREAMBLE_BYTES = 8, HEADER_MAX = 65536, ALIGNMENT = 64 };
static const char magic[MAGIC_BYTES + 1] = "\x93NUMPY";

static const size_t element_bytes[] = {[NPY_UINT8] = 1, [NPY_FLOAT32] = 4};

/* --- the header: a Python dictionary with three entries, in any order --- */

struct header {
    const char *at, *end;
    const char *name; /* for messages */
    struct npy_array *array;
    bool fortran;
    bool seen_type, seen_order, seen_shape;
};

static enum status refuse(const struct header *header, const char *expected)
{
    size_t left = (size_t)(header->end - header->at);
    return error_set(STATUS_FORMAT, "%s: its header reads \"%.*s\" where %s was expected", header->name,
                     left > 40 ? 40 : (int)left, header->at, expected);
}

static void skip_blanks(struct header *header)
{
    while (header->at < header->end && (*header->at == ' ' || *header->at == '\n' || *header->at == '\t'))
        header->at++;
}

/* Takes the character if it is next. */
static bool take(struct header *header, char character)
{
    skip_blanks(header);
    if (header->at == header->end || *header->at != character)
        return false;
    header->at++;
    return true;
}

/* Takes a word if it is next. */
static bool take_word(struct header *header, const char *word)
{
    size_t bytes = strlen(word);
    skip_blanks(header);
    if ((size_t)(header->end - header->at) < bytes || memcmp(header->at, word, bytes) != 0)
        return false;
    header->at += bytes;
    return true;
}

/* A text in single or double quotes, without escapes. */
static enum status take_text(struct header *header, char *text, size_t bytes)
{
    skip_blanks(header);
    char quote = header->at < header->end ? *header->at : '\0';
    const char *close = NULL;
    if (quote == '\'' || quote == '"')
        close = memchr(header->at + 1, quote, (size_t)(header->end - header->at - 1));
    if (close == NULL || (size_t)(close - header->at) > bytes)
        return refuse(header, "a short text in quotes");
    size_t length = (size_t)(close - header->at - 1);
    memcpy(text, header->at + 1, length);
    text[length] = '\0';
    header->at = close + 1;
    return STATUS_OK;
}

static enum status take_type(struct header *header)
{
    char text[16];
    enum status status = take_text(header, text, sizeof text);
    if (status != STATUS_OK)
        return status;
    if (strcmp(text, "<f4") == 0)
        header->array->type = NPY_FLOAT32;
    else if (strcmp(text, "|u1") == 0 || strcmp(text, "<u1") == 0)
        header->array->type = NPY_UINT8;
    else
        return error_set(STATUS_FORMAT,
                         "%s: has elements of type '%s'; expected '<f4' (float32) or '|u1' (uint8): convert "
                         "it with .astype",
                         header->name, text);
    header->seen_type = true;
    return STATUS_OK;
}

static enum status take_order(struct header *header)
{
    if (take_word(header, "True"))
        header->fortran = true;
    else if (!take_word(header, "False"))
        return refuse(header, "True or False");
    header->seen_order = true;
    return STATUS_OK;
}

static enum status take_extent(struct header *header, int64_t *extent)
{
    const char *first = header->at;
    *extent = 0;
    for (; header->at < header->end && *header->at >= '0' && *header->at <= '9'; header->at++)
        if (__builtin_mul_overflow(*extent, 10, extent) ||
            __builtin_add_overflow(*extent, *header->at - '0', extent))
            return refuse(header, "a number of 63 bits");
    if (header->at == first)
        return refuse(header, "a number");
    take(header, 'L'); /* as Python 2 wrote long ones */
    return STATUS_OK;
}

static enum status take_shape(struct header *header)
{
    struct npy_array *array = header->array;
    enum status status = STATUS_OK;
    array->rank = 0;
    if (!take(header, '('))
        return refuse(header, "a tuple");
    while (status == STATUS_OK && !take(header, ')')) {
        if (array->rank == NPY_RANK_MAX)
            return error_set(STATUS_FORMAT, "%s: has more than %d dimensions", header->name, NPY_RANK_MAX);
        status = take_extent(header, &array->extent[array->rank++]);
        skip_blanks(header);
        if (status == STATUS_OK && !take(header, ',') && (header->at == header->end || *header->at != ')'))
            status = refuse(header, "a comma");
    }
    header->seen_shape = true;
    return status;
}

static enum status take_entry(struct header *header)
{
    char key[24];
    enum status status = take_text(header, key, sizeof key);
    if (status != STATUS_OK)
        return status;
    if (!take(header, ':'))
        return refuse(header, "a colon");
    skip_blanks(header);
    if (strcmp(key, "descr") == 0)
        status = take_type(header);
    else if (strcmp(key, "fortran_order") == 0)
        status = take_order(header);
    else if (strcmp(key, "shape") == 0)
        status = take_shape(header);
    else
        status = error_set(STATUS_FORMAT, "%s: its header has an entry '%s'", header->name, key);
    return status;
}

static enum status read_dictionary(struct header *header)
{
    enum status status = STATUS_OK;
    if (!take(header, '{'))
        return refuse(header, "a dictionary");
    while (status == STATUS_OK && !take(header, '}')) {
        status = take_entry(header);
        if (status == STATUS_OK && !take(header, ',') && (header->at == header->end || *header->at != '}'))
            status = refuse(header, "a comma");
    }
    skip_blanks(header);
    if (status == STATUS_OK && header->at != header->end)
        status = refuse(header, "its end");
    if (status == STATUS_OK && (!header->seen_type || !header->seen_order || !header->seen_shape))
        status = error_set(STATUS_FORMAT, "%s: its header lacks one of descr, fortran_order and shape",
                           header->name);
    return status;
}

/* --- elements --- */

/* Elements and bytes; false when that overflows. */
static bool count_elements(struct npy_array *array, size_t *bytes)
{
    array->count = 1;
    for (int d = 0; d < array->rank; d++)
        if (!size_multiply(array->count, (size_t)array->extent[d], &array->count))
            return false;
    return size_multiply(array->count, element_bytes[array->type], bytes);
}

/* Fortran order to C order: the first index of the file runs fastest. */
static void reorder(const struct npy_array *array, const uint8_t *in, uint8_t *out)
{
    size_t width = element_bytes[array->type], index[NPY_RANK_MAX] = {0}, stride[NPY_RANK_MAX] = {1};
    for (int d = 1; d < array->rank; d++)
        stride[d] = stride[d - 1] * (size_t)array->extent[d - 1];
    for (size_t i = 0; i < array->count; i++, out += width) {
        size_t from = 0;
        for (int d = 0; d < array->rank; d++)
            from += index[d] * stride[d];
        memcpy(out, in + from * width, width);
        for (int d = array->rank - 1; d >= 0 && ++index[d] == (size_t)array->extent[d]; d--)
            index[d] = 0;
    }
}

/* *length of the dictionary and where it begins. */
static enum status read_preamble(const uint8_t *bytes, size_t count, const char *name, size_t *start,
                                 size_t *length)
{
    if (count < PREAMBLE_BYTES + 4 || memcmp(bytes, magic, MAGIC_BYTES) != 0)
        return error_set(STATUS_FORMAT, "%s: not a NumPy array; save it with numpy.save", name);
    if (bytes[MAGIC_BYTES] < 1 || bytes[MAGIC_BYTES] > 3)
        return error_set(STATUS_FORMAT, "%s: version %d of the .npy format; expected 1 to 3", name,
                         bytes[MAGIC_BYTES]);
    const uint8_t *at = bytes + PREAMBLE_BYTES;
    bool wide = bytes[MAGIC_BYTES] > 1;
    *start = PREAMBLE_BYTES + (wide ? 4 : 2);
    *length = (size_t)at[0] | (size_t)at[1] << 8;
    if (wide)
        *length |= (size_t)at[2] << 16 | (size_t)at[3] << 24;
    if (*length > HEADER_MAX || *length > count - *start)
        return error_set(STATUS_FORMAT, "%s: claims a header of %zu bytes; truncated or damaged", name,
                         *length);
    return STATUS_OK;
}

static enum status decode(const uint8_t *bytes, size_t count, const char *name, struct npy_array *array)
{
    struct header header = {.name = name, .array = array};
    size_t start = 0, length = 0, wanted = 0;
    enum status status = read_preamble(bytes, count, name, &start, &length);
    if (status != STATUS_OK)
        return status;
    header.at = (const char *)bytes + start;
    header.end = header.at + length;
    status = read_dictionary(&header);
    if (status != STATUS_OK)
        return status;
    const uint8_t *elements = bytes + start + length;
    size_t there = count - start - length;
    if (!count_elements(array, &wanted) || wanted != there)
        return error_set(STATUS_FORMAT,
                         "%s: holds %zu bytes of elements, which is not what its shape says; "
                         "truncated or damaged",
                         name, there);
    status = memory_allocate(&array->data, there, 1, name);
    if (status == STATUS_OK && header.fortran)
        reorder(array, elements, array->data);
    else if (status == STATUS_OK && there > 0)
        memcpy(array->data, elements, there);
    return status;
}

enum status npy_decode(const uint8_t *bytes, size_t count, const char *name, struct npy_array *array)
{
    *array = (struct npy_array){.rank = 0};
    enum status status = decode(bytes, count, name, array);
    if (status != STATUS_OK)
        npy_clear(array);
    return status;
}

void npy_clear(struct npy_array *array)
{
    memory_free(&array->data);
    *array = (struct npy_array){.rank = 0};
}

/* --- files --- */

static enum status read_bytes(FILE *file, const char *path, uint8_t **bytes, size_t *count)
{
    struct stat found;
    if (fstat(fileno(file), &found) != 0 || !S_ISREG(found.st_mode)) {
        error_set(STATUS_IO, "%s: is not a file; name a .npy file", path);
        return STATUS_IO;
    }
    *count = (size_t)found.st_size;
    enum status status = memory_allocate(bytes, *count, 1, path);
    if (status == STATUS_OK && fread(*bytes, 1, *count, file) != *count)
        status = error_set(STATUS_IO, "%s: cannot read: %s", path, strerror(errno));
    return status;
}

enum status npy_read(const char *path, struct npy_array *array)
{
    uint8_t *bytes = NULL;
    size_t count = 0;
    *array = (struct npy_array){.rank = 0};
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return error_set(STATUS_IO, "%s: cannot open: %s", path, strerror(errno));
    enum status status = read_bytes(file, path, &bytes, &count);
    fclose(file); /* read only: nothing is lost if that fails */
    if (status == STATUS_OK)
        status = npy_decode(bytes, count, path, array);
    memory_free(&bytes);
    return status;
}

/* What npy_write was given. */
struct npy_content {
    int rank;
    const int64_t *extent;
    const float *data;
};

static enum status write_all(void *context, FILE *file)
{
    const struct npy_content *content = context;
    int rank = content->rank;
    const int64_t *extent = content->extent;
    char text[2 * ALIGNMENT * NPY_RANK_MAX];
    size_t count = 1;
    int used = snprintf(text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': (");
    for (int d = 0; d < rank; d++) {
        used += snprintf(text + used, sizeof text - (size_t)used, "%lld,%s", (long long)extent[d],
                         d + 1 < rank ? " " : "");
        count *= (size_t)extent[d];
    }
    used += snprintf(text + used, sizeof text - (size_t)used, "), }");
    while ((PREAMBLE_BYTES + 2 + used + 1) % ALIGNMENT != 0)
        text[used++] = ' ';
    text[used++] = '\n';
    const uint8_t version_and_length[4] = {1, 0, (uint8_t)(used & 0xff), (uint8_t)(used >> 8)};
    fwrite(magic, 1, MAGIC_BYTES, file);
    fwrite(version_and_length, 1, 4, file);
    fwrite(text, 1, (size_t)used, file);
    fwrite(content->data, sizeof *content->data, count, file);
    return STATUS_OK;
}

enum status npy_write(const char *path, int rank, const int64_t *extent, const float *data)
{
    struct npy_content content = {rank, extent, data};
    return output_file_write(path, write_all, &content);
}
