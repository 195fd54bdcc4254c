/* facet bench: how fast networks run here, layer by layer, beside what BLIS can do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"
#include "compute/formats/network_file.h"
#include "compute/kernels/convolution_infer.h"
#include "compute/kernels/depthwise.h"
#include "compute/network/layer_kernels.h"
#include "compute/network/zoo.h"
#include "jobs/command_line.h"
#include "jobs/commands/commands.h"
#include "jobs/convolution_tuning.h"
#include "jobs/job.h"
#include "jobs/json_output.h"
#include "jobs/network_bench.h"
#include "jobs/training_options.h"
#include "mpi/ranks.h"

struct arguments {
    struct job_options job;
    const char *file, *net;
    struct shape shape;
    int32_t classes, batch, repeats;
    enum shortcut shortcut;
    const char *tune;
    bool training, inference, json;
};

enum {
    KEY_NET = 0x100,
    KEY_SHAPE,
    KEY_CLASSES,
    KEY_SHORTCUT,
    KEY_BATCH,
    KEY_MODE,
    KEY_TUNE,
    KEY_REPEAT,
    KEY_JSON
};

static const struct argp_option options[] = {
    {"net", KEY_NET, "NAME", 0, "Architecture of the zoo instead of a file (see facet train --help)", 0},
    {"shape", KEY_SHAPE, "HxWxC", 0, "Image shape of --net (default 32x32x3)", 0},
    {"classes", KEY_CLASSES, "N", 0, "Classes of --net (default 10)", 0},
    {"shortcut", KEY_SHORTCUT, "A|B", 0, "ResNet shortcuts of --net, as in facet train", 0},
    {"batch", KEY_BATCH, "N", 0, "Images a batch, over all ranks (default 128)", 0},
    {"mode", KEY_MODE, "MODE", 0, "train (a whole step), infer, or both (default)", 0},
    {"tune", KEY_TUNE, "FILE", 0,
     "First measure every way of convolving for each shape of the network, write the fastest to FILE, for "
     "--conv-plan of this and other commands, and go on with them",
     0},
    {"repeat", KEY_REPEAT, "N", 0, "Batches measured, after one to warm up; medians are told (default 9)", 0},
    {"json", KEY_JSON, 0, 0, "Print as JSON", 0},
    {0}};

static struct shape parse_shape(const struct argp_state *state, const char *text)
{
    long sides[3] = {0};
    const char *at = text;
    for (int i = 0; i < 3; i++) {
        char *end = NULL;
        sides[i] = strtol(at, &end, 10);
        if (end == at || sides[i] < 1 || sides[i] > 65536 || *end != (i < 2 ? 'x' : '\0'))
            argp_error(state, "--shape: '%s' given, expected height, width and channels like 32x32x3", text);
        at = end + 1;
    }
    return (struct shape){(int32_t)sides[0], (int32_t)sides[1], (int32_t)sides[2]};
}

static void parse_mode(const struct argp_state *state, const char *text, struct arguments *arguments)
{
    bool both = strcmp(text, "both") == 0;
    arguments->training = both || strcmp(text, "train") == 0;
    arguments->inference = both || strcmp(text, "infer") == 0;
    if (!arguments->training && !arguments->inference)
        argp_error(state, "--mode: '%s' given, expected train, infer or both", text);
}

static const struct plain_option plain[] = {
    PLAIN_TEXT(ARGP_KEY_ARG, struct arguments, file, NULL),
    PLAIN_TEXT(KEY_NET, struct arguments, net, NULL),
    PLAIN_TEXT(KEY_TUNE, struct arguments, tune, NULL),
    PLAIN_FLAG(KEY_JSON, struct arguments, json),
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->job;
        return 0;
    case KEY_SHAPE:
        arguments->shape = parse_shape(state, text);
        return 0;
    case KEY_CLASSES:
        arguments->classes = (int32_t)parse_integer(state, "--classes", text, 1, 1 << 20);
        return 0;
    case KEY_SHORTCUT:
        arguments->shortcut = parse_shortcut(state, text);
        return 0;
    case KEY_BATCH:
        arguments->batch = (int32_t)parse_integer(state, "--batch", text, 1, 1 << 20);
        return 0;
    case KEY_MODE:
        parse_mode(state, text, arguments);
        return 0;
    case KEY_REPEAT:
        arguments->repeats = (int32_t)parse_integer(state, "--repeat", text, 1, 10000);
        return 0;
    case ARGP_KEY_END:
        if ((arguments->file == NULL) == (arguments->net == NULL))
            argp_error(state, "give either a network file or --net NAME");
        if (arguments->tune != NULL &&
            (arguments->job.conv != CONVOLUTION_AUTO || arguments->job.conv_plan != NULL))
            argp_error(state, "--tune finds the ways by itself: give it without --conv and --conv-plan");
        return 0;
    default:
        return plain_options_parse(plain, sizeof plain / sizeof *plain, key, text, state);
    }
}

static const struct argp_child children[] = {{&job_argp, 0, NULL, 0}, {0}};

const struct argp argp_bench = {
    options,
    parse_option,
    "[NETWORK.h5]",
    "Measure training and classifying: images a second, GFLOP/s and their part of what BLIS reaches in large "
    "products on the same threads at the same time, memory; layer by layer and for the whole network.\v"
    "Images are random, weights of --net too; a training step is a whole one but for loading images. A layer "
    "without a time of its own is computed together with the one before it.\n\n"
    "  facet bench --net resnet20 --batch 128\n"
    "  facet bench --net resnet20 --tune plan.json\n"
    "  mpirun -n 2 facet bench cifar.h5 --mode infer --json",
    children,
    NULL,
    NULL};

/* --- telling --- */

