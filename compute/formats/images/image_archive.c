#include "compute/formats/images/image_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>

#include "compute/base/memory.h"
#include "compute/formats/images/class_path.h"

enum { BLOCK_BYTES = 1 << 18 };

struct image_archive {
    const char *name; /* borrowed */
    struct archive *archive;
    locale_t locale;                 /* with UTF-8 names, whatever the user's is */
    uint64_t bytes_most, bytes_read; /* unpacked: allowed, and read as data of entries */
    char path[CLASS_PATH_BYTES];     /* of the entry at hand, without "." components */
};

static void archive_close(void *state)
{
    struct image_archive *archive = state;
    if (archive->archive != NULL)
        archive_read_free(archive->archive);
    if (archive->locale != (locale_t)0)
        freelocale(archive->locale);
    memory_free(&archive);
}

static enum status archive_failed(const struct image_archive *archive, const char *what)
{
    const char *reason = archive_error_string(archive->archive);
    return error_set(STATUS_FORMAT, "%s: %s: %s; get it again", archive->name, what,
                     reason == NULL ? "damaged" : reason);
}

/* An archive reader that knows the formats images come in, nothing opened yet. */
static enum status archive_create(const char *name, uint64_t file_bytes, struct image_archive **made)
{
    enum status status = memory_allocate(made, 1, sizeof **made, name);
    if (status != STATUS_OK)
        return status;
    struct image_archive *archive = *made;
    archive->name = name;
    if (__builtin_mul_overflow(file_bytes, (uint64_t)ARCHIVE_RATIO_MAX, &archive->bytes_most) ||
        __builtin_add_overflow(archive->bytes_most, (uint64_t)ARCHIVE_BYTES_FREE, &archive->bytes_most))
        archive->bytes_most = UINT64_MAX;
    archive->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    archive->archive = archive_read_new();
    if (archive->locale == (locale_t)0 || archive->archive == NULL ||
        archive_read_support_filter_gzip(archive->archive) != ARCHIVE_OK ||
        archive_read_support_format_tar(archive->archive) != ARCHIVE_OK ||
        archive_read_support_format_zip(archive->archive) != ARCHIVE_OK) {
        archive_close(archive);
        *made = NULL;
        error_set(STATUS_NO_MEMORY, "%s: no memory to read an archive", name);
        return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

/* Hands the archive over, or closes it when opening it failed. */
static enum status archive_opened(struct image_archive *archive, int code, void **state)
{
    enum status status = STATUS_OK;
    if (code == ARCHIVE_OK) {
        *state = archive;
        return STATUS_OK;
    }
    status = error_set(STATUS_FORMAT,
                       "%s: neither a folder nor a .tar, .tar.gz or .zip archive (%s); give a folder of IDX "
                       "or CIFAR files, a folder with one folder a class, or an archive of one",
                       archive->name, archive_error_string(archive->archive));
    archive_close(archive);
    return status;
}

enum status image_archive_open(const char *path, uint64_t file_bytes, void **state)
{
    struct image_archive *archive;
    *state = NULL;
    enum status status = archive_create(path, file_bytes, &archive);
    if (status != STATUS_OK)
        return status;
    return archive_opened(archive, archive_read_open_filename(archive->archive, path, BLOCK_BYTES), state);
}

enum status image_archive_open_memory(const void *data, size_t bytes, const char *name, void **state)
{
    struct image_archive *archive;
    *state = NULL;
    enum status status = archive_create(name, bytes, &archive);
    if (status != STATUS_OK)
        return status;
    return archive_opened(archive, archive_read_open_memory(archive->archive, data, bytes), state);
}

/* --- entries --- */

/* A stream that unpacks to far more than it is: skipped entries count as well, as they are unpacked too.
 * `ahead` bytes are still to come. */
static enum status check_ratio(const struct image_archive *archive, int64_t ahead)
{
    int64_t unpacked = archive_filter_bytes(archive->archive, 0);
    uint64_t most = archive->bytes_most, all = unpacked < 0 ? 0 : (uint64_t)unpacked;
    if (archive->bytes_read <= most && all <= most && (uint64_t)ahead <= most - all)
        return STATUS_OK;
    return error_set(STATUS_FORMAT,
                     "%s: unpacks to more than %d times its size, as no archive of images does; refused",
                     archive->name, ARCHIVE_RATIO_MAX);
}

/* Copies a path without its "." components and trailing "/". */
static enum status clean_path(struct image_archive *archive, const char *given)
{
    const char *whole = given;
    size_t used = 0;
    if (*given == '/')
        return error_set(STATUS_FORMAT, "%s: %.200s: an absolute path; make the archive with relative ones",
                         archive->name, given);
    while (*given != '\0') {
        size_t bytes = strcspn(given, "/");
        if (bytes == 2 && given[0] == '.' && given[1] == '.')
            return error_set(STATUS_FORMAT, "%s: %.200s: a path with \"..\"; make the archive without",
                             archive->name, whole);
        if (bytes > 0 && !(bytes == 1 && given[0] == '.')) {
            if (used + bytes + 2 > sizeof archive->path)
                return error_set(STATUS_FORMAT, "%s: a path of more than %d bytes", archive->name,
                                 CLASS_PATH_BYTES - 1);
            if (used > 0)
                archive->path[used++] = '/';
            memcpy(archive->path + used, given, bytes);
            used += bytes;
        }
        given += bytes;
        given += *given == '/' ? 1 : 0;
    }
    archive->path[used] = '\0';
    return STATUS_OK;
}

static enum status check_entry(struct image_archive *archive, struct archive_entry *entry, bool *folder)
{
    const char *path = archive_entry_pathname(entry);
    if (path == NULL)
        return error_set(STATUS_FORMAT, "%s: a path that cannot be read; make the archive with UTF-8 names",
                         archive->name);
    enum status status = clean_path(archive, path);
    if (status != STATUS_OK)
        return status;
    bool link = archive_entry_hardlink(entry) != NULL || archive_entry_symlink(entry) != NULL;
    mode_t type = archive_entry_filetype(entry);
    *folder = type == AE_IFDIR;
    if (link || (type != AE_IFREG && type != AE_IFDIR))
        return error_set(STATUS_FORMAT, "%s: %.200s: is a %s; only files and folders are read", archive->name,
                         archive->path, link ? "link" : "device");
    if (archive_entry_is_encrypted(entry))
        return error_set(STATUS_FORMAT, "%s: %.200s: is encrypted; make the archive without a password",
                         archive->name, archive->path);
    return STATUS_OK;
}

/* What lies between this entry and the next and is unpacked whether it is asked for or not. */
static int64_t bytes_ahead(const struct image_archive *archive, struct archive_entry *entry)
{
    bool packed = archive_filter_code(archive->archive, 0) != ARCHIVE_FILTER_NONE;
    return packed && archive_entry_size(entry) > 0 ? archive_entry_size(entry) : 0;
}

static enum status next_visible(struct image_archive *archive, const char **path, bool *folder)
{
    enum status status = STATUS_OK;
    *path = NULL;
    do {
        struct archive_entry *entry;
        int code = archive_read_next_header(archive->archive, &entry);
        if (code == ARCHIVE_EOF)
            return STATUS_OK;
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
            return archive_failed(archive, "cannot read the next entry");
        status = check_entry(archive, entry, folder);
        if (status == STATUS_OK)
            status = check_ratio(archive, bytes_ahead(archive, entry));
    } while (status == STATUS_OK && (archive->path[0] == '\0' || path_is_hidden(archive->path)));
    if (status == STATUS_OK)
        *path = archive->path;
    return status;
}

/* libarchive brings names to the thread's locale. */
static enum status archive_next(void *state, const char **path, bool *folder)
{
    struct image_archive *archive = state;
    locale_t before = uselocale(archive->locale);
    enum status status = next_visible(archive, path, folder);
    uselocale(before);
    return status;
}

static enum status archive_read(void *state, uint8_t *data, size_t bytes, size_t *got)
{
    struct image_archive *archive = state;
    *got = 0;
    while (*got < bytes) {
        la_ssize_t step = archive_read_data(archive->archive, data + *got, bytes - *got);
        if (step < 0)
            return archive_failed(archive, archive->path);
        if (step == 0)
            break;
        *got += (size_t)step;
        archive->bytes_read += (uint64_t)step;
    }
    return check_ratio(archive, 0);
}

const struct image_source_calls image_archive_calls = {archive_next, archive_read, archive_close};
