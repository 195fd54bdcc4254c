#include "modules/activation/activation.h"

#include <math.h>
#include <string.h>

#include "compute/base/memory.h"

struct activation_options activation_options_default(void)
{
    return (struct activation_options){
        .tau_plus = 0.0f, .tau_minus = 0.0f, .positives = 1000, .confidence = 0.9f, .negatives = 1000};
}

static enum status fraction_check(const char *what, float value)
{
    if (value >= 0.0f && value <= 1.0f)
        return STATUS_OK;
    return error_set(STATUS_USAGE, "%s is %g; it must be between 0 and 1", what, (double)value);
}

enum status activation_options_check(const struct activation_options *options)
{
    enum status status = fraction_check("tau-plus", options->tau_plus);
    if (status == STATUS_OK)
        status = fraction_check("tau-minus", options->tau_minus);
    if (status == STATUS_OK)
        status = fraction_check("the confidence of positives", options->confidence);
    if (status == STATUS_OK && options->positives < 1)
        status = error_set(STATUS_USAGE, "the number of positives is %d; it must be at least 1",
                           (int)options->positives);
    if (status == STATUS_OK && options->negatives < 1)
        status = error_set(STATUS_USAGE, "the number of negatives is %d; it must be at least 1",
                           (int)options->negatives);
    return status;
}

enum status class_counts_create(const struct unit_layout *layout, struct class_counts **counts)
{
    enum status status = memory_allocate(counts, 1, sizeof **counts, "class counts");
    if (status == STATUS_OK)
        status = memory_allocate(&(*counts)->positive, layout->unit_count, sizeof(uint32_t), "unit counts");
    if (status == STATUS_OK)
        status = memory_allocate(&(*counts)->negative, layout->unit_count, sizeof(uint32_t), "unit counts");
    if (status != STATUS_OK)
        class_counts_destroy(counts);
    return status;
}

void class_counts_destroy(struct class_counts **counts)
{
    if (*counts == NULL)
        return;
    memory_free(&(*counts)->positive);
    memory_free(&(*counts)->negative);
    memory_free(counts);
}

/* --- from counts to a module --- */

/* Whether count > τ·images, in integers. */
static bool exceeds_fraction(uint64_t count, float tau, int64_t images)
{
    const uint64_t millionths = 1000000;
    uint64_t numerator = (uint64_t)llround((double)tau * (double)millionths);
    return count * millionths > numerator * (uint64_t)images;
}

static enum status map_fill(const struct unit_layout *layout, const struct activation_options *options,
                            const struct class_counts *counts, const uint32_t *negatives_sum,
                            struct module *module)
{
    for (size_t u = 0; u < layout->unit_count; u++) {
        if (counts->negative[u] > negatives_sum[u])
            return error_set(STATUS_INTERNAL, "unit %zu: class %s counts %u negatives of %u in all", u,
                             module->class_name, (unsigned)counts->negative[u], (unsigned)negatives_sum[u]);
        uint32_t negatives = negatives_sum[u] - counts->negative[u];
        if (exceeds_fraction(counts->positive[u], options->tau_plus, counts->positive_images) ||
            exceeds_fraction(negatives, options->tau_minus, module->negative_images))
            unit_map_keep(module->map, u);
    }
    unit_map_measure(layout, module->map, &module->kept.units, &module->kept.channels);
    return STATUS_OK;
}

/* Mean of every class's value but `own`; values are `count` floats. */
static float mean_of_others(const float *values, int32_t count, int32_t own)
{
    double sum = 0.0;
    for (int32_t i = 0; i < count; i++)
        if (i != own)
            sum += (double)values[i];
    return (float)(sum / (count - 1));
}

static void head_fill(const struct network *network, int32_t output, int32_t own, struct module *module)
{
    const struct layer *layer = &network->layers[output];
    const float *weights = network->parameters + layer->parameter_offset;
    int32_t classes = network->class_count, features = module_features(network, output);
    for (int32_t f = 0; f < features; f++) {
        const float *row = weights + (size_t)f * (size_t)classes;
        module->head_weights[2 * f] = row[own];
        module->head_weights[2 * f + 1] = mean_of_others(row, classes, own);
    }
    if (layer->options.bias) {
        const float *bias = weights + (size_t)features * (size_t)classes;
        module->head_bias[0] = bias[own];
        module->head_bias[1] = mean_of_others(bias, classes, own);
    }
}

static enum status make_check(const struct network *network, const struct activation_options *options,
                              const struct class_counts *counts, int64_t negative_images_sum)
{
    enum status status = activation_options_check(options);
    if (status != STATUS_OK)
        return status;
    int32_t own = counts->class_index;
    int64_t negatives = negative_images_sum - counts->negative_images;
    if (own < 0 || own >= network->class_count || network->class_count < 2 || negatives < 0 ||
        negatives > INT32_MAX)
        return error_set(STATUS_INTERNAL, "class %d of %d with %lld negatives", (int)own,
                         (int)network->class_count, (long long)negatives);
    if (counts->positive_images == 0)
        return error_set(STATUS_NOT_FOUND,
                         "class %s has no positives: the network puts none of its images in it with "
                         "probability %g or more; lower the confidence or check that data and network "
                         "belong together",
                         network->class_names[own], (double)options->confidence);
    return STATUS_OK;
}

enum status activation_make_module(const struct network *network, const struct unit_layout *layout,
                                   const struct activation_options *options,
                                   const struct class_counts *counts, const uint32_t *negatives_sum,
                                   int64_t negative_images_sum, struct module *module)
{
    int32_t output = 0;
    memset(module, 0, sizeof *module);
    enum status status = make_check(network, options, counts, negative_images_sum);
    if (status == STATUS_OK)
        status = module_output_layer(network, &output);
    if (status != STATUS_OK)
        return status;
    module->class_index = counts->class_index;
    memcpy(module->class_name, network->class_names[counts->class_index], sizeof(class_name));
    memcpy(module->label, module->class_name, sizeof(class_name));
    module->scale = 1.0f;
    module->whole = module_size_of_network(network);
    module->kept = module->whole; /* a map leaves all weights where they are */
    module->positive_images = counts->positive_images;
    module->negative_images = (int32_t)(negative_images_sum - counts->negative_images);

    status = memory_allocate(&module->map, unit_map_bytes(layout), 1, "unit map");
    if (status == STATUS_OK)
        status = memory_allocate(&module->head_weights, 2 * (size_t)module_features(network, output),
                                 sizeof(float), "module head");
    if (status == STATUS_OK)
        status = map_fill(layout, options, counts, negatives_sum, module);
    if (status != STATUS_OK) {
        module_clear(module);
        return status;
    }
    head_fill(network, output, counts->class_index, module);
    return STATUS_OK;
}