enum { WAYS_BYTES = 48 }; /* three names of ways */

/* GFLOP/s on all threads: the seconds are those of all threads together. */
static double layer_gflops(const struct layer_speed *layer, int threads)
{
    return layer->seconds > 0 ? 1e-9 * layer->flops * threads / layer->seconds : 0;
}

static double sum_seconds(const struct network *network, const struct layer_speed *layers)
{
    double sum = 0;
    for (int32_t i = 0; i < network->layer_count; i++)
        sum += layers[i].seconds;
    return sum;
}

static void print_layer(const struct layer_speed *layer, const struct network_speed *speed, int threads)
{
    if (layer->flops > 0 && layer->seconds > 0)
        printf(" %9.3f %8.1f %5.1f%%", 1e3 * layer->seconds / threads, layer_gflops(layer, threads),
               1e9 * layer_gflops(layer, threads) / speed->gemm_flops * 100);
    else if (layer->seconds > 0)
        printf(" %9.3f %8s %6s", 1e3 * layer->seconds / threads, "", "");
    else
        printf(" %9s %8s %6s", "-", "", "");
}

/* The ways of a layer as "forward" or "forward/weights/data"; "" for what is no convolution. */
static void layer_ways(const struct network *network, int32_t index, bool training, char *text, size_t bytes)
{
    *text = '\0';
    if (network->layers[index].kind != LAYER_CONVOLUTION)
        return;
    struct convolution conv = layer_convolution(network, index);
    if (!training || is_depthwise(&conv)) {
        snprintf(text, bytes, "%s", convolution_infer_way_name(&conv));
        return;
    }
    const char *ways[CONVOLUTION_STEP_COUNT];
    for (int step = 0; step < CONVOLUTION_STEP_COUNT; step++)
        ways[step] = convolution_way_name(convolution_choose(&conv, (enum convolution_step)step));
    bool alike = ways[CONVOLUTION_FORWARD] == ways[CONVOLUTION_WEIGHTS] &&
                 ways[CONVOLUTION_FORWARD] == ways[CONVOLUTION_DATA];
    if (!alike)
        snprintf(text, bytes, "%s/%s/%s", ways[CONVOLUTION_FORWARD], ways[CONVOLUTION_WEIGHTS],
                 ways[CONVOLUTION_DATA]);
    else
        snprintf(text, bytes, "%s", ways[CONVOLUTION_FORWARD]);
}

