#include "modules/classifier/classifier.h"

#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/formats/hdf5_file.h"
#include "compute/formats/network_file.h"
#include "modules/file/modules_file.h"

enum status classifier_from_network(struct network *network, struct classifier **classifier)
{
    enum status status = memory_allocate(classifier, 1, sizeof **classifier, "classifier");
    if (status != STATUS_OK) {
        network_destroy(&network);
        return status;
    }
    struct classifier *made = *classifier;
    snprintf(made->kind, sizeof made->kind, "network");
    made->network = network;
    made->label_count = network->class_count;
    status = memory_allocate(&made->labels, (size_t)made->label_count, sizeof(class_name), "labels");
    if (status != STATUS_OK) {
        classifier_destroy(classifier);
        return status;
    }
    memcpy(made->labels, network->class_names, (size_t)made->label_count * sizeof(class_name));
    return STATUS_OK;
}

enum status classifier_from_modules(struct module_set *set, const char *kind, struct classifier **classifier)
{
    enum status status = memory_allocate(classifier, 1, sizeof **classifier, "classifier");
    if (status != STATUS_OK) {
        module_set_destroy(&set);
        return status;
    }
    struct classifier *made = *classifier;
    snprintf(made->kind, sizeof made->kind, "%s", kind);
    made->modules = set;
    made->label_count = set->module_count;
    status = module_set_labels(set, &made->labels);
    if (status == STATUS_OK && set->module_count == 0)
        status = error_set(STATUS_SHAPE, "a set without modules cannot classify");
    if (status == STATUS_OK)
        status = forward_plan_create(set, &made->plan);
    if (status != STATUS_OK)
        classifier_destroy(classifier);
    return status;
}

enum status classifier_open(const char *path, struct classifier **classifier)
{
    char kind[16];
    *classifier = NULL;
    enum status status = hdf5_kind(path, kind);
    if (status != STATUS_OK)
        return status;
    if (strcmp(kind, "network") == 0) {
        struct network *network = NULL;
        status = network_file_read(path, &network);
        return status == STATUS_OK ? classifier_from_network(network, classifier) : status;
    }
    if (strcmp(kind, "modules") == 0 || strcmp(kind, "composition") == 0) {
        struct module_set *set = NULL;
        status = modules_file_load(path, kind, &set);
        return status == STATUS_OK ? classifier_from_modules(set, kind, classifier) : status;
    }
    return error_set(STATUS_FORMAT,
                     "%s is a %s file; a network, modules or composition file is needed to classify images",
                     path, kind);
}

void classifier_destroy(struct classifier **classifier)
{
    if (*classifier == NULL)
        return;
    memory_free(&(*classifier)->labels);
    forward_plan_destroy(&(*classifier)->plan);
    network_destroy(&(*classifier)->network);
    module_set_destroy(&(*classifier)->modules);
    memory_free(classifier);
}

/* What the first images go into. */
static const struct network *first_network(const struct classifier *classifier)
{
    if (classifier->network != NULL)
        return classifier->network;
    const struct module *first = &classifier->modules->modules[0];
    const struct network *base = module_set_base(classifier->modules, first);
    return base != NULL ? base : first->network;
}

struct shape classifier_input_shape(const struct classifier *classifier)
{
    return network_input_shape(first_network(classifier));
}

struct shape classifier_output_shape(const struct classifier *classifier)
{
    const struct network *network = classifier->network;
    return network != NULL ? network->layers[network->layer_count - 1].shape
                           : (struct shape){1, 1, classifier->label_count};
}

uint64_t classifier_multiply_adds(const struct classifier *classifier)
{
    if (classifier->network != NULL)
        return network_multiply_adds(classifier->network);
    return forward_plan_multiply_adds(classifier->plan, classifier->modules);
}

uint64_t classifier_parent_multiply_adds(const struct classifier *classifier)
{
    return classifier->network != NULL ? network_multiply_adds(classifier->network)
                                       : classifier->modules->modules[0].whole.multiply_adds;
}
