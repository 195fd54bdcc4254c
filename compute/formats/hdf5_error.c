#include "compute/formats/hdf5_error.h"

#include <stdarg.h>
#include <stdio.h>

#include "compute/base/names.h"

enum { TEXT_BYTES = 512 };

struct reason {
    char *text;
    size_t bytes;
};

void hdf5_quiet(void)
{
    /* After a close that failed (disk full) HDF5 1.10 still lists the file it has released, and crashes when
     * it tidies up at exit. Facet closes all it opens, so nothing is lost without that. It helps only before
     * HDF5's first other call; later it does nothing. */
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void hdf5_where(hid_t object, char *where, size_t bytes)
{
    char file[TEXT_BYTES] = "HDF5 file";
    char name[TEXT_BYTES] = "";
    if (H5Fget_name(object, file, sizeof file) < 0)
        snprintf(file, sizeof file, "HDF5 file");
    if (H5Iget_name(object, name, sizeof name) < 0)
        name[0] = '\0';
    if (!text_is_printable(name))
        snprintf(name, sizeof name, "(a name with control characters)");
    snprintf(where, bytes, "%s%s%s", file, name[0] == '\0' ? "" : ":", name);
}

static herr_t keep_innermost(unsigned depth, const H5E_error2_t *error, void *data)
{
    struct reason *reason = data;
    if (depth == 0 && error->desc != NULL)
        snprintf(reason->text, reason->bytes, ": %s", error->desc);
    return 0;
}

void hdf5_reason(char *reason, size_t bytes)
{
    struct reason kept = {reason, bytes};
    reason[0] = '\0';
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, &kept);
}

static enum status refuse(enum status status, hid_t object, const char *reason, const char *format,
                          va_list arguments)
{
    char text[TEXT_BYTES], where[TEXT_BYTES];
    vsnprintf(text, sizeof text, format, arguments);
    hdf5_where(object, where, sizeof where);
    return error_set(status, "%s: %s%s", where, text, reason);
}

enum status hdf5_refuse(enum status status, hid_t object, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    refuse(status, object, "", format, arguments);
    va_end(arguments);
    return status;
}

enum status hdf5_failed(enum status status, hid_t object, const char *format, ...)
{
    char reason[TEXT_BYTES];
    va_list arguments;
    hdf5_reason(reason, sizeof reason); /* first: the next call of HDF5 forgets it */
    va_start(arguments, format);
    refuse(status, object, reason, format, arguments);
    va_end(arguments);
    return status;
}
