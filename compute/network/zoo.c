#include "compute/network/zoo.h"

#include <stdio.h>
#include <string.h>

#include "compute/network/zoo_builder.h"
#include "compute/network/zoo_resnet.h"

/* One architecture. `size` and `stages` mean what its `build` makes of them. */
struct architecture {
    void (*build)(struct zoo_builder *builder, const struct architecture *architecture, int32_t class_count,
                  enum shortcut shortcut);
    int32_t size;
    int32_t stages[4];
};

static void build_mlp(struct zoo_builder *builder, const struct architecture *architecture,
                      int32_t class_count, enum shortcut shortcut)
{
    enum { UNITS = 49 };
    (void)shortcut;
    int32_t at = zoo_flatten(builder, "flatten", 0);
    for (int32_t i = 0; i < architecture->size; i++) {
        char name[32];
        snprintf(name, sizeof name, "hidden%d", i + 1);
        at = zoo_dense_relu(builder, name, at, UNITS);
    }
    zoo_dense(builder, "output", at, class_count);
}

static void build_lenet(struct zoo_builder *builder, const struct architecture *architecture,
                        int32_t class_count, enum shortcut shortcut)
{
    (void)architecture, (void)shortcut;
    int32_t at = zoo_convolution_relu(builder, "1", 0, 5, 32);
    at = zoo_maxpool(builder, "pool1", at, 2, 2, 0);
    at = zoo_convolution_relu(builder, "2", at, 5, 64);
    at = zoo_maxpool(builder, "pool2", at, 2, 2, 0);
    at = zoo_flatten(builder, "flatten", at);
    at = zoo_dense_relu(builder, "hidden", at, 128);
    zoo_dense(builder, "output", at, class_count);
}

/* Configuration D of Simonyan & Zisserman, ICLR 2015: 13 convolutions in five groups, each followed by a 2×2
 * pooling (left out once the image is down to one pixel in height or width), then two hidden layers. */
static void build_vgg(struct zoo_builder *builder, int32_t class_count, bool batchnorm, int32_t hidden_units)
{
    enum { GROUPS = 5 };
    static const struct {
        int32_t convolutions, c;
    } groups[GROUPS] = {{2, 64}, {2, 128}, {3, 256}, {3, 512}, {3, 512}};
    char name[32];
    int32_t at = 0;
    for (int32_t group = 0; group < GROUPS; group++) {
        for (int32_t i = 0; i < groups[group].convolutions; i++) {
            snprintf(name, sizeof name, "group%d.%d", group + 1, i + 1);
            at = batchnorm ? zoo_convolution_norm(builder, name, at, 3, 1, groups[group].c, true)
                           : zoo_convolution_relu(builder, name, at, 3, groups[group].c);
        }
        struct shape shape = zoo_shape(builder, at);
        snprintf(name, sizeof name, "group%d.pool", group + 1);
        if (shape.h >= 2 && shape.w >= 2)
            at = zoo_maxpool(builder, name, at, 2, 2, 0);
    }
    at = zoo_flatten(builder, "flatten", at);
    at = zoo_dense_relu(builder, "hidden1", at, hidden_units);
    at = zoo_dense_relu(builder, "hidden2", at, hidden_units);
    zoo_dense(builder, "output", at, class_count);
}

static void build_simcnn(struct zoo_builder *builder, const struct architecture *architecture,
                         int32_t class_count, enum shortcut shortcut)
{
    (void)shortcut;
    build_vgg(builder, class_count, true, architecture->size);
}

static void build_vgg16(struct zoo_builder *builder, const struct architecture *architecture,
                        int32_t class_count, enum shortcut shortcut)
{
    enum { SMALL_IMAGE_PIXELS = 64, SMALL_IMAGE_UNITS = 512 };
    struct shape input = zoo_shape(builder, 0);
    bool small = input.h <= SMALL_IMAGE_PIXELS && input.w <= SMALL_IMAGE_PIXELS;
    (void)shortcut;
    build_vgg(builder, class_count, false, small ? SMALL_IMAGE_UNITS : architecture->size);
}