/* Layers of one kind together. */
static struct layer_speed kind_speed(const struct network *network, const struct layer_speed *layers,
                                     enum layer_kind kind)
{
    struct layer_speed sum = {0, 0};
    for (int32_t i = 0; i < network->layer_count; i++) {
        if (network->layers[i].kind != kind)
            continue;
        sum.flops += layers[i].flops;
        sum.seconds += layers[i].seconds;
    }
    return sum;
}

static void print_layers(const struct network *network, const struct network_speed *speed, int threads,
                         bool training)
{
    printf("  %-24s %-14s %9s %8s %6s", "layer", "kind", "ms", "GFLOP/s", "peak");
    puts(training ? "   back ms  GFLOP/s   peak  way" : "  way");
    for (int32_t i = 1; i < network->layer_count; i++) {
        printf("  %-24s %-14s", network->layers[i].name, layer_kind_name(network->layers[i].kind));
        print_layer(&speed->forward[i], speed, threads);
        if (training)
            print_layer(&speed->backward[i], speed, threads);
        char ways[WAYS_BYTES];
        layer_ways(network, i, training, ways, sizeof ways);
        printf("%s%s\n", *ways != '\0' ? "  " : "", ways);
    }
    for (enum layer_kind kind = LAYER_INPUT; kind < LAYER_KIND_COUNT; kind++) {
        struct layer_speed forward = kind_speed(network, speed->forward, kind);
        struct layer_speed backward = kind_speed(network, speed->backward, kind);
        if (forward.seconds + backward.seconds <= 0)
            continue;
        printf("  %-24s %-14s", "together", layer_kind_name(kind));
        print_layer(&forward, speed, threads);
        if (training)
            print_layer(&backward, speed, threads);
        putchar('\n');
    }
}

static void print_speed(const struct network_bench *bench, const struct network_speed *speed, bool training)
{
    int threads = bench->job->threads * bench->job->rank_count;
    double gflops = 1e-9 * speed->flops / speed->batch_seconds;
    double in_layers =
        sum_seconds(bench->network, speed->forward) + sum_seconds(bench->network, speed->backward);
    printf("%s: %.0f images/s, %.1f GFLOP/s, %.1f %% of sgemm's %.1f; %.2f ms a batch, %.2f of them in "
           "layers;\n  peak memory %.1f MiB, of them %.1f the engine's buffers\n",
           training ? "training" : "inference", bench->batch_images / speed->batch_seconds, gflops,
           1e11 * gflops / speed->gemm_flops, 1e-9 * speed->gemm_flops, 1e3 * speed->batch_seconds,
           1e3 * in_layers / threads, (double)speed->peak_bytes / 1048576,
           (double)speed->pass_bytes / 1048576);
    print_layers(bench->network, speed, threads, training);
}

static json_t *layer_json(const struct layer_speed *layer, const struct network_speed *speed, int threads)
{
    double gflops = layer_gflops(layer, threads);
    return json_pack("{s:f, s:f, s:f}", "seconds", layer->seconds / threads, "gflops", gflops,
                     "peak_fraction", 1e9 * gflops / speed->gemm_flops);
}

static json_t *speed_json(const struct network_bench *bench, const struct network_speed *speed, bool training)
{
    const struct network *network = bench->network;
    int threads = bench->job->threads * bench->job->rank_count;
    json_t *layers = json_array();
    for (int32_t i = 1; i < network->layer_count; i++) {
        json_t *layer = json_pack("{s:s, s:s, s:o}", "name", network->layers[i].name, "kind",
                                  layer_kind_name(network->layers[i].kind), "forward",
                                  layer_json(&speed->forward[i], speed, threads));
        if (training)
            json_object_set_new(layer, "backward", layer_json(&speed->backward[i], speed, threads));
        char ways[WAYS_BYTES];
        layer_ways(network, i, training, ways, sizeof ways);
        if (*ways != '\0')
            json_object_set_new(layer, "way", json_string(ways));
        json_array_append_new(layers, layer);
    }
    double gflops = 1e-9 * speed->flops / speed->batch_seconds;
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:o}", "images_per_second",
                     bench->batch_images / speed->batch_seconds, "batch_seconds", speed->batch_seconds,
                     "gflops", gflops, "peak_gflops", 1e-9 * speed->gemm_flops, "peak_fraction",
                     1e9 * gflops / speed->gemm_flops, "peak_memory_bytes", (json_int_t)speed->peak_bytes,
                     "pass_bytes", (json_int_t)speed->pass_bytes, "layers", layers);
}

