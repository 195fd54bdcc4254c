#include "modules/activation.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/kernels/softmax.h"
#include "compute/network/pass.h"
#include "modules/label_index.h"

enum {
    CHUNK_IMAGES = 16, /* images a pass takes at a time … */
    COUNT_BLOCK = 1024 /* units counted at a time: their counters stay in the first-level cache */
};
/* … fewer where so many images' outputs, which an observing pass keeps, would take more than this. */
static const size_t CHUNK_BYTES = (size_t)256 << 20;

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

/* --- counting: rounds in which every worker passes one chunk of consecutive images --- */

/* One thread's own: a pass, and what it counted. */
struct worker {
    struct pass *pass;
    float *images;                 /* (chunk, input shape) */
    float *probabilities;          /* (chunk, classes) */
    uint32_t *positive, *negative; /* (units) */

    /* Of the chunk in the pass. */
    int32_t image_count;
    bool confident[CHUNK_IMAGES]; /* the parent puts image i in the class, with enough probability */
    int32_t positive_images[CHUNK_IMAGES], positive_count; /* which of them count */
    int32_t negative_count;                                /* the first so many of the chunk */
};

struct count_run {
    const struct network *network;
    const struct unit_layout *layout;
    const struct dataset *dataset;
    const struct activation_options *options;
    int32_t class_index;
    const struct activation_share *share;
    int64_t first, end; /* the class's images */
    int64_t negative_limit;
    int32_t chunk;
    int32_t worker_count;
    struct worker *workers;
};

/* Follows from the network alone, so that chunks and with them all results are the same for any number of
 * threads. */
static int32_t chunk_images(const struct network *network)
{
    size_t bytes = 0;
    for (int32_t i = 0; i < network->layer_count; i++)
        bytes += shape_count(network->layers[i].shape) * sizeof(float);
    int32_t chunk = CHUNK_IMAGES;
    while (chunk > 1 && bytes > CHUNK_BYTES / (size_t)chunk)
        chunk--;
    return chunk;
}

static enum status worker_create(const struct count_run *run, struct worker *worker)
{
    size_t chunk = (size_t)run->chunk, units = run->layout->unit_count;
    enum status status = pass_create(run->network, run->chunk, PASS_OBSERVE, &worker->pass);
    if (status == STATUS_OK)
        status = memory_allocate(&worker->images, chunk * shape_count(network_input_shape(run->network)),
                                 sizeof(float), "images of a chunk");
    if (status == STATUS_OK)
        status = memory_allocate(&worker->probabilities, chunk * (size_t)run->network->class_count,
                                 sizeof(float), "probabilities of a chunk");
    if (status == STATUS_OK)
        status = memory_allocate(&worker->positive, units, sizeof(uint32_t), "a thread's unit counts");
    if (status == STATUS_OK)
        status = memory_allocate(&worker->negative, units, sizeof(uint32_t), "a thread's unit counts");
    return status;
}

static void workers_destroy(struct count_run *run)
{
    for (int32_t i = 0; run->workers != NULL && i < run->worker_count; i++) {
        struct worker *worker = &run->workers[i];
        pass_destroy(&worker->pass);
        memory_free(&worker->images);
        memory_free(&worker->probabilities);
        memory_free(&worker->positive);
        memory_free(&worker->negative);
    }
    memory_free(&run->workers);
}

/* Each thread creates its own worker, so that its memory is near it. */
static enum status workers_create(struct count_run *run)
{
    int64_t chunks = (run->end - run->first + run->chunk - 1) / run->chunk;
    chunks = (chunks + run->share->parts - 1) / run->share->parts;
    run->worker_count = (int32_t)(chunks < run->share->chunks ? chunks : run->share->chunks);
    enum status status =
        memory_allocate(&run->workers, (size_t)run->worker_count, sizeof *run->workers, "counting threads");
    if (status != STATUS_OK)
        return status;
    struct error_carried carried = {STATUS_OK, ""};
#pragma omp parallel for schedule(static, 1) num_threads(run->worker_count)
    for (int32_t i = 0; i < run->worker_count; i++)
        error_keep_first(&carried, worker_create(run, &run->workers[i]));
    return error_raise(&carried);
}

static int32_t largest(const float *values, int32_t count)
{
    int32_t best = 0;
    for (int32_t i = 1; i < count; i++)
        if (values[i] > values[best])
            best = i;
    return best;
}

/* Probabilities (images, classes) from a network's outputs: logits, or what its own final softmax made. */
static void posterior(const struct network *network, int32_t images, const float *outputs,
                      float *probabilities)
{
    enum layer_kind last = network->layers[network->layer_count - 1].kind;
    size_t count = (size_t)images * (size_t)network->class_count;
    if (last != LAYER_SOFTMAX && last != LAYER_LOG_SOFTMAX)
        softmax_forward(images, network->class_count, outputs, probabilities);
    else
        for (size_t i = 0; i < count; i++)
            probabilities[i] = last == LAYER_SOFTMAX ? outputs[i] : expf(outputs[i]);
}

