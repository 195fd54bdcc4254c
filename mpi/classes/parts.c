#include "mpi/classes/parts.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute/base/digest.h"
#include "compute/base/memory.h"
#include "compute/base/output_file.h"

static const char part_prefix[] = "class-";

/* The last bytes of a part. Before them stand the option records, before those the file itself. In the byte
 * order of the machine: parts do not leave their run. */
struct seal {
    char magic[16];
    uint64_t content_bytes;
    int32_t class_index, record_count;
    uint8_t digest[DIGEST_BYTES]; /* of the content, the records and the seal's members above */
};
_Static_assert(sizeof(struct seal) == 16 + 8 + 2 * 4 + DIGEST_BYTES,
               "a seal has no gaps, whose bytes would be undefined");

static const char seal_magic[16] = "facet part 1\n";

/* --- names --- */

enum status part_path(const char *folder, int32_t class_index, const char *suffix, char **path)
{
    size_t bytes = strlen(folder) + sizeof part_prefix + 16 + strlen(suffix);
    enum status status = memory_allocate(path, bytes, 1, "path of a part");
    if (status == STATUS_OK)
        snprintf(*path, bytes, "%s/%s%05d%s", folder, part_prefix, (int)class_index, suffix);
    return status;
}

enum status part_path_open(const char *path, char **open_path)
{
    size_t bytes = strlen(path) + sizeof ".open";
    enum status status = memory_allocate(open_path, bytes, 1, "path of a part");
    if (status == STATUS_OK)
        snprintf(*open_path, bytes, "%s.open", path);
    return status;
}

/* --- digests --- */

static void digest_seal(struct digest_state *state, const struct seal *seal)
{
    digest_add(state, seal, offsetof(struct seal, digest));
}

/* --- sealing --- */

static enum status append_seal(FILE *file, const char *path, const struct part_identity *identity)
{
    const struct option_records *records = identity->records;
    struct seal seal = {.class_index = identity->class_index, .record_count = records->count};
    struct digest_state state;
    struct stat found;
    memcpy(seal.magic, seal_magic, sizeof seal.magic);
    if (fstat(fileno(file), &found) != 0)
        return error_set(STATUS_IO, "%s: cannot be measured: %s", path, strerror(errno));
    seal.content_bytes = (uint64_t)found.st_size;
    digest_begin(&state);
    enum status status = digest_add_stream(&state, file, path, seal.content_bytes);
    if (status != STATUS_OK)
        return status;
    size_t record_bytes = (size_t)records->count * sizeof(struct option_record);
    digest_add(&state, records->records, record_bytes);
    digest_seal(&state, &seal);
    digest_end(&state, seal.digest);
    /* between reading and writing a stream wants to be placed */
    if (fseek(file, 0, SEEK_END) != 0 || fwrite(records->records, 1, record_bytes, file) != record_bytes ||
        fwrite(&seal, 1, sizeof seal, file) != sizeof seal || fflush(file) != 0)
        return error_set(STATUS_IO, "%s: cannot be sealed: %s; make room on the disk and go on with --resume",
                         path, strerror(errno));
    return STATUS_OK;
}

enum status part_seal(const char *open_path, const char *path, const struct part_identity *identity,
                      bool flush)
{
    FILE *file = fopen(open_path, "r+be");
    enum status status = file == NULL
                             ? error_set(STATUS_IO, "%s: cannot be opened: %s", open_path, strerror(errno))
                             : append_seal(file, open_path, identity);
    if (file != NULL && fclose(file) != 0 && status == STATUS_OK)
        status = error_set(STATUS_IO, "%s: cannot be written: %s", open_path, strerror(errno));
    if (status == STATUS_OK)
        status = flush ? output_file_commit(open_path, path) : output_file_rename(open_path, path);
    if (status != STATUS_OK)
        output_file_discard(open_path);
    return status;
}

/* --- checking --- */

static enum status damaged(const char *path, const char *what)
{
    return error_set(STATUS_FORMAT, "%s: %s; the part is damaged", path, what);
}

/* Reads the seal and checks that it fits the file's length. */
static enum status read_seal(FILE *file, const char *path, struct seal *seal)
{
    struct stat found;
    if (fstat(fileno(file), &found) != 0)
        return error_set(STATUS_IO, "%s: cannot be measured: %s", path, strerror(errno));
    uint64_t bytes = (uint64_t)found.st_size;
    if (bytes < sizeof *seal)
        return damaged(path, "is too short for a seal");
    if (fseek(file, -(long)sizeof *seal, SEEK_END) != 0 || fread(seal, 1, sizeof *seal, file) != sizeof *seal)
        return error_set(STATUS_IO, "%s: cannot be read: %s", path, strerror(errno));
    if (memcmp(seal->magic, seal_magic, sizeof seal->magic) != 0)
        return damaged(path, "has no seal at its end");
    if (seal->record_count < 0 || seal->record_count > OPTION_RECORDS_MAX ||
        bytes - sizeof *seal < (uint64_t)seal->record_count * sizeof(struct option_record) ||
        seal->content_bytes !=
            bytes - sizeof *seal - (uint64_t)seal->record_count * sizeof(struct option_record))
        return damaged(path, "is not as long as its seal says");
    return STATUS_OK;
}

