#include "compute/formats/onnx/onnx_tensor.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/formats/onnx/onnx_bytes.h"

bool onnx_shape_count(const struct onnx_shape *shape, size_t *count)
{
    size_t product = 1;
    bool zero = false;
    for (int32_t i = 0; i < shape->rank; i++) {
        if (shape->dims[i] < 0 || shape->dims[i] > INT32_MAX)
            return false;
        zero = zero || shape->dims[i] == 0;
        size_t dim = shape->dims[i] == 0 ? 1 : (size_t)shape->dims[i];
        if (!size_multiply(product, dim, &product) || product > INT32_MAX)
            return false;
    }
    *count = zero ? 0 : product;
    return true;
}

void onnx_shape_print(const struct onnx_shape *shape, char text[ONNX_SHAPE_TEXT])
{
    int at = snprintf(text, ONNX_SHAPE_TEXT, "%s", shape->rank == 0 ? "a scalar" : "");
    for (int32_t i = 0; i < shape->rank; i++)
        at += snprintf(text + at, (size_t)(ONNX_SHAPE_TEXT - at), "%s%lld", i > 0 ? "x" : "",
                       (long long)shape->dims[i]);
}

int32_t onnx_axis(int64_t axis, int32_t rank)
{
    if (axis < -rank || axis >= rank)
        return -1;
    return (int32_t)(axis < 0 ? axis + rank : axis);
}

static void tensor_free(struct onnx_tensor **tensor)
{
    memory_free(&(*tensor)->floats);
    memory_free(&(*tensor)->integers);
    memory_free(tensor);
}

void onnx_pool_clear(struct onnx_pool *pool)
{
    for (size_t i = 0; i < pool->count; i++)
        tensor_free(&pool->tensors[i]);
    memory_free(&pool->tensors);
    pool->count = pool->capacity = 0;
}

static enum status pool_grow(struct onnx_pool *pool)
{
    struct onnx_tensor **grown;
    if (pool->count < pool->capacity)
        return STATUS_OK;
    size_t capacity = pool->capacity == 0 ? 64 : 2 * pool->capacity;
    enum status status = memory_allocate(&grown, capacity, sizeof *grown, "the tensors of an ONNX graph");
    if (status != STATUS_OK)
        return status;
    if (pool->count > 0)
        memcpy(grown, pool->tensors, pool->count * sizeof *grown);
    memory_free(&pool->tensors);
    pool->tensors = grown;
    pool->capacity = capacity;
    return STATUS_OK;
}

/* A tensor of zeros whose count is known to be right. */
static enum status pool_add(struct onnx_pool *pool, const struct onnx_shape *shape, size_t count,
                            bool integer, struct onnx_tensor **tensor)
{
    struct onnx_tensor *made = NULL;
    enum status status = pool_grow(pool);
    if (status == STATUS_OK)
        status = memory_allocate(&made, 1, sizeof *made, "a tensor");
    if (status == STATUS_OK) {
        *made = (struct onnx_tensor){.shape = *shape, .integer = integer, .count = count};
        if (integer)
            status = memory_allocate(&made->integers, count, sizeof *made->integers, "a tensor");
        else
            status = memory_allocate(&made->floats, count, sizeof *made->floats, "a tensor");
    }
    if (status != STATUS_OK) {
        memory_free(&made);
        return status;
    }
    pool->tensors[pool->count++] = made;
    *tensor = made;
    return STATUS_OK;
}

enum status onnx_tensor_make(struct onnx_pool *pool, const struct onnx_shape *shape, bool integer,
                             struct onnx_tensor **tensor)
{
    char text[ONNX_SHAPE_TEXT];
    size_t count = 0;
    *tensor = NULL;
    onnx_shape_print(shape, text);
    if (!onnx_shape_count(shape, &count) || count > ONNX_MADE_ELEMENTS_MAX - pool->made_elements)
        return error_set(STATUS_SHAPE, "constants of %s elements; all that are computed together may have %d",
                         text, ONNX_MADE_ELEMENTS_MAX);
    pool->made_elements += count;
    return pool_add(pool, shape, count, integer, tensor);
}

/* --- the types of elements --- */

enum storage { STORE_FLOAT, STORE_DOUBLE, STORE_INT32, STORE_INT64, STORE_UINT64 };

struct element_type {
    int32_t type;
    size_t bytes;         /* of an element of raw data */
    enum storage storage; /* the typed field that may hold it instead */
    bool integer;
};

