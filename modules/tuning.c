#include "modules/tuning.h"

#include <string.h>

#include "compute/base/memory.h"
#include "compute/network/network_cut.h"

static const char *const part_names[] = {"head", "last-stage", "all"};

enum status tune_part_from_name(const char *name, enum tune_part *part)
{
    for (size_t i = 0; i < sizeof part_names / sizeof *part_names; i++)
        if (strcmp(name, part_names[i]) == 0) {
            *part = (enum tune_part)i;
            return STATUS_OK;
        }
    return error_set(STATUS_NOT_FOUND, "there is no part \"%s\" to tune; expected head, last-stage or all",
                     name);
}

const char *tune_part_name(enum tune_part part)
{
    return part_names[part];
}

/* --- where to cut --- */

/* Pixels of the last layer that still has more than one. 1: none has. */
static int64_t last_resolution(const struct network *network)
{
    int64_t pixels = 1;
    for (int32_t i = 0; i < network->layer_count; i++) {
        int64_t here = (int64_t)network->layers[i].shape.h * network->layers[i].shape.w;
        pixels = here > 1 ? here : pixels;
    }
    return pixels;
}

/* The last layer behind which the network can be cut so that the last stage is tuned; 0 (the input): all of
 * it is. */
static int32_t stage_cut(const struct network *network)
{
    int64_t pixels = last_resolution(network);
    int32_t cut = 0;
    for (int32_t i = 1; i < network->layer_count - 1; i++)
        if ((int64_t)network->layers[i].shape.h * network->layers[i].shape.w > pixels &&
            network_can_cut_behind(network, i))
            cut = i;
    return cut;
}

/* The layer behind which everything is tuned; 0: all of it. */
static enum status find_cut(const struct network *network, enum tune_part part, int32_t *cut)
{
    int32_t output = 0;
    *cut = 0;
    if (part == TUNE_ALL)
        return STATUS_OK;
    if (part == TUNE_LAST_STAGE) {
        *cut = stage_cut(network);
        return STATUS_OK;
    }
    enum status status = module_output_layer(network, &output);
    if (status == STATUS_OK)
        *cut = network->layers[output].inputs[0];
    return status;
}

/* --- making --- */

/* A map module's network: its parent with one output, the margin of its head. */
static enum status margin_network(const struct network *parent, const struct module *module,
                                  struct network **network)
{
    int32_t output = 0;
    float *weights = NULL, bias = module->head_bias[0] - module->head_bias[1];
    enum status status = module_output_layer(parent, &output);
    if (status != STATUS_OK)
        return status;
    int32_t features = module_features(parent, output);
    status = memory_allocate(&weights, (size_t)features, sizeof(float), "a module's head");
    for (int32_t f = 0; f < features && status == STATUS_OK; f++)
        weights[f] = module->head_weights[2 * f] - module->head_weights[2 * f + 1];
    if (status == STATUS_OK)
        status = network_replace_outputs(parent, output, weights, &bias, &module->class_name, 1, network);
    memory_free(&weights);
    return status;
}

static enum status own_network(const struct tuning *tuning, struct network **network)
{
    return tuning->module->kind == MODULE_MAP ? margin_network(tuning->base, tuning->module, network)
                                              : network_copy(tuning->module->network, network);
}

enum status tuning_create(const struct module_set *set, int32_t index, enum tune_part part,
                          struct tuning *tuning)
{
    struct network *network = NULL;
    int32_t cut = 0;
    *tuning = (struct tuning){.module = &set->modules[index]};
    tuning->base = module_set_base(set, tuning->module);
    enum status status = own_network(tuning, &network);
    if (status == STATUS_OK)
        status = find_cut(network, part, &cut);
    if (status == STATUS_OK && cut > 0)
        status = network_split(network, cut, &tuning->front, &tuning->tail);
    if (status == STATUS_OK && cut == 0) {
        tuning->tail = network;
        network = NULL;
    }
    network_destroy(&network);
    if (status != STATUS_OK) {
        tuning_clear(tuning);
        return error_prefix(status, "module \"%s\": ", set->modules[index].label);
    }
    if (tuning->module->kind == MODULE_NETWORK && tuning->base != NULL)
        tuning->frozen[tuning->frozen_count++] = tuning->base;
    if (tuning->front != NULL)
        tuning->frozen[tuning->frozen_count++] = tuning->front;
    return STATUS_OK;
}

void tuning_clear(struct tuning *tuning)
{
    network_destroy(&tuning->tail);
    network_destroy(&tuning->front);
    memset(tuning, 0, sizeof *tuning);
}

/* The own network of a module that already has one, with the tail's numbers in the place they came from: the
 * tail's layers are its last. */
static enum status put_tail_back(const struct tuning *tuning, struct module *tuned)
{
    const struct network *tail = tuning->tail;
    enum status status = module_copy(tuning->module, tuning->base, tuned);
    if (status != STATUS_OK)
        return status;
    struct network *network = tuned->network;
    int32_t before = network->layer_count - tail->layer_count;
    for (int32_t i = 1; i < tail->layer_count; i++) {
        const struct layer *from = &tail->layers[i], *to = &network->layers[before + i];
        memcpy(network->parameters + to->parameter_offset, tail->parameters + from->parameter_offset,
               from->parameter_count * sizeof(float));
        memcpy(network->statistics + to->statistic_offset, tail->statistics + from->statistic_offset,
               from->statistic_count * sizeof(float));
    }
    memory_free(&tuned->map);
    tuned->scale = 1;
    tuned->offset = 0;
    status = module_network_measure(tuning->base, network, NULL, &tuned->kept);
    if (status != STATUS_OK)
        module_clear(tuned);
    return status;
}

/* A module of its own around the tail, on the front as its stem. */
static enum status stand_on_front(const struct tuning *tuning, int32_t stem_index, struct module *tuned)
{
    const struct module_origin origin = module_origin_of(tuning->base);
    const struct module_size whole = module_size_of_network(tuning->base);
    const struct module_parts parts = {.stem = tuning->front,
                                       .stem_index = stem_index,
                                       .origin = &origin,
                                       .whole = &whole,
                                       .class_name = tuning->module->class_name,
                                       .class_index = tuning->module->class_index};
    struct network *network = NULL;
    enum status status = network_copy(tuning->tail, &network);
    if (status == STATUS_OK)
        status = module_from_network(network, &parts, tuned);
    if (status != STATUS_OK) {
        network_destroy(&network);
        return status;
    }
    memcpy(tuned->label, tuning->module->label, sizeof(class_name));
    return STATUS_OK;
}

enum status tuning_module(const struct tuning *tuning, int32_t stem_index, struct module *tuned)
{
    return tuning->module->kind == MODULE_NETWORK ? put_tail_back(tuning, tuned)
                                                  : stand_on_front(tuning, stem_index, tuned);
}
