/* The model_config of a Keras file: layers by name, what each reads, and their order. Private to this room.
 */
#ifndef FACET_COMPUTE_FORMATS_KERAS_KERAS_CONFIG_H
#define FACET_COMPUTE_FORMATS_KERAS_KERAS_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "compute/base/error.h"
#include "compute/base/shape.h"

struct keras_layer {
    const char *class_name, *name; /* borrowed from the model's JSON, as is config */
    const json_t *config;
    int32_t input_count;
    int32_t *inputs; /* indices of layers; owned */
};

struct keras_model {
    const char *path; /* borrowed, for messages */
    json_t *json;     /* owned */
    int32_t layer_count;
    struct keras_layer *layers; /* owned; in the order of the file */
    int32_t output;             /* index of the layer whose output is the model's */
    int32_t order_count;
    int32_t *order; /* the layers that the output needs, each after what it reads; owned */
    struct shape input;
};

/* From the text of model_config. The text need not outlive the model; `path` must. On failure the model is
 * empty; clearing that is fine. */
enum status keras_model_parse(const char *path, const char *text, size_t bytes, struct keras_model *model);
void keras_model_clear(struct keras_model *model);

/* --- options of a layer; STATUS_FORMAT, naming file and layer, for what is not of that kind --- */

/* A member, or NULL when it is missing or null. */
const json_t *keras_member(const struct keras_layer *layer, const char *key);

/* `fallback` when it is missing. */
enum status keras_integer(const struct keras_model *model, const struct keras_layer *layer, const char *key,
                          int32_t least, int32_t fallback, int32_t *value);
enum status keras_number(const struct keras_model *model, const struct keras_layer *layer, const char *key,
                         float fallback, float *value);
enum status keras_flag(const struct keras_model *model, const struct keras_layer *layer, const char *key,
                       bool fallback, bool *value);
const char *keras_text(const struct keras_layer *layer, const char *key, const char *fallback);

/* "key": n or [n, m], each from 1 to 32,767; when it is missing, what `height` and `width` hold already. */
enum status keras_pair(const struct keras_model *model, const struct keras_layer *layer, const char *key,
                       int32_t *height, int32_t *width);

/* Sets the message "FILE: layer NAME (CLASS): …". */
enum status keras_refuse(const struct keras_model *model, const struct keras_layer *layer, enum status status,
                         const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