/* From where the file stands. */
static enum status read_records(FILE *file, const char *path, const struct seal *seal,
                                struct option_records *records)
{
    size_t count = (size_t)seal->record_count;
    if (fread(records->records, sizeof(struct option_record), count, file) != count)
        return damaged(path, "ends within its options");
    records->count = seal->record_count;
    return STATUS_OK;
}

static void end_texts(struct option_records *records)
{
    for (int32_t i = 0; i < records->count; i++) {
        records->records[i].name[OPTION_NAME_BYTES - 1] = '\0';
        records->records[i].value[OPTION_VALUE_BYTES - 1] = '\0';
    }
}

/* Reads everything that the seal vouches for; *records are those of the part. */
static enum status read_sealed(FILE *file, const char *path, const struct seal *seal,
                               struct option_records *records)
{
    struct digest_state state;
    uint8_t digest[DIGEST_BYTES];
    size_t record_bytes = (size_t)seal->record_count * sizeof(struct option_record);
    rewind(file);
    digest_begin(&state);
    enum status status = digest_add_stream(&state, file, path, seal->content_bytes);
    if (status != STATUS_OK)
        return status;
    status = read_records(file, path, seal, records);
    if (status != STATUS_OK)
        return status;
    digest_add(&state, records->records, record_bytes);
    digest_seal(&state, seal);
    digest_end(&state, digest);
    if (memcmp(digest, seal->digest, DIGEST_BYTES) != 0)
        return damaged(path, "its content is not what its seal says");
    end_texts(records);
    return STATUS_OK;
}

static enum status check_file(FILE *file, const char *path, const struct part_identity *identity)
{
    struct seal seal;
    struct option_records *records = NULL;
    enum status status = memory_allocate(&records, 1, sizeof *records, "options of a part");
    if (status == STATUS_OK)
        status = read_seal(file, path, &seal);
    if (status == STATUS_OK)
        status = read_sealed(file, path, &seal, records);
    if (status == STATUS_OK)
        status = option_records_compare(records, identity->records, path);
    if (status == STATUS_OK && seal.class_index != identity->class_index)
        status = error_set(STATUS_FORMAT, "%s: is the part of class %d, expected class %d", path,
                           (int)seal.class_index, (int)identity->class_index);
    memory_free(&records);
    return status;
}

enum status part_check(const char *path, const struct part_identity *identity)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return error_set(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO, "%s: cannot be opened: %s", path,
                         strerror(errno));
    enum status status = check_file(file, path, identity);
    fclose(file);
    return status;
}

/* Whether the seal's options differ, be the part whole or not. */
static enum status compare_options(FILE *file, const char *path, const struct part_identity *identity)
{
    struct seal seal;
    struct option_records *records = NULL;
    enum status status = memory_allocate(&records, 1, sizeof *records, "options of a part");
    if (status == STATUS_OK)
        status = read_seal(file, path, &seal);
    if (status == STATUS_OK && fseek(file, (long)seal.content_bytes, SEEK_SET) != 0)
        status = error_set(STATUS_IO, "%s: cannot be read: %s", path, strerror(errno));
    if (status == STATUS_OK)
        status = read_records(file, path, &seal, records);
    if (status == STATUS_OK) {
        end_texts(records);
        status = option_records_compare(records, identity->records, path);
    }
    memory_free(&records);
    return status;
}

enum status part_check_options(const char *path, const struct part_identity *identity)
{
    FILE *file = fopen(path, "rbe");
    enum status status = STATUS_OK;
    if (file == NULL)
        return STATUS_OK;
    if (compare_options(file, path, identity) == STATUS_MISMATCH)
        status = check_file(file, path, identity);
    fclose(file);
    return status == STATUS_MISMATCH ? STATUS_MISMATCH : STATUS_OK;
}

/* --- the folder --- */

enum status parts_folder_make(const char *folder)
{
    struct stat found;
    if (mkdir(folder, 0777) == 0)
        return STATUS_OK;
    int reason = errno;
    if (reason == EEXIST && stat(folder, &found) == 0 && S_ISDIR(found.st_mode))
        return STATUS_OK;
    return error_set(STATUS_IO, "%s: cannot be made as the folder of finished parts: %s", folder,
                     strerror(reason));
}

static enum status remove_file(const char *folder, const char *name)
{
    size_t bytes = strlen(folder) + strlen(name) + 2;
    char *path = NULL;
    enum status status = memory_allocate(&path, bytes, 1, "path of a part");
    if (status != STATUS_OK)
        return status;
    snprintf(path, bytes, "%s/%s", folder, name);
    if (unlink(path) != 0 && errno != ENOENT)
        status = error_set(STATUS_IO, "%s: cannot be removed: %s; remove it by hand", path, strerror(errno));
    memory_free(&path);
    return status;
}

enum status parts_folder_clear(const char *folder, int32_t *removed)
{
    enum status status = STATUS_OK;
    int32_t count = 0;
    const struct dirent *entry;
    DIR *open = opendir(folder);
    if (open == NULL && errno != ENOENT)
        return error_set(STATUS_IO, "%s: cannot be read: %s", folder, strerror(errno));
    while (open != NULL && status == STATUS_OK && (entry = readdir(open)) != NULL)
        if (strncmp(entry->d_name, part_prefix, sizeof part_prefix - 1) == 0) {
            status = remove_file(folder, entry->d_name);
            count++;
        }
    if (open != NULL)
        closedir(open);
    if (removed != NULL)
        *removed = count;
    return status;
}
