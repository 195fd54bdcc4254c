#include "compute/formats/idx.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "compute/base/memory.h"

/* A file begins with two zero bytes, the element type (8: unsigned byte) and the number of dimensions; then
 * the extents, 32 bits each, most significant byte first; then the elements. */
enum { IDX_IMAGES = 0x00000803, IDX_LABELS = 0x00000801 };
enum { IMAGE_DIMENSIONS = 3, WORD_BYTES = 4 };

/* deflate's best is 1,032 to 1: what a compressed file claims beyond is not in it */
static const uint64_t compression_most = 1032;

/* --- reading bytes --- */

struct idx_file {
    const char *path;
    gzFile stream;
    uint64_t bytes_most; /* more than the file can hold, uncompressed */
};

static void idx_close(struct idx_file *file)
{
    if (file->stream != NULL)
        gzclose_r(file->stream);
    file->stream = NULL;
}

/* zlib reads a file that is not compressed as it is. */
static enum status idx_open(struct idx_file *file, const char *path)
{
    struct stat found;
    *file = (struct idx_file){.path = path};
    if (stat(path, &found) != 0)
        return error_set(STATUS_IO, "%s: cannot open: %s", path, strerror(errno));
    if (!S_ISREG(found.st_mode))
        return error_set(STATUS_IO, "%s: is not a file; name an IDX file", path);
    errno = 0;
    file->stream = gzopen(path, "rbe");
    if (file->stream == NULL) {
        enum status status = errno == 0 ? STATUS_NO_MEMORY : STATUS_IO;
        error_set(status, "%s: cannot open: %s", path, errno == 0 ? "no memory" : strerror(errno));
        return status;
    }
    gzbuffer(file->stream, 1U << 17);
    file->bytes_most = (uint64_t)found.st_size;
    if (!gzdirect(file->stream) &&
        __builtin_mul_overflow(file->bytes_most, compression_most, &file->bytes_most))
        file->bytes_most = UINT64_MAX;
    return STATUS_OK;
}

/* Why reading came to an end before its time. */
static enum status idx_failed(struct idx_file *file, const char *what)
{
    int code = Z_OK;
    const char *reason = gzerror(file->stream, &code);
    const char *separator = strstr(reason, ": "); /* zlib puts the file's name in front */
    if (code == Z_ERRNO)
        return error_set(STATUS_IO, "%s: cannot read %s: %s", file->path, what, strerror(errno));
    if (code != Z_OK && code != Z_BUF_ERROR)
        return error_set(STATUS_FORMAT, "%s: gzip data damaged while reading %s: %s; download it again",
                         file->path, what, separator == NULL ? reason : separator + 2);
    return error_set(STATUS_FORMAT, "%s: ends in the middle of %s; download it again", file->path, what);
}

static enum status idx_read(struct idx_file *file, size_t bytes, uint8_t *data, const char *what)
{
    enum { STEP_BYTES = 1 << 30 }; /* gzread counts in int */
    while (bytes > 0) {
        unsigned step = bytes < STEP_BYTES ? (unsigned)bytes : STEP_BYTES;
        int got = gzread(file->stream, data, step);
        if (got < (int)step)
            return idx_failed(file, what);
        data += step;
        bytes -= step;
    }
    return STATUS_OK;
}

static enum status idx_read_word(struct idx_file *file, uint32_t *word, const char *what)
{
    uint8_t bytes[WORD_BYTES];
    enum status status = idx_read(file, sizeof bytes, bytes, what);
    if (status == STATUS_OK)
        *word = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    return status;
}

/* Nothing may follow; looking makes zlib verify the checksum at the end of the compressed data too. */
static enum status idx_expect_end(struct idx_file *file)
{
    uint8_t byte;
    int got = gzread(file->stream, &byte, 1);
    int code = Z_OK;
    gzerror(file->stream, &code);
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END))
        return idx_failed(file, "the checksum");
    if (got > 0)
        return error_set(STATUS_FORMAT,
                         "%s: has more bytes than its header says; it is not what it claims to be",
                         file->path);
    return STATUS_OK;
}

/* --- header --- */

