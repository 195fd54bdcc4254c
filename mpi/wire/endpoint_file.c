#include "mpi/wire/endpoint_file.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "compute/base/output_file.h"
#include "mpi/wire/json_member.h"
#include "mpi/wire/machine.h"
#include "mpi/wire/run_file.h"

enum { FILE_BYTES_MAX = 16384 };

/* The words of the file, in the order of written_states. */
static const char *const state_words[] = {"running", "finished", "failed", "stopped"};
static const enum event_state written_states[] = {STATE_RUNNING, STATE_DONE, STATE_FAILED, STATE_STOPPED};
enum { STATE_WORDS = sizeof state_words / sizeof state_words[0] };

static json_t *description_to_json(const struct endpoint_description *description)
{
    const char *word = state_words[0];
    for (int i = 0; i < STATE_WORDS; i++)
        if (written_states[i] == description->state)
            word = state_words[i];
    return json_pack("{s:i, s:s, s:s, s:s, s:I, s:f, s:s, s:s, s:s}", "v", EVENT_WIRE_VERSION, "state", word,
                     "run", description->run, "host", description->host, "process",
                     (json_int_t)description->process, "started", description->started, "publish",
                     description->publish, "snapshot", description->snapshot, "server_key",
                     description->server_key);
}

static enum status write_json(void *context, FILE *file)
{
    bool encoded = json_dumpf(context, file, JSON_INDENT(1) | JSON_REAL_PRECISION(15)) == 0;
    return encoded || ferror(file) != 0 ? STATUS_OK : error_set(STATUS_NO_MEMORY, "no memory to encode JSON");
}

enum status endpoint_file_write(const char *run_directory, const struct endpoint_description *description)
{
    char path[RUN_FILE_PATH_BYTES];
    enum status status = run_file_path(run_directory, "monitor.json", path);
    if (status != STATUS_OK)
        return status;
    json_t *object = description_to_json(description);
    status = object == NULL ? error_set(STATUS_NO_MEMORY, "%s: no memory to encode it", path)
                            : output_file_write(path, write_json, object);
    json_decref(object);
    return status;
}

static enum status description_from_json(const json_t *object, struct endpoint_description *description)
{
    int state = -1;
    enum status status = json_version_check(object, "monitor file");
    if (status == STATUS_OK)
        status = json_member_choice(object, "state", state_words, STATE_WORDS, &state);
    if (status == STATUS_OK)
        status = json_member_string(object, "run", description->run, sizeof description->run);
    if (status == STATUS_OK)
        status = json_member_string(object, "host", description->host, sizeof description->host);
    if (status == STATUS_OK)
        status = json_member_integer(object, "process", 1, INT32_MAX, &description->process);
    if (status == STATUS_OK)
        status = json_member_real(object, "started", 0, 1e12, &description->started);
    if (status == STATUS_OK)
        status = json_member_string(object, "publish", description->publish, sizeof description->publish);
    if (status == STATUS_OK)
        status = json_member_string(object, "snapshot", description->snapshot, sizeof description->snapshot);
    if (status == STATUS_OK)
        status = json_member_string(object, "server_key", description->server_key, WIRE_KEY_BYTES);
    if (status != STATUS_OK)
        return status;
    if (state < 0 || description->run[0] == '\0' || description->host[0] == '\0' || description->process == 0)
        return error_set(STATUS_FORMAT, "one of the members state, run, host and process is missing");
    if (!wire_key_is_well_formed(description->server_key))
        return error_set(STATUS_FORMAT, "member server_key: expected a key of %d Z85 characters",
                         WIRE_KEY_BYTES - 1);
    description->state = written_states[state];
    status = endpoint_check(description->publish);
    return status == STATUS_OK ? endpoint_check(description->snapshot) : status;
}

enum status endpoint_file_read(const char *run_directory, struct endpoint_description *description)
{
    char path[RUN_FILE_PATH_BYTES];
    char text[FILE_BYTES_MAX];
    json_t *object = NULL;
    memset(description, 0, sizeof *description);
    enum status status = run_file_path(run_directory, "monitor.json", path);
    if (status != STATUS_OK)
        return status;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return error_set(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO, "%s: cannot open: %s", path,
                         strerror(errno));
    size_t length = fread(text, 1, sizeof text, file);
    if (ferror(file))
        status = error_set(STATUS_IO, "%s: cannot read: %s", path, strerror(errno));
    else if (length == sizeof text)
        status = error_set(STATUS_FORMAT, "%s: more than %d bytes; this is no monitor file", path,
                           FILE_BYTES_MAX - 1);
    fclose(file);
    if (status != STATUS_OK)
        return status;
    status = json_object_parse(text, length, "monitor file", &object);
    if (status == STATUS_OK)
        status = description_from_json(object, description);
    json_decref(object);
    return status == STATUS_OK ? status : error_prefix(status, "%s: ", path);
}

static bool endpoint_is_well_formed(const char *endpoint)
{
    static const char scheme[] = "tcp://";
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]%";
    if (strncmp(endpoint, scheme, sizeof scheme - 1) != 0 || strlen(endpoint) >= ENDPOINT_BYTES)
        return false;
    const char *host = endpoint + sizeof scheme - 1;
    const char *colon = strrchr(host, ':');
    if (colon == NULL || colon == host || strspn(host, letters) != strlen(host))
        return false;
    if (colon[1] < '1' || colon[1] > '9')
        return false;
    char *end;
    long port = strtol(colon + 1, &end, 10);
    return *end == '\0' && port <= 65535;
}

enum status endpoint_check(const char *endpoint)
{
    if (!endpoint_is_well_formed(endpoint))
        return error_set(STATUS_FORMAT, "endpoint \"%.*s\": expected tcp://HOST:PORT", ENDPOINT_BYTES,
                         endpoint);
    return STATUS_OK;
}

bool endpoint_is_dead(const struct endpoint_description *description)
{
    char host[EVENT_HOST_BYTES];
    machine_host(host, sizeof host);
    return strcmp(host, description->host) == 0 && kill((pid_t)description->process, 0) != 0 &&
           errno == ESRCH;
}
