#include "modules/distill/teacher.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/network/network_cut.h"

/* The last layer of stage `stage`, counted from 1; 0 when there are fewer. */
static int32_t stage_end(const struct network *network, int32_t stage)
{
    int32_t found = 0, stages = 0;
    struct shape present = {0};
    for (int32_t i = 1; i < network->layer_count; i++) {
        struct shape shape = network->layers[i].shape;
        if (!layer_has_units(&network->layers[i]) || !network_can_cut_behind(network, i))
            continue;
        if (shape.h != present.h || shape.w != present.w) {
            if (stages == stage)
                return found;
            stages++;
            present = shape;
        }
        found = i;
    }
    return stages == stage ? found : 0;
}

int32_t teacher_stage_count(const struct network *parent)
{
    int32_t stages = 0;
    while (stage_end(parent, stages + 1) > 0)
        stages++;
    return stages;
}

static enum status find_stem(const struct network *parent, const char *stem, int32_t *layer)
{
    *layer = 0;
    if (strcmp(stem, "none") == 0)
        return STATUS_OK;
    char *end = NULL;
    long stage = strtol(stem, &end, 10);
    if (*stem != '\0' && *end == '\0' && stage > 0 && stage < parent->layer_count)
        *layer = stage_end(parent, (int32_t)stage);
    for (int32_t i = 1; *layer == 0 && i < parent->layer_count - 1; i++)
        if (strcmp(parent->layers[i].name, stem) == 0)
            *layer = i;
    if (*layer == 0)
        return error_set(STATUS_NOT_FOUND,
                         "network %s has no stage or layer \"%s\" to end the stem with; it has stages 1 to "
                         "%d, and a stem can be none",
                         parent->architecture, stem, (int)teacher_stage_count(parent));
    return STATUS_OK;
}

/* The network up to its logits: without a final softmax. */
static enum status up_to_logits(const struct network *network, struct network **logits)
{
    int32_t layer, *all = NULL;
    *logits = NULL;
    enum status status = network_logits_layer(network, &layer);
    if (status != STATUS_OK)
        return status;
    int32_t count = network->layers[layer].shape.c;
    status = memory_allocate(&all, (size_t)count, sizeof *all, "outputs of a network");
    for (int32_t i = 0; status == STATUS_OK && i < count; i++)
        all[i] = i;
    if (status == STATUS_OK)
        status = network_select_outputs(network, layer, all, count, logits);
    memory_free(&all);
    return status;
}

enum status teacher_create(const struct network *parent, const char *stem, struct teacher *teacher)
{
    struct network *logits = NULL;
    *teacher = (struct teacher){.parent = parent};
    enum status status = find_stem(parent, stem, &teacher->stem_layer);
    if (status == STATUS_OK)
        status = up_to_logits(parent, &logits);
    if (status == STATUS_OK && teacher->stem_layer > 0) {
        status = network_split(logits, teacher->stem_layer, &teacher->stem, &teacher->tail);
        network_destroy(&logits);
    } else if (status == STATUS_OK)
        teacher->tail = logits;
    if (status != STATUS_OK)
        teacher_clear(teacher);
    return status;
}

void teacher_clear(struct teacher *teacher)
{
    network_destroy(&teacher->stem);
    network_destroy(&teacher->tail);
}

struct shape teacher_features(const struct teacher *teacher)
{
    return network_input_shape(teacher->tail);
}

/* weights (F): the class's column less the mean of the others'; likewise *bias. */
static void margin_weights(const struct network *tail, int32_t class_index, float temperature, float *weights,
                           float *bias)
{
    const struct layer *layer = &tail->layers[tail->layer_count - 1];
    const float *parameters = tail->parameters + layer->parameter_offset;
    int32_t classes = layer->shape.c;
    size_t rows = layer->weight_count / (size_t)classes + (layer->options.bias ? 1 : 0);
    double others = classes > 1 ? classes - 1 : 1, last = 0;
    for (size_t f = 0; f < rows; f++) {
        const float *row = parameters + f * (size_t)classes; /* the bias follows the weights */
        double rest = 0;
        for (int32_t j = 0; j < classes; j++)
            if (j != class_index)
                rest += (double)row[j];
        last = (double)row[class_index] - rest / others;
        if (f < layer->weight_count / (size_t)classes)
            weights[f] = (float)last;
    }
    *bias = (float)((layer->options.bias ? last : 0) - (double)temperature * log(others));
}

enum status teacher_class_network(const struct teacher *teacher, int32_t class_index, float temperature,
                                  struct network **network)
{
    const struct network *tail = teacher->tail;
    const struct layer *layer = &tail->layers[tail->layer_count - 1];
    float *weights = NULL, bias = 0;
    *network = NULL;
    enum status status = memory_allocate(&weights, layer->weight_count / (size_t)layer->shape.c,
                                         sizeof(float), "weights of a margin");
    if (status != STATUS_OK)
        return status;
    margin_weights(tail, class_index, temperature, weights, &bias);
    status = network_replace_outputs(tail, tail->layer_count - 1, weights, &bias,
                                     (const class_name *)&tail->class_names[class_index], 1, network);
    memory_free(&weights);
    return status;
}