/* Passes the chunk that starts at image `start`. */
static void worker_observe(const struct count_run *run, struct worker *worker, int64_t start)
{
    int64_t left = run->end - start;
    worker->image_count = left <= 0 ? 0 : (int32_t)(left < run->chunk ? left : run->chunk);
    if (worker->image_count == 0)
        return;
    struct shape shape = run->dataset->shape;
    scaling_apply(&run->network->scaling, (size_t)worker->image_count * (size_t)shape.h * (size_t)shape.w,
                  shape.c, dataset_image(run->dataset, start), worker->images);
    const float *outputs = pass_forward(worker->pass, worker->image_count, worker->images);
    int32_t classes = run->network->class_count;
    posterior(run->network, worker->image_count, outputs, worker->probabilities);
    for (int32_t i = 0; i < worker->image_count; i++) {
        const float *probabilities = worker->probabilities + (size_t)i * (size_t)classes;
        worker->confident[i] = largest(outputs + (size_t)i * (size_t)classes, classes) == run->class_index &&
                               probabilities[run->class_index] >= run->options->confidence;
    }
}

static int64_t count_confident(const struct count_run *run)
{
    int64_t found = 0;
    for (int32_t w = 0; w < run->worker_count; w++)
        for (int32_t i = 0; i < run->workers[w].image_count; i++)
            found += run->workers[w].confident[i];
    return found;
}

/* Decides which images of the chunk that starts at image `start` count, when `*ordinal` images before it
 * could be positives. */
static void worker_select(const struct count_run *run, struct worker *worker, int64_t start, int64_t *ordinal,
                          struct class_counts *counts)
{
    worker->positive_count = 0;
    for (int32_t i = 0; i < worker->image_count; i++)
        if (worker->confident[i] && (*ordinal)++ < run->options->positives)
            worker->positive_images[worker->positive_count++] = i;
    int64_t wanted = run->negative_limit - (start - run->first);
    worker->negative_count = wanted <= 0                    ? 0
                             : wanted < worker->image_count ? (int32_t)wanted
                                                            : worker->image_count;
    counts->positive_images += worker->positive_count;
    counts->negative_images += worker->negative_count;
}

/* counts[u] += how many of the listed images (NULL: the first `image_count`) have values (n, units) above 0.
 */
static void count_active(const float *values, size_t units, const int32_t *images, int32_t image_count,
                         uint32_t *counts)
{
    for (size_t start = 0; start < units; start += COUNT_BLOCK) {
        size_t block = units - start < COUNT_BLOCK ? units - start : COUNT_BLOCK;
        for (int32_t i = 0; i < image_count; i++) {
            size_t image = (size_t)(images == NULL ? i : images[i]);
            const float *x = values + image * units + start;
            for (size_t u = 0; u < block; u++)
                counts[start + u] += x[u] > 0.0f;
        }
    }
}

static void worker_count_units(const struct count_run *run, struct worker *worker)
{
    if (worker->positive_count == 0 && worker->negative_count == 0)
        return;
    for (int32_t i = 0; i < run->layout->layer_count; i++) {
        size_t first = run->layout->unit_offset[i], units = run->layout->unit_offset[i + 1] - first;
        const float *values = pass_value(worker->pass, run->layout->layers[i]);
        count_active(values, units, worker->positive_images, worker->positive_count,
                     worker->positive + first);
        count_active(values, units, NULL, worker->negative_count, worker->negative + first);
    }
}

/* The image with which worker i's chunk of the round from `start` on begins. */
static int64_t chunk_start(const struct count_run *run, int64_t start, int32_t i)
{
    return start + ((int64_t)run->share->part * run->worker_count + i) * run->chunk;
}

static void observe_round(struct count_run *run, int64_t start)
{
#pragma omp parallel for schedule(static, 1) num_threads(run->worker_count)
    for (int32_t i = 0; i < run->worker_count; i++)
        worker_observe(run, &run->workers[i], chunk_start(run, start, i));
}

/* Counts what was observed, `before` images before it being confident. */
static void count_round(struct count_run *run, int64_t start, int64_t before, struct class_counts *counts)
{
    for (int32_t i = 0; i < run->worker_count; i++)
        worker_select(run, &run->workers[i], chunk_start(run, start, i), &before, counts);
#pragma omp parallel for schedule(static, 1) num_threads(run->worker_count)
    for (int32_t i = 0; i < run->worker_count; i++)
        worker_count_units(run, &run->workers[i]);
}

