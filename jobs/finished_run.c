#include "jobs/finished_run.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "compute/base/digest.h"
#include "compute/base/memory.h"
#include "jobs/json_output.h"
#include "jobs/run_directory.h"

json_t *option_records_json(const struct option_records *records)
{
    json_t *options = json_object();
    for (int32_t i = 0; i < records->count; i++)
        json_object_set_new(options, records->records[i].name, json_text(records->records[i].value));
    return options;
}

static bool digest_text(const char *file, char hex[DIGEST_HEX_BYTES])
{
    uint8_t digest[DIGEST_BYTES];
    if (digest_file(file, digest) != STATUS_OK)
        return false;
    digest_to_hex(digest, hex);
    return true;
}

static const char *choice_of(const struct finished_run *run)
{
    return run->choice != NULL ? run->choice : "all";
}

enum status finished_run_write(const struct finished_run *run, const json_t *result)
{
    char *path = NULL, hex[DIGEST_HEX_BYTES];
    if (!digest_text(run->file, hex))
        return STATUS_IO;
    enum status status = run_directory_path(run->directory, "result.json", &path);
    if (status == STATUS_OK)
        status = json_file_write(
            path, json_pack("{s:o, s:o, s:s, s:O}", "options", option_records_json(run->records), "choice",
                            json_text(choice_of(run)), "file_digest", hex, "result", (json_t *)result));
    memory_free(&path);
    return status;
}

enum status finished_run_forget(const char *directory)
{
    char *path = NULL;
    enum status status = run_directory_path(directory, "result.json", &path);
    if (status == STATUS_OK && unlink(path) != 0 && errno != ENOENT)
        status = error_set(STATUS_IO, "%s: cannot be removed: %s; remove it, or name another run directory",
                           path, strerror(errno));
    memory_free(&path);
    return status;
}

/* As records again; false when they are none. */
static bool read_options(const json_t *options, struct option_records *records)
{
    const char *name;
    const json_t *value;
    records->count = 0;
    if (!json_is_object(options) || json_object_size(options) > OPTION_RECORDS_MAX)
        return false;
    json_object_foreach((json_t *)options, name, value)
    {
        if (!json_is_string(value))
            return false;
        option_records_add(records, name, "%s", json_string_value(value));
    }
    return true;
}

/* Both as they come back from a file, in which texts are UTF-8. */
static enum status compare_options(const char *path, const json_t *told, const struct option_records *records,
                                   bool *is_run)
{
    struct option_records *then = NULL, *now = NULL;
    json_t *asked = option_records_json(records);
    enum status status = memory_allocate(&then, 1, sizeof *then, "options of a run");
    if (status == STATUS_OK)
        status = memory_allocate(&now, 1, sizeof *now, "options of a run");
    if (status == STATUS_OK)
        *is_run = read_options(json_object_get(told, "options"), then) && read_options(asked, now);
    if (status == STATUS_OK && *is_run)
        status = option_records_compare(then, now, path);
    json_decref(asked);
    memory_free(&then);
    memory_free(&now);
    return status;
}

static bool is_same_choice(const json_t *told, const struct finished_run *run)
{
    json_t *choice = json_text(choice_of(run));
    bool same = json_equal(json_object_get(told, "choice"), choice) != 0;
    json_decref(choice);
    return same;
}

static bool is_its_file(const json_t *told, const char *file)
{
    const char *digest = json_string_value(json_object_get(told, "file_digest"));
    char hex[DIGEST_HEX_BYTES];
    return digest != NULL && access(file, F_OK) == 0 && digest_text(file, hex) && strcmp(digest, hex) == 0;
}

enum status finished_run_find(const struct finished_run *run, json_t **result)
{
    char *path = NULL;
    json_t *told = NULL;
    bool is_run = false;
    *result = NULL;
    enum status status = run_directory_path(run->directory, "result.json", &path);
    if (status == STATUS_OK && json_file_read(path, &told) == STATUS_OK)
        status = compare_options(path, told, run->records, &is_run);
    if (status == STATUS_OK && is_run && json_is_object(json_object_get(told, "result")) &&
        is_same_choice(told, run) && is_its_file(told, run->file)) {
        *result = json_incref(json_object_get(told, "result"));
        json_object_set_new(*result, "already_finished", json_true());
    }
    json_decref(told);
    memory_free(&path);
    return status;
}