/* What a file with that first word probably is. */
static const char *magic_meaning(uint32_t magic)
{
    switch (magic) {
    case IDX_IMAGES:
        return "images";
    case IDX_LABELS:
        return "labels";
    case 0x89504e47:
        return "a PNG picture";
    case 0x89484446:
        return "an HDF5 file";
    case 0x504b0304:
        return "a zip archive";
    default:
        break;
    }
    if (magic >> 16 == 0x1f8b)
        return "compressed twice: decompress it once";
    if (magic >> 16 == 0 && (magic >> 8 & 0xff) >= 8 && (magic >> 8 & 0xff) <= 14)
        return "IDX of another element type or number of dimensions";
    return "not an IDX file";
}

static enum status idx_read_magic(struct idx_file *file, uint32_t expected)
{
    uint32_t magic;
    enum status status = idx_read_word(file, &magic, "the header");
    if (status != STATUS_OK || magic == expected)
        return status;
    bool swapped = magic == IDX_IMAGES || magic == IDX_LABELS;
    return error_set(STATUS_FORMAT, "%s: begins with 0x%08x (%s); expected 0x%08x (%s)%s", file->path, magic,
                     magic_meaning(magic), expected, magic_meaning(expected),
                     swapped ? ": give images first, labels second" : "");
}

/* Reads magic and extents, and checks that the elements can be in the file before anybody allocates for them.
 */
static enum status idx_read_header(struct idx_file *file, uint32_t magic, int dimensions, uint32_t *extent,
                                   size_t *bytes)
{
    enum status status = idx_read_magic(file, magic);
    *bytes = 1;
    for (int d = 0; d < dimensions && status == STATUS_OK; d++) {
        status = idx_read_word(file, &extent[d], "the header");
        if (status == STATUS_OK && (extent[d] == 0 || extent[d] > INT32_MAX))
            status = error_set(STATUS_FORMAT, "%s: dimension %d of the header is %u; expected 1 to %d",
                               file->path, d, extent[d], INT32_MAX);
        if (status == STATUS_OK && (!size_multiply(*bytes, extent[d], bytes) || *bytes > file->bytes_most))
            status =
                error_set(STATUS_FORMAT,
                          "%s: its header claims more elements than the file can hold; truncated or damaged: "
                          "download it again",
                          file->path);
    }
    return status;
}

/* A whole file: header, elements (for memory_free), end. */
static enum status idx_read_file(const char *path, uint32_t magic, int dimensions, uint32_t *extent,
                                 uint8_t **elements)
{
    struct idx_file file;
    size_t bytes = 0;
    enum status status = idx_open(&file, path);
    *elements = NULL;
    if (status == STATUS_OK)
        status = idx_read_header(&file, magic, dimensions, extent, &bytes);
    if (status == STATUS_OK)
        status = memory_allocate(elements, bytes, 1, path);
    if (status == STATUS_OK)
        status = idx_read(&file, bytes, *elements, magic_meaning(magic));
    if (status == STATUS_OK)
        status = idx_expect_end(&file);
    if (status != STATUS_OK)
        memory_free(elements);
    idx_close(&file);
    return status;
}

/* --- dataset --- */

/* Labels as a dataset takes them, each below *class_count, which grows to the largest when no names are
 * given. */
static enum status convert_labels(const char *path, const uint8_t *bytes, uint32_t count, bool named,
                                  int32_t *class_count, int32_t **labels)
{
    enum status status = memory_allocate(labels, count, sizeof **labels, path);
    if (status != STATUS_OK)
        return status;
    if (!named)
        *class_count = 1;
    for (uint32_t i = 0; i < count; i++) {
        int32_t label = bytes[i];
        if (label >= *class_count && named) {
            memory_free(labels);
            return error_set(STATUS_FORMAT, "%s: label %u is %d; with %d class names expected 0 to %d", path,
                             i, label, *class_count, *class_count - 1);
        }
        if (label >= *class_count)
            *class_count = label + 1;
        (*labels)[i] = label;
    }
    return STATUS_OK;
}

