#include "mpi/wire/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"
#include "mpi/wire/event.h"
#include "mpi/wire/json_member.h"

enum { FILE_BYTES_MAX = 4096 };

enum status key_file_path(const char *run_directory, char path[RUN_FILE_PATH_BYTES])
{
    return run_file_path(run_directory, "monitor.key", path);
}

/* A fresh file of the owner's alone: one that somebody put there before is not written to. */
static enum status secret_write(const char *path, const char *text, size_t length)
{
    enum status status = STATUS_OK;
    size_t written = 0;
    unlink(path);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0)
        return error_set(STATUS_IO, "%s: cannot create: %s; is the folder writable?", path, strerror(errno));
    while (status == STATUS_OK && written < length) {
        ssize_t bytes = write(file, text + written, length - written);
        if (bytes > 0)
            written += (size_t)bytes;
        else if (bytes == 0 || errno != EINTR)
            status = error_set(STATUS_IO, "%s: cannot write: %s; is there space?", path, strerror(errno));
    }
    if (close(file) != 0 && status == STATUS_OK)
        status = error_set(STATUS_IO, "%s: cannot write: %s", path, strerror(errno));
    return status;
}

enum status key_file_write(const char *run_directory, const struct wire_client_key *key)
{
    char path[RUN_FILE_PATH_BYTES];
    char text[FILE_BYTES_MAX];
    char *beside = NULL;
    enum status status = key_file_path(run_directory, path);
    if (status == STATUS_OK)
        status = output_file_beside(path, &beside);
    if (status != STATUS_OK)
        return status;
    int length = snprintf(
        text, sizeof text, /* Z85 needs no escapes */
        "{\n \"v\": %d,\n \"kind\": \"monitor key\",\n \"server_key\": \"%s\",\n \"public_key\": \"%s\",\n"
        " \"secret_key\": \"%s\"\n}\n",
        EVENT_WIRE_VERSION, key->server_key, key->own.public_key, key->own.secret_key);
    status = secret_write(beside, text, (size_t)length);
    if (status == STATUS_OK)
        status = output_file_commit(beside, path);
    if (status != STATUS_OK)
        output_file_discard(beside);
    wire_key_forget(text, sizeof text);
    memory_free(&beside);
    return status;
}

static enum status access_check(int file, const char *path)
{
    struct stat found;
    if (fstat(file, &found) != 0)
        return error_set(STATUS_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(found.st_mode))
        return error_set(STATUS_IO, "%s: is no regular file; a key file is one", path);
    if ((found.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return error_set(STATUS_IO,
                         "%s: others than its owner have access (mode %03o, expected 600); chmod 600 it, and "
                         "start the run again if others may have read it",
                         path, (unsigned)found.st_mode & 0777);
    return STATUS_OK;
}

static enum status key_decode(const char *text, size_t length, struct wire_client_key *key)
{
    static const char *const kinds[] = {"monitor key"};
    json_t *object = NULL;
    int kind = -1;
    enum status status = json_object_parse(text, length, "key file", &object);
    if (status != STATUS_OK)
        return status;
    status = json_version_check(object, "key file");
    if (status == STATUS_OK)
        status = json_member_choice(object, "kind", kinds, 1, &kind);
    if (status == STATUS_OK)
        status = json_member_string(object, "server_key", key->server_key, WIRE_KEY_BYTES);
    if (status == STATUS_OK)
        status = json_member_string(object, "public_key", key->own.public_key, WIRE_KEY_BYTES);
    if (status == STATUS_OK)
        status = json_member_string(object, "secret_key", key->own.secret_key, WIRE_KEY_BYTES);
    json_decref(object);
    if (status != STATUS_OK)
        return status;
    if (kind != 0 || !wire_key_is_well_formed(key->server_key) ||
        !wire_key_is_well_formed(key->own.public_key) || !wire_key_is_well_formed(key->own.secret_key))
        return error_set(STATUS_FORMAT,
                         "key file: expected the members kind (\"monitor key\"), server_key, public_key and "
                         "secret_key, the last three of 40 Z85 characters");
    return STATUS_OK;
}

enum status key_file_read(const char *path, struct wire_client_key *key)
{
    char text[FILE_BYTES_MAX];
    memset(key, 0, sizeof *key);
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return error_set(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO,
                         "%s: cannot read: %s; ask the run's owner for a copy and give it with --key-file",
                         path, strerror(errno));
    enum status status = access_check(file, path);
    ssize_t length = status == STATUS_OK ? read(file, text, sizeof text) : 0;
    if (length < 0)
        status = error_set(STATUS_IO, "%s: cannot read: %s", path, strerror(errno));
    else if (length == (ssize_t)sizeof text)
        status =
            error_set(STATUS_FORMAT, "%s: more than %d bytes; this is no key file", path, FILE_BYTES_MAX - 1);
    close(file);
    if (status == STATUS_OK) {
        status = key_decode(text, (size_t)length, key);
        if (status != STATUS_OK)
            error_prefix(status, "%s: ", path);
    }
    wire_key_forget(text, sizeof text);
    if (status != STATUS_OK)
        wire_key_forget(key, sizeof *key);
    return status;
}

void key_file_remove(const char *run_directory)
{
    char path[RUN_FILE_PATH_BYTES];
    if (key_file_path(run_directory, path) == STATUS_OK)
        unlink(path);
}