static const struct element_type element_types[] = {
    {ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 4, STORE_FLOAT, false},
    {ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE, 8, STORE_DOUBLE, false},
    {ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16, 2, STORE_INT32, false},
    {ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16, 2, STORE_INT32, false},
    {ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 8, STORE_INT64, true},
    {ONNX__TENSOR_PROTO__DATA_TYPE__INT32, 4, STORE_INT32, true},
    {ONNX__TENSOR_PROTO__DATA_TYPE__INT16, 2, STORE_INT32, true},
    {ONNX__TENSOR_PROTO__DATA_TYPE__INT8, 1, STORE_INT32, true},
    {ONNX__TENSOR_PROTO__DATA_TYPE__UINT32, 4, STORE_UINT64, true},
    {ONNX__TENSOR_PROTO__DATA_TYPE__UINT64, 8, STORE_UINT64, true},
    {ONNX__TENSOR_PROTO__DATA_TYPE__UINT16, 2, STORE_INT32, true},
    {ONNX__TENSOR_PROTO__DATA_TYPE__UINT8, 1, STORE_INT32, true},
    {ONNX__TENSOR_PROTO__DATA_TYPE__BOOL, 1, STORE_INT32, true},
};

static const struct element_type *find_type(int32_t type)
{
    for (size_t i = 0; i < sizeof element_types / sizeof *element_types; i++)
        if (element_types[i].type == type)
            return &element_types[i];
    return NULL;
}

static float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE 754 binary16. */
static float half_to_float(uint32_t half)
{
    uint32_t sign = (half & 0x8000U) << 16, exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;
    if (exponent == 0) { /* zero and subnormal: fraction · 2^−24 */
        float magnitude = (float)fraction * 0x1p-24F;
        return sign != 0 ? -magnitude : magnitude;
    }
    if (exponent == 0x1f)
        return float_of_bits(sign | 0x7f800000U | fraction << 13);
    return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

/* `bytes` little-endian bytes. */
static uint64_t little_endian(const uint8_t *data, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)data[i] << (8 * i);
    return value;
}

static float float_element(int32_t type, uint64_t bits)
{
    double wide;
    switch (type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
        memcpy(&wide, &bits, sizeof wide);
        return (float)wide;
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
        return half_to_float((uint32_t)(bits & 0xffff));
    case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16:
        return float_of_bits((uint32_t)(bits & 0xffff) << 16);
    default:
        return float_of_bits((uint32_t)bits);
    }
}

static int64_t integer_element(int32_t type, uint64_t bits)
{
    switch (type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
        return (int32_t)(uint32_t)bits;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT16:
        return (int16_t)(uint16_t)bits;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT8:
        return (int8_t)(uint8_t)bits;
    default:
        return (int64_t)bits;
    }
}

static void decode_raw(const struct element_type *type, const uint8_t *data, struct onnx_tensor *tensor)
{
    for (size_t i = 0; i < tensor->count; i++) {
        uint64_t bits = little_endian(data + i * type->bytes, type->bytes);
        if (type->integer)
            tensor->integers[i] = integer_element(type->type, bits);
        else
            tensor->floats[i] = float_element(type->type, bits);
    }
}

/* Element i of the typed field that holds this type. */
static void decode_typed(const struct element_type *type, const Onnx__TensorProto *message,
                         struct onnx_tensor *tensor)
{
    for (size_t i = 0; i < tensor->count; i++)
        switch (type->storage) {
        case STORE_FLOAT:
            tensor->floats[i] = message->float_data[i];
            break;
        case STORE_DOUBLE:
            tensor->floats[i] = (float)message->double_data[i];
            break;
        case STORE_INT64:
            tensor->integers[i] = message->int64_data[i];
            break;
        case STORE_UINT64:
            tensor->integers[i] = (int64_t)message->uint64_data[i];
            break;
        case STORE_INT32:
            if (type->integer)
                tensor->integers[i] = message->int32_data[i];
            else
                tensor->floats[i] = float_element(type->type, (uint32_t)message->int32_data[i]);
            break;
        }
}

static size_t typed_count(const struct element_type *type, const Onnx__TensorProto *message)
{
    switch (type->storage) {
    case STORE_FLOAT:
        return message->n_float_data;
    case STORE_DOUBLE:
        return message->n_double_data;
    case STORE_INT32:
        return message->n_int32_data;
    case STORE_INT64:
        return message->n_int64_data;
    case STORE_UINT64:
        return message->n_uint64_data;
    }
    return 0;
}

