#include "compute/formats/onnx/onnx_scan.h"

#include <stdbool.h>

/* The wire types of protobuf's encoding. */
enum { WIRE_VARINT = 0, WIRE_64_BITS = 1, WIRE_LENGTH = 2, WIRE_32_BITS = 5 };

struct scan {
    const char *where;
    const uint8_t *start; /* of the whole file */
    size_t fields;
};

struct piece {
    const uint8_t *at, *end;
};

static enum status refuse(const struct scan *scan, const struct piece *piece, const char *what)
{
    return error_set(STATUS_FORMAT, "%s: byte %zu: %s; not an ONNX file, or damaged", scan->where,
                     (size_t)(piece->at - scan->start), what);
}

static bool read_varint(struct piece *piece, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && piece->at < piece->end; shift += 7) {
        uint8_t byte = *piece->at++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return true;
    }
    return false;
}

static bool skip(struct piece *piece, uint64_t bytes)
{
    if (bytes > (uint64_t)(piece->end - piece->at))
        return false;
    piece->at += bytes;
    return true;
}

static enum status scan_message(struct scan *scan, const ProtobufCMessageDescriptor *kind, struct piece piece,
                                int depth);

static enum status scan_length_delimited(struct scan *scan, const ProtobufCFieldDescriptor *field,
                                         struct piece *piece, int depth)
{
    uint64_t bytes;
    if (!read_varint(piece, &bytes))
        return refuse(scan, piece, "a length without an end");
    struct piece inner = {.at = piece->at, .end = piece->at};
    if (!skip(piece, bytes))
        return refuse(scan, piece, "a length that reaches past its message");
    inner.end = piece->at;
    if (field == NULL || field->type != PROTOBUF_C_TYPE_MESSAGE)
        return STATUS_OK;
    return scan_message(scan, field->descriptor, inner, depth + 1);
}

static enum status scan_field(struct scan *scan, const ProtobufCMessageDescriptor *kind, struct piece *piece,
                              int depth)
{
    uint64_t key, ignored;
    if (!read_varint(piece, &key))
        return refuse(scan, piece, "a field's number without an end");
    if (key >> 3 == 0 || key >> 3 > UINT32_MAX >> 3)
        return refuse(scan, piece, "a field's number outside 1 to 2^29");
    if (++scan->fields > ONNX_FIELDS_MAX)
        return error_set(STATUS_FORMAT,
                         "%s: more than %d fields; no network of a reasonable size has as many", scan->where,
                         ONNX_FIELDS_MAX);
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(kind, (unsigned)(key >> 3));
    switch (key & 7) {
    case WIRE_VARINT:
        return read_varint(piece, &ignored) ? STATUS_OK : refuse(scan, piece, "a number without an end");
    case WIRE_64_BITS:
        return skip(piece, 8) ? STATUS_OK : refuse(scan, piece, "a number cut off");
    case WIRE_32_BITS:
        return skip(piece, 4) ? STATUS_OK : refuse(scan, piece, "a number cut off");
    case WIRE_LENGTH:
        return scan_length_delimited(scan, field, piece, depth);
    default:
        return refuse(scan, piece, "a field of an unknown encoding");
    }
}

static enum status scan_message(struct scan *scan, const ProtobufCMessageDescriptor *kind, struct piece piece,
                                int depth)
{
    if (depth > ONNX_DEPTH_MAX)
        return refuse(scan, &piece, "messages nested too deeply");
    enum status status = STATUS_OK;
    while (status == STATUS_OK && piece.at < piece.end)
        status = scan_field(scan, kind, &piece, depth);
    return status;
}

enum status onnx_scan(const char *where, const ProtobufCMessageDescriptor *kind, const uint8_t *data,
                      size_t bytes)
{
    struct scan scan = {.where = where, .start = data};
    return scan_message(&scan, kind, (struct piece){.at = data, .end = data + bytes}, 0);
}