static enum status count_rounds(struct count_run *run, activation_progress progress, void *context,
                                struct class_counts *counts)
{
    const struct activation_share *share = run->share;
    int64_t confident = 0; /* images so far that could be positives, of all parts */
    for (int64_t start = run->first, done = 0; start < run->end; start = run->first + done) {
        int64_t before = 0, all = 0;
        observe_round(run, start);
        done += (int64_t)share->parts * run->worker_count * run->chunk;
        if (done > run->end - run->first)
            done = run->end - run->first;
        bool stop = progress != NULL && progress(context, done);
        share->exchange(share->context, count_confident(run), stop, &before, &all, &stop);
        if (stop)
            return error_set(STATUS_STOPPED, "stopped while counting class %s, after %lld images",
                             run->network->class_names[run->class_index], (long long)done);
        count_round(run, start, confident + before, counts);
        confident += all;
        if (confident >= run->options->positives && done >= run->negative_limit)
            break;
    }
    for (int32_t i = 0; i < run->worker_count; i++) {
        for (size_t u = 0; u < run->layout->unit_count; u++) {
            counts->positive[u] += run->workers[i].positive[u];
            counts->negative[u] += run->workers[i].negative[u];
        }
    }
    return STATUS_OK;
}

/* q of the header. */
static int64_t negatives_a_class(const struct activation_options *options, int32_t class_count)
{
    int64_t others = class_count > 1 ? class_count - 1 : 1;
    int64_t share = (options->negatives + others - 1) / others;
    return share > 1 ? share : 1;
}

int64_t activation_images_needed(const struct activation_options *options, int32_t class_count,
                                 int64_t available)
{
    int64_t first = negatives_a_class(options, class_count);
    return options->positives == 0 && first < available ? first : available;
}

/* Finds the class's images and checks that they can be passed. */
static enum status count_run_prepare(struct count_run *run)
{
    const struct network *network = run->network;
    const struct dataset *dataset = run->dataset;
    struct shape wanted = network_input_shape(network), given = dataset->shape;
    if (network->class_count < 2)
        return error_set(STATUS_SHAPE, "network %s has %d class; cutting it into modules needs at least 2",
                         network->architecture, (int)network->class_count);
    if (run->class_index < 0 || run->class_index >= network->class_count)
        return error_set(STATUS_INTERNAL, "class index %d of network %s, which has %d classes",
                         (int)run->class_index, network->architecture, (int)network->class_count);
    if (given.h != wanted.h || given.w != wanted.w || given.c != wanted.c)
        return error_set(STATUS_SHAPE,
                         "the dataset's images are %d×%d×%d but network %s takes %d×%d×%d; give the data it "
                         "was trained on",
                         (int)given.h, (int)given.w, (int)given.c, network->architecture, (int)wanted.h,
                         (int)wanted.w, (int)wanted.c);
    const char *name = network->class_names[run->class_index];
    int32_t class = label_index((const class_name *)dataset->class_names, dataset->class_count, name);
    if (class < 0)
        return error_set(STATUS_NOT_FOUND,
                         "the dataset has no class called \"%s\" (it has \"%s\" and %d more); name the "
                         "network's classes as the dataset's",
                         name, dataset->class_names[0], (int)dataset->class_count - 1);
    run->first = dataset->class_start[class];
    run->end = run->first + activation_images_needed(run->options, network->class_count,
                                                     dataset->class_start[class + 1] - run->first);
    if (run->first < run->end && (run->first < dataset->first || run->end > dataset->first + dataset->loaded))
        return error_set(STATUS_INTERNAL,
                         "class %s is images %lld to %lld of the dataset but %lld to %lld are loaded", name,
                         (long long)run->first, (long long)run->end - 1, (long long)dataset->first,
                         (long long)(dataset->first + dataset->loaded) - 1);
    run->negative_limit = negatives_a_class(run->options, network->class_count);
    return STATUS_OK;
}

static void exchange_alone(void *context, int64_t found, bool stop, int64_t *before, int64_t *all,
                           bool *stop_all)
{
    (void)context;
    *before = 0;
    *all = found;
    *stop_all = stop;
}

enum status activation_count_class(const struct network *network, const struct unit_layout *layout,
                                   const struct dataset *dataset, int32_t class_index,
                                   const struct activation_options *options,
                                   const struct activation_share *share, activation_progress progress,
                                   void *context, struct class_counts *counts)
{
    const struct activation_share alone = {
        .parts = 1, .chunks = omp_get_max_threads(), .exchange = exchange_alone};
    struct count_run run = {.network = network,
                            .layout = layout,
                            .dataset = dataset,
                            .options = options,
                            .share = share != NULL ? share : &alone,
                            .class_index = class_index,
                            .chunk = chunk_images(network)};
    counts->class_index = class_index;
    counts->positive_images = counts->negative_images = 0;
    memset(counts->positive, 0, layout->unit_count * sizeof(uint32_t));
    memset(counts->negative, 0, layout->unit_count * sizeof(uint32_t));

    enum status status = count_run_prepare(&run);
    if (status != STATUS_OK || run.first == run.end)
        return status;
    status = workers_create(&run);
    if (status == STATUS_OK)
        status = count_rounds(&run, progress, context, counts);
    workers_destroy(&run);
    return status;
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