/* --- reading --- */

static enum status external_number(const char *name, const char *text, int64_t *number)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < 0)
        return error_set(STATUS_FORMAT, "tensor \"%s\": \"%s\" is no place in a file", name, text);
    *number = value;
    return STATUS_OK;
}

static enum status read_external(const struct onnx_pool *pool, const Onnx__TensorProto *message, size_t bytes,
                                 uint8_t **data)
{
    const char *location = NULL, *name = onnx_text(message->name);
    int64_t offset = 0, length = (int64_t)bytes;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < message->n_external_data && status == STATUS_OK; i++) {
        const char *key = onnx_text(message->external_data[i]->key);
        const char *value = onnx_text(message->external_data[i]->value);
        if (strcmp(key, "location") == 0)
            location = value;
        else if (strcmp(key, "offset") == 0)
            status = external_number(name, value, &offset);
        else if (strcmp(key, "length") == 0)
            status = external_number(name, value, &length);
    }
    if (status != STATUS_OK)
        return status;
    if (location == NULL || length != (int64_t)bytes)
        return error_set(STATUS_FORMAT,
                         "tensor \"%s\": external data of %lld bytes%s; its shape asks for %zu in a file",
                         name, (long long)length, location == NULL ? " nowhere" : "", bytes);
    status = onnx_bytes_read_external(pool->where, location, offset, bytes, data);
    return status == STATUS_OK ? status : error_prefix(status, "tensor \"%s\": ", name);
}

static enum status shape_of(const Onnx__TensorProto *message, struct onnx_shape *shape, size_t *count)
{
    const char *name = onnx_text(message->name);
    if (message->n_dims > ONNX_RANK_MAX)
        return error_set(STATUS_FORMAT, "tensor \"%s\" has %zu dimensions; at most %d are possible", name,
                         message->n_dims, ONNX_RANK_MAX);
    shape->rank = (int32_t)message->n_dims;
    for (int32_t i = 0; i < shape->rank; i++)
        shape->dims[i] = message->dims[i];
    if (onnx_shape_count(shape, count))
        return STATUS_OK;
    char text[ONNX_SHAPE_TEXT];
    onnx_shape_print(shape, text);
    return error_set(STATUS_FORMAT, "tensor \"%s\" claims a shape of %s; expected fewer than 2^31 elements",
                     name, text);
}

/* Where the elements are: their number in bytes or elements must be what the shape asks for. */
static enum status check_size(const Onnx__TensorProto *message, size_t have, size_t need, const char *unit)
{
    if (have == need)
        return STATUS_OK;
    return error_set(STATUS_FORMAT, "tensor \"%s\" has %zu %s; its shape asks for %zu: damaged, or truncated",
                     onnx_text(message->name), have, unit, need);
}

enum status onnx_tensor_read(struct onnx_pool *pool, const Onnx__TensorProto *message,
                             struct onnx_tensor **tensor)
{
    const struct element_type *type = find_type(message->data_type);
    struct onnx_shape shape = {0};
    size_t count = 0;
    uint8_t *loaded = NULL;
    *tensor = NULL;
    if (type == NULL)
        return error_set(STATUS_FORMAT, "tensor \"%s\" is of type %d; expected floats or whole numbers",
                         onnx_text(message->name), message->data_type);
    enum status status = shape_of(message, &shape, &count);
    if (status != STATUS_OK)
        return status;
    size_t bytes = count * type->bytes;
    bool external =
        message->has_data_location && message->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    bool raw = message->has_raw_data && (message->raw_data.len > 0 || typed_count(type, message) == 0);
    if (external) {
        status = read_external(pool, message, bytes, &loaded);
    } else if (raw) {
        status = check_size(message, message->raw_data.len, bytes, "bytes");
    } else {
        status = check_size(message, typed_count(type, message), count, "elements");
    }
    if (status == STATUS_OK)
        status = pool_add(pool, &shape, count, type->integer, tensor);
    if (status == STATUS_OK && (external || raw))
        decode_raw(type, external ? loaded : message->raw_data.data, *tensor);
    else if (status == STATUS_OK)
        decode_typed(type, message, *tensor);
    memory_free(&loaded);
    return status;
}