static void build_resnet_cifar(struct zoo_builder *builder, const struct architecture *architecture,
                               int32_t class_count, enum shortcut shortcut)
{
    zoo_resnet_cifar(builder, class_count, (architecture->size - 2) / 6, shortcut);
}

static void build_resnet_basic(struct zoo_builder *builder, const struct architecture *architecture,
                               int32_t class_count, enum shortcut shortcut)
{
    zoo_resnet_imagenet(builder, class_count, architecture->stages, false, shortcut);
}

static void build_resnet_bottleneck(struct zoo_builder *builder, const struct architecture *architecture,
                                    int32_t class_count, enum shortcut shortcut)
{
    zoo_resnet_imagenet(builder, class_count, architecture->stages, true, shortcut);
}

/* The same places in both. */
static const char *const names[] = {
    "mlp-1",    "mlp-2",    "mlp-3",     "mlp-4",    "lenet",    "simcnn",   "resnet20", "resnet32",
    "resnet44", "resnet56", "resnet110", "resnet18", "resnet34", "resnet50", "vgg16",    NULL,
};
static const struct architecture architectures[] = {
    {build_mlp, 1, {0}},
    {build_mlp, 2, {0}},
    {build_mlp, 3, {0}},
    {build_mlp, 4, {0}},
    {build_lenet, 0, {0}},
    {build_simcnn, 512, {0}},
    {build_resnet_cifar, 20, {0}},
    {build_resnet_cifar, 32, {0}},
    {build_resnet_cifar, 44, {0}},
    {build_resnet_cifar, 56, {0}},
    {build_resnet_cifar, 110, {0}},
    {build_resnet_basic, 18, {2, 2, 2, 2}},
    {build_resnet_basic, 34, {3, 4, 6, 3}},
    {build_resnet_bottleneck, 50, {3, 4, 6, 3}},
    {build_vgg16, 4096, {0}},
};
enum { ARCHITECTURE_COUNT = sizeof architectures / sizeof architectures[0] };
_Static_assert(sizeof names / sizeof names[0] == ARCHITECTURE_COUNT + 1, "a name for every architecture");

const char *const *zoo_names(void)
{
    return names;
}

static enum status find_architecture(const char *name, const struct architecture **architecture)
{
    char list[256] = "";
    for (int i = 0; i < ARCHITECTURE_COUNT; i++) {
        if (strcmp(names[i], name) == 0) {
            *architecture = &architectures[i];
            return STATUS_OK;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i == 0 ? "" : ", ", names[i]);
    }
    return error_set(STATUS_NOT_FOUND, "no network is called \"%s\"; there are %s", name, list);
}

static bool has_shortcuts(const struct architecture *architecture)
{
    return architecture->build == build_resnet_cifar || architecture->build == build_resnet_basic ||
           architecture->build == build_resnet_bottleneck;
}

enum status zoo_build(const char *name, struct shape input, int32_t class_count, enum shortcut shortcut,
                      struct network **network)
{
    const struct architecture *architecture = NULL;
    struct zoo_builder builder = {0};
    *network = NULL;
    if (class_count < 1)
        return error_set(STATUS_USAGE, "network \"%s\" for %d classes; it must be 1 or more", name,
                         class_count);
    enum status status = find_architecture(name, &architecture);
    if (status == STATUS_OK && shortcut != SHORTCUT_DEFAULT && !has_shortcuts(architecture))
        status = error_set(STATUS_USAGE, "shortcuts %s are asked for, and \"%s\" has none; leave them out",
                           shortcut == SHORTCUT_A ? "A" : "B", name);
    if (status != STATUS_OK)
        return status;
    status = network_create(name, input, &builder.network);
    if (status == STATUS_OK) {
        architecture->build(&builder, architecture, class_count, shortcut);
        status = builder.status;
        if (status == STATUS_OK)
            status = network_finish(builder.network);
    }
    if (status != STATUS_OK) {
        network_destroy(&builder.network);
        return error_prefix(status, "network \"%s\" for images of %dx%dx%d: ", name, input.h, input.w,
                            input.c);
    }
    *network = builder.network;
    return STATUS_OK;
}