enum status idx_read_files(const char *images_path, const char *labels_path, const class_name *class_names,
                           int32_t class_name_count, struct dataset **dataset)
{
    uint32_t extent[IMAGE_DIMENSIONS] = {0}, label_count = 0;
    uint8_t *pixels = NULL, *label_bytes = NULL;
    int32_t *labels = NULL;
    int32_t class_count = class_name_count;
    *dataset = NULL;
    enum status status = idx_read_file(labels_path, IDX_LABELS, 1, &label_count, &label_bytes);
    if (status == STATUS_OK)
        status = idx_read_file(images_path, IDX_IMAGES, IMAGE_DIMENSIONS, extent, &pixels);
    if (status == STATUS_OK && label_count != extent[0])
        status =
            error_set(STATUS_MISMATCH, "%s has %u labels, %s has %u images; give files of the same split",
                      labels_path, label_count, images_path, extent[0]);
    if (status == STATUS_OK)
        status =
            convert_labels(labels_path, label_bytes, label_count, class_names != NULL, &class_count, &labels);
    if (status == STATUS_OK) {
        struct shape shape = {(int32_t)extent[1], (int32_t)extent[2], 1};
        status = dataset_create(shape, class_count, class_names, pixels, labels, extent[0], dataset);
        if (status != STATUS_OK)
            error_prefix(status, "%s: ", images_path);
    }
    memory_free(&labels);
    memory_free(&label_bytes);
    memory_free(&pixels);
    return status;
}

/* --- folders --- */

/* "FOLDER/SPLIT-WHAT" or that with ".gz", whichever is a file (the plain one if both are); NULL when neither
 * is. */
static enum status find_file(const char *folder, const char *split, const char *what, char **path)
{
    size_t bytes = strlen(folder) + strlen(split) + strlen(what) + sizeof "/-.gz";
    struct stat found;
    enum status status = memory_allocate(path, bytes, 1, folder);
    if (status != STATUS_OK)
        return status;
    for (int compressed = 0; compressed <= 1; compressed++) {
        snprintf(*path, bytes, "%s/%s-%s%s", folder, split, what, compressed == 1 ? ".gz" : "");
        if (stat(*path, &found) == 0 && S_ISREG(found.st_mode))
            return STATUS_OK;
    }
    memory_free(path);
    return STATUS_OK;
}

/* Both files of a split; a path is NULL when the file is not there. */
static enum status find_split(const char *folder, const char *split, char **images_path, char **labels_path)
{
    const char *stem = strcmp(split, "test") == 0 ? "t10k" : split;
    *images_path = *labels_path = NULL;
    enum status status = find_file(folder, stem, "images-idx3-ubyte", images_path);
    if (status == STATUS_OK)
        status = find_file(folder, stem, "labels-idx1-ubyte", labels_path);
    return status;
}

static bool is_split_name(const char *split)
{
    return strcmp(split, "train") == 0 || strcmp(split, "t10k") == 0 || strcmp(split, "test") == 0;
}

bool idx_is_split(const char *folder, const char *split)
{
    char *images_path = NULL, *labels_path = NULL;
    bool found = is_split_name(split) && find_split(folder, split, &images_path, &labels_path) == STATUS_OK &&
                 images_path != NULL && labels_path != NULL;
    memory_free(&images_path);
    memory_free(&labels_path);
    return found;
}

enum status idx_read_split(const char *folder, const char *split, const class_name *class_names,
                           int32_t class_name_count, struct dataset **dataset)
{
    char *images_path = NULL, *labels_path = NULL;
    *dataset = NULL;
    if (!is_split_name(split))
        return error_set(STATUS_USAGE, "%s: no split \"%.80s\" in IDX folders; ask for train or test", folder,
                         split);
    enum status status = find_split(folder, split, &images_path, &labels_path);
    if (status == STATUS_OK && images_path != NULL && labels_path != NULL)
        status = idx_read_files(images_path, labels_path, class_names, class_name_count, dataset);
    else if (status == STATUS_OK)
        status =
            error_set(STATUS_IO, "%s: no %s-%s[.gz]; name the folder that holds the split's two IDX files",
                      folder, strcmp(split, "test") == 0 ? "t10k" : split,
                      images_path == NULL ? "images-idx3-ubyte" : "labels-idx1-ubyte");
    memory_free(&images_path);
    memory_free(&labels_path);
    return status;
}
