#include "compute/formats/images/class_table.h"

#include <string.h>

#include "compute/base/memory.h"
#include "compute/formats/images/image_listing.h"

void class_table_clear(struct class_table *table)
{
    memory_free(&table->names);
    memory_free(&table->images);
    memory_free(&table->order);
    *table = (struct class_table){0};
}

static enum status resize(void *array, int32_t count, int32_t capacity, size_t element_bytes)
{
    void **old = array, *larger = NULL;
    enum status status = memory_allocate(&larger, (size_t)capacity, element_bytes, "class folders");
    if (status != STATUS_OK)
        return status;
    if (count > 0)
        memcpy(larger, *old, (size_t)count * element_bytes);
    memory_free(array);
    *old = larger;
    return STATUS_OK;
}

static enum status grow(struct class_table *table)
{
    int32_t capacity = table->capacity == 0 ? 256 : 2 * table->capacity;
    if (table->count < table->capacity)
        return STATUS_OK;
    enum status status = resize(&table->names, table->count, capacity, sizeof *table->names);
    if (status == STATUS_OK)
        status = resize(&table->images, table->count, capacity, sizeof *table->images);
    if (status == STATUS_OK)
        status = resize(&table->order, table->count, capacity, sizeof *table->order);
    if (status == STATUS_OK)
        table->capacity = capacity;
    return status;
}

/* Place in `order` of the first name that is not before `name`. */
static int32_t bisect(const struct class_table *table, const char *name)
{
    int32_t low = 0, high = table->count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (strcmp(table->names[table->order[middle]], name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum status class_table_row(struct class_table *table, struct path_piece name, int32_t *row)
{
    class_name text = "";
    if (table->count > 0 && path_piece_is(name, table->names[table->recent])) {
        *row = table->recent;
        return STATUS_OK;
    }
    if (name.bytes == 0 || name.bytes >= sizeof text)
        return error_set(STATUS_FORMAT, "class folder \"%.*s\" has a name of %zu bytes; expected 1 to %d",
                         name.bytes > 200 ? 200 : (int)name.bytes, name.text, name.bytes,
                         CLASS_NAME_BYTES - 1);
    memcpy(text, name.text, name.bytes);
    int32_t place = bisect(table, text);
    if (place == table->count || strcmp(table->names[table->order[place]], text) != 0) {
        if (table->count == IMAGE_CLASSES_MAX)
            return error_set(STATUS_FORMAT, "more than %d class folders", IMAGE_CLASSES_MAX);
        enum status status = grow(table);
        if (status != STATUS_OK)
            return status;
        memmove(table->order + place + 1, table->order + place,
                (size_t)(table->count - place) * sizeof *table->order);
        memcpy(table->names[table->count], text, sizeof text);
        table->images[table->count] = 0;
        table->order[place] = table->count++;
    }
    *row = table->recent = table->order[place];
    return STATUS_OK;
}
