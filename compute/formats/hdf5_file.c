#include "compute/formats/hdf5_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"

enum { TEXT_BYTES = 512 };

static const char kind_attribute[] = "facet.kind";
static const char version_attribute[] = "facet.version";

/* --- property lists --- */

/* HDF5 locks files, which some network file systems refuse: an output has a name of its own until it is
 * whole, and is never written again, so a refused lock is no loss. */
static bool tolerate_missing_locks(hid_t list)
{
#if H5_VERSION_GE(1, 12, 1) || (H5_VERS_MAJOR == 1 && H5_VERS_MINOR == 10 && H5_VERS_RELEASE >= 7)
    return H5Pset_file_locking(list, true, true) >= 0;
#else
    return list >= 0;
#endif
}

/* A copy of the caller's list (or of the default) with what all files share. The format is pinned to that of
 * HDF5 1.8, which every later version reads and writes alike. */
static hid_t access_list(hid_t access)
{
    hid_t list = access == H5P_DEFAULT ? H5Pcreate(H5P_FILE_ACCESS) : H5Pcopy(access);
    if (list >= 0 && H5Pset_libver_bounds(list, H5F_LIBVER_V18, H5F_LIBVER_V18) >= 0 &&
        H5Pset_fclose_degree(list, H5F_CLOSE_SEMI) >= 0 && tolerate_missing_locks(list))
        return list;
    if (list >= 0)
        H5Pclose(list);
    return H5I_INVALID_HID;
}

/* Files (whose root is a group) and groups alike. Links stay in the group's own header, however many: the
 * index that HDF5 goes over to from the ninth on has bytes in it that nobody wrote. */
static hid_t timeless_list(hid_t class)
{
    const unsigned links = 64;
    hid_t list = H5Pcreate(class);
    if (list >= 0 && H5Pset_obj_track_times(list, false) >= 0 &&
        H5Pset_link_phase_change(list, links, links / 2) >= 0)
        return list;
    if (list >= 0)
        H5Pclose(list);
    return H5I_INVALID_HID;
}

/* --- creating --- */

static enum status write_root(hid_t file, const char *kind)
{
    enum status status = hdf5_write_text_attribute(file, kind_attribute, kind);
    return status == STATUS_OK ? hdf5_write_int_attribute(file, version_attribute, FACET_FILE_VERSION)
                               : status;
}

enum status hdf5_create(const char *path, const char *kind, hid_t access, hid_t *file)
{
    hdf5_quiet();
    *file = H5I_INVALID_HID;
    enum status status = STATUS_OK;
    hid_t access_copy = access_list(access);
    hid_t creation = timeless_list(H5P_FILE_CREATE);
    if (access_copy >= 0 && creation >= 0)
        *file = H5Fcreate(path, H5F_ACC_TRUNC, creation, access_copy);
    if (*file < 0) {
        char reason[TEXT_BYTES];
        hdf5_reason(reason, sizeof reason);
        *file = H5I_INVALID_HID;
        status =
            error_set(STATUS_IO, "%s: cannot create%s; make room, or name a folder that may be written to",
                      path, reason);
    } else if ((status = write_root(*file, kind)) != STATUS_OK) {
        H5Fclose(*file);
        *file = H5I_INVALID_HID;
    }
    if (creation >= 0)
        H5Pclose(creation);
    if (access_copy >= 0)
        H5Pclose(access_copy);
    return status;
}

/* --- opening --- */

/* Looks at the file without HDF5, whose own words for "no such file" are long. */
static enum status check_signature(const char *path)
{
    static const unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    unsigned char first[sizeof signature];
    struct stat found;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return error_set(STATUS_IO, "%s: cannot open: %s", path, strerror(errno));
    enum status status = STATUS_OK;
    ssize_t got = -1;
    if (fstat(file, &found) == 0 && !S_ISREG(found.st_mode))
        status = error_set(STATUS_IO, "%s: is not a file; name a file that Facet wrote", path);
    else if ((got = read(file, first, sizeof first)) < 0)
        status = error_set(STATUS_IO, "%s: cannot read: %s", path, strerror(errno));
    else if (got < (ssize_t)sizeof first || memcmp(first, signature, sizeof first) != 0)
        status = error_set(STATUS_FORMAT, "%s: not an HDF5 file%s; expected one that Facet wrote", path,
                           got == 0 ? " (it is empty)" : "");
    close(file);
    return status;
}

static enum status check_kind(hid_t file, const char *path, const char *kind, char found[FACET_KIND_BYTES])
{
    if (!hdf5_has_attribute(file, kind_attribute)) {
        bool keras = hdf5_has_attribute(file, "keras_version") || hdf5_has_attribute(file, "model_config");
        return error_set(STATUS_FORMAT, "%s: an HDF5 file, but not one of Facet's (no attribute %s)%s", path,
                         kind_attribute, keras ? "; it is a Keras network: import it with facet import" : "");
    }
    enum status status = hdf5_read_text_attribute(file, kind_attribute, found, FACET_KIND_BYTES);
    if (status == STATUS_OK && kind != NULL && strcmp(found, kind) != 0)
        status = error_set(STATUS_FORMAT, "%s: a %s file; expected a %s file", path, found, kind);
    return status;
}

static enum status check_version(hid_t file, const char *path)
{
    int64_t version = 0;
    enum status status = hdf5_read_int_attribute(file, version_attribute, 1, INT64_MAX, &version);
    if (status == STATUS_OK && version > FACET_FILE_VERSION)
        status =
            error_set(STATUS_FORMAT,
                      "%s: file version %lld; this Facet reads up to version %d: use the newer Facet that "
                      "wrote it",
                      path, (long long)version, FACET_FILE_VERSION);
    return status;
}