/* --- running --- */

static enum status load(const struct arguments *arguments, struct network **network)
{
    if (arguments->file != NULL)
        return network_file_read(arguments->file, network);
    enum status status =
        zoo_build(arguments->net, arguments->shape, arguments->classes, arguments->shortcut, network);
    if (status == STATUS_OK)
        network_initialise(*network, 1);
    return status;
}

static enum status check_output(const struct network *network)
{
    struct shape shape = network->layers[network->layer_count - 1].shape;
    if (shape.h == 1 && shape.w == 1)
        return STATUS_OK;
    return error_set(
        STATUS_SHAPE,
        "network %s gives %d × %d × %d an image, training needs one value a class; use --mode infer",
        network->architecture, (int)shape.h, (int)shape.w, (int)shape.c);
}

static enum status bench_one(const struct network_bench *bench, bool training, json_t *object)
{
    struct network_speed speed;
    enum status status =
        training ? network_bench_training(bench, &speed) : network_bench_inference(bench, &speed);
    if (status == STATUS_OK && object != NULL)
        json_object_set_new(object, training ? "training" : "inference", speed_json(bench, &speed, training));
    else if (status == STATUS_OK && bench->job->rank == 0)
        print_speed(bench, &speed, training);
    network_speed_clear(&speed);
    return status;
}

static enum status bench_on_ranks(struct job *job, void *input)
{
    const struct arguments *arguments = input;
    struct network_bench bench = {
        .job = job, .batch_images = arguments->batch, .repeats = arguments->repeats};
    struct convolution_plan_entry *tuned = NULL;
    json_t *object = NULL;
    job_end_at_signals();
    enum status status = load(arguments, &bench.network);
    if (status == STATUS_OK && arguments->tune != NULL)
        status = output_file_check_input(arguments->tune, arguments->file);
    if (status == STATUS_OK && arguments->training)
        status = check_output(bench.network);
    status = ranks_agree(job->comm, status);
    if (status == STATUS_OK && arguments->tune != NULL)
        status = convolution_tuning(job, bench.network, arguments->tune, &tuned);
    if (status != STATUS_OK)
        goto done;
    const char *convolutions = tuned != NULL ? "tuned" : job->convolutions;
    if (arguments->json && job->rank == 0)
        object = json_pack("{s:s, s:s, s:i, s:i, s:i, s:i}", "architecture", bench.network->architecture,
                           "conv", convolutions, "batch", (int)bench.batch_images, "ranks", job->rank_count,
                           "threads", job->threads, "repeats", (int)bench.repeats);
    else if (job->rank == 0)
        printf("%s: %d images a batch, convolutions %s, %d x %d threads, medians of %d\n",
               bench.network->architecture, (int)bench.batch_images, convolutions, job->rank_count,
               job->threads, (int)bench.repeats);
    /* Inference first: the peak of memory that a process has had never goes down again. */
    if (arguments->inference)
        status = bench_one(&bench, false, object);
    if (status == STATUS_OK && arguments->training)
        status = bench_one(&bench, true, object);
    if (status == STATUS_OK && object != NULL) {
        json_print(object);
        object = NULL;
    }
done:
    convolution_use_plan(NULL, 0);
    memory_free(&tuned);
    json_decref(object);
    network_destroy(&bench.network);
    return status;
}

int command_bench(int argc, char **argv)
{
    struct arguments arguments = {
        .shape = {32, 32, 3}, .classes = 10, .batch = 128, .repeats = 9, .training = true, .inference = true};
    job_parse(&argp_bench, argc, argv, &arguments);
    return job_run(&arguments.job, bench_on_ranks, &arguments);
}
