/* Counting of method `activation`: rounds in which every worker passes one chunk of consecutive images. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/kernels/softmax.h"
#include "compute/network/pass.h"
#include "modules/activation/activation.h"
#include "modules/activation/tally.h"

enum { CHUNK_IMAGES = 16 }; /* images a pass takes at a time … */
/* … fewer where so many images' outputs would take more than this. */
static const size_t CHUNK_BYTES = (size_t)256 << 20;

/* One thread's own: a pass, and what it counted. */
struct worker {
    struct pass *pass;
    const struct unit_layout *layout;
    float *images;        /* (chunk, input shape) */
    float *probabilities; /* (chunk, classes) */
    uint8_t *active;      /* (chunk, units): 1 where a unit is, of the chunk in the pass */
    struct tally positive, negative;

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

/* A pass_observer: notes which units of the layer are active, while they are in the cache. */
static bool note_active(void *context, int32_t layer, int32_t n, const float *values)
{
    const struct worker *worker = context;
    int32_t place = unit_layout_find(worker->layout, layer);
    size_t first = worker->layout->unit_offset[place], units = worker->layout->unit_offset[place + 1] - first;
    for (size_t i = 0; i < (size_t)n; i++) {
        uint8_t *restrict active = worker->active + i * worker->layout->unit_count + first;
        const float *restrict x = values + i * units;
        for (size_t u = 0; u < units; u++)
            active[u] = x[u] > 0.0f;
    }
    return true;
}

static enum status worker_create(const struct count_run *run, struct worker *worker)
{
    size_t chunk = (size_t)run->chunk, units = run->layout->unit_count;
    worker->layout = run->layout;
    enum status status = pass_create(run->network, run->chunk, PASS_INFER, &worker->pass);
    if (status == STATUS_OK)
        status = memory_allocate(&worker->images, chunk * shape_count(network_input_shape(run->network)),
                                 sizeof(float), "images of a chunk");
    if (status == STATUS_OK)
        status = memory_allocate(&worker->probabilities, chunk * (size_t)run->network->class_count,
                                 sizeof(float), "probabilities of a chunk");
    if (status == STATUS_OK)
        status = memory_allocate(&worker->active, chunk, units, "active units of a chunk");
    if (status == STATUS_OK)
        status = tally_create(units, &worker->positive);
    if (status == STATUS_OK)
        status = tally_create(units, &worker->negative);
    if (status == STATUS_OK)
        pass_set_observer(worker->pass, note_active, worker);
    return status;
}

static void workers_destroy(struct count_run *run)
{
    for (int32_t i = 0; run->workers != NULL && i < run->worker_count; i++) {
        struct worker *worker = &run->workers[i];
        pass_destroy(&worker->pass);
        memory_free(&worker->images);
        memory_free(&worker->probabilities);
        memory_free(&worker->active);
        tally_clear(&worker->positive);
        tally_clear(&worker->negative);
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

static void worker_count_units(const struct count_run *run, struct worker *worker)
{
    size_t units = run->layout->unit_count;
    for (int32_t i = 0; i < worker->positive_count; i++)
        tally_add(&worker->positive, worker->active + (size_t)worker->positive_images[i] * units);
    for (int32_t i = 0; i < worker->negative_count; i++)
        tally_add(&worker->negative, worker->active + (size_t)i * units);
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
        tally_give(&run->workers[i].positive, counts->positive);
        tally_give(&run->workers[i].negative, counts->negative);
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
    if (!shape_equals(given, wanted))
        return error_set(STATUS_SHAPE,
                         "the dataset's images are %d×%d×%d but network %s takes %d×%d×%d; give the data it "
                         "was trained on",
                         (int)given.h, (int)given.w, (int)given.c, network->architecture, (int)wanted.h,
                         (int)wanted.w, (int)wanted.c);
    const char *name = network->class_names[run->class_index];
    int32_t class = class_names_index((const class_name *)dataset->class_names, dataset->class_count, name);
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

static enum status agree_alone(void *context, enum status status)
{
    (void)context;
    return status;
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
        .parts = 1, .chunks = omp_get_max_threads(), .agree = agree_alone, .exchange = exchange_alone};
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
    if (status == STATUS_OK && run.first == run.end)
        return status; /* nothing to count, for any part */
    if (status == STATUS_OK)
        status = workers_create(&run);
    status = run.share->agree(run.share->context, status);
    if (status == STATUS_OK)
        status = count_rounds(&run, progress, context, counts);
    workers_destroy(&run);
    return status;
}