enum status hdf5_open(const char *path, const char *kind, hid_t access, hid_t *file,
                      char found_kind[FACET_KIND_BYTES])
{
    char found[FACET_KIND_BYTES] = "";
    hdf5_quiet();
    *file = H5I_INVALID_HID;
    enum status status = check_signature(path);
    if (status != STATUS_OK)
        return status;
    hid_t list = access_list(access);
    if (list >= 0)
        *file = H5Fopen(path, H5F_ACC_RDONLY, list);
    if (*file < 0) {
        char reason[TEXT_BYTES];
        hdf5_reason(reason, sizeof reason);
        *file = H5I_INVALID_HID;
        status = error_set(STATUS_FORMAT, "%s: damaged or truncated HDF5 file%s", path, reason);
    }
    if (list >= 0)
        H5Pclose(list);
    if (status == STATUS_OK)
        status = check_kind(*file, path, kind, found);
    if (status == STATUS_OK)
        status = check_version(*file, path);
    if (status != STATUS_OK && *file >= 0) {
        H5Fclose(*file);
        *file = H5I_INVALID_HID;
    }
    if (found_kind != NULL)
        memcpy(found_kind, found, sizeof found);
    return status;
}

enum status hdf5_kind(const char *path, char kind[FACET_KIND_BYTES])
{
    hid_t file;
    enum status status = hdf5_open(path, NULL, H5P_DEFAULT, &file, kind);
    return status == STATUS_OK ? hdf5_close(&file, path) : status;
}

/* --- closing --- */

enum status hdf5_flush(hid_t file, const char *path)
{
    char reason[TEXT_BYTES];
    if (H5Fflush(file, H5F_SCOPE_LOCAL) >= 0)
        return STATUS_OK;
    hdf5_reason(reason, sizeof reason);
    return error_set(STATUS_IO, "%s: cannot write%s; make room or name another folder", path, reason);
}

enum status hdf5_close(hid_t *file, const char *path)
{
    char reason[TEXT_BYTES];
    hid_t closing = *file;
    *file = H5I_INVALID_HID;
    if (closing < 0)
        return STATUS_OK;
    /* A close that fails leaves HDF5 with a file it has half released, and it crashes later: what cannot be
     * flushed stays open until the process ends. */
    enum status status = hdf5_flush(closing, path);
    if (status != STATUS_OK)
        return status;
    ssize_t open_objects = H5Fget_obj_count(closing, H5F_OBJ_LOCAL | H5F_OBJ_GROUP | H5F_OBJ_DATASET |
                                                         H5F_OBJ_DATATYPE | H5F_OBJ_ATTR);
    if (H5Fclose(closing) < 0) {
        hdf5_reason(reason, sizeof reason);
        status = open_objects > 0 ? error_set(STATUS_INTERNAL, "%s: closed with %zd objects still open", path,
                                              open_objects)
                                  : error_set(STATUS_IO, "%s: cannot close%s", path, reason);
    }
    return status;
}

enum status hdf5_write_new(const char *path, const char *kind, hdf5_content_write *write, const void *content)
{
    hid_t file = H5I_INVALID_HID;
    struct error_carried first = {STATUS_OK, ""}; /* closing after a failure fails too, less tellingly */
    enum status status = hdf5_create(path, kind, H5P_DEFAULT, &file);
    if (status != STATUS_OK)
        return status;
    error_keep_first(&first, write(file, content));
    error_keep_first(&first, hdf5_close(&file, path));
    return error_raise(&first);
}

enum status hdf5_save(const char *path, const char *kind, hdf5_content_write *write, const void *content)
{
    char *beside = NULL;
    enum status status = output_file_check(path);
    if (status == STATUS_OK)
        status = output_file_beside(path, &beside);
    if (status == STATUS_OK)
        status = hdf5_write_new(beside, kind, write, content);
    if (status == STATUS_OK)
        status = output_file_commit(beside, path);
    if (status != STATUS_OK && beside != NULL)
        output_file_discard(beside);
    memory_free(&beside);
    return status;
}

/* --- groups --- */

enum status hdf5_create_group(hid_t parent, const char *name, hid_t *group)
{
    enum status status = STATUS_OK;
    hid_t list = timeless_list(H5P_GROUP_CREATE);
    *group = list < 0 ? H5I_INVALID_HID : H5Gcreate2(parent, name, H5P_DEFAULT, list, H5P_DEFAULT);
    if (*group < 0) {
        *group = H5I_INVALID_HID;
        status = hdf5_failed(STATUS_IO, parent, "cannot create group \"%s\"", name);
    }
    if (list >= 0)
        H5Pclose(list);
    return status;
}

enum status hdf5_open_group(hid_t parent, const char *name, hid_t *group)
{
    H5L_info_t link;
    *group = H5I_INVALID_HID;
    if (H5Lexists(parent, name, H5P_DEFAULT) <= 0)
        return hdf5_refuse(STATUS_FORMAT, parent, "no group \"%s\"; damaged, or not written by Facet", name);
    if (H5Lget_info(parent, name, &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD)
        return hdf5_refuse(STATUS_FORMAT, parent, "\"%s\" is a link to somewhere else; expected a group",
                           name);
    *group = H5Gopen2(parent, name, H5P_DEFAULT);
    if (*group < 0) {
        *group = H5I_INVALID_HID;
        return hdf5_failed(STATUS_FORMAT, parent, "cannot open \"%s\" as a group", name);
    }
    return STATUS_OK;
}
