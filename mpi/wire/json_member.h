/* Members of a JSON object that somebody else wrote, read with their limits checked. */
#ifndef FACET_MPI_WIRE_JSON_MEMBER_H
#define FACET_MPI_WIRE_JSON_MEMBER_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "compute/base/error.h"

/* Parses one JSON object from `length` bytes: no duplicate members, valid UTF-8, no zero characters, finite
 * numbers. The caller releases *object with json_decref. STATUS_FORMAT, naming `what`, for anything else. */
enum status json_object_parse(const char *text, size_t length, const char *what, json_t **object);

/* An integer between least and most. When the member is missing *value stays as it is. */
enum status json_member_integer(const json_t *object, const char *name, int64_t least, int64_t most,
                                int64_t *value);

/* A number (also one written as an integer) between least and most. When the member is missing *value stays
 * as it is. */
enum status json_member_real(const json_t *object, const char *name, double least, double most,
                             double *value);

/* A string of at most bytes − 1 bytes; characters that steer a terminal are removed (text_clean). When the
 * member is missing `value` stays as it is. */
enum status json_member_string(const json_t *object, const char *name, char *value, size_t bytes);

/* The place of the string member among `count` names. When the member is missing *value stays as it is. */
enum status json_member_choice(const json_t *object, const char *name, const char *const *names, int count,
                               int *value);

/* STATUS_FORMAT unless the object has "v" equal to the version of the wire (docs/protocol.md). */
enum status json_version_check(const json_t *object, const char *what);

#endif
