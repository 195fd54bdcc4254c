/* facet predict: what a classifier says of images. */
#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"
#include "compute/formats/images/image_decode.h"
#include "compute/formats/npy.h"
#include "jobs/commands/commands.h"
#include "jobs/job.h"
#include "jobs/json_output.h"
#include "modules/classifier/classifier.h"

struct arguments {
    const char *classifier, *input, *output;
    char **images;        /* (image_count) */
    int image_count, top; /* top 0: as many as by default */
    bool json;
};

enum { TOP_DEFAULT = 5 };
enum { KEY_INPUT = 0x100, KEY_OUTPUT, KEY_TOP, KEY_JSON };

static const struct argp_option options[] = {
    {"input", KEY_INPUT, "X.npy", 0,
     "Images as a NumPy array (N, C, H, W), (N, H, W) or (N, C): uint8 pixels, or float32 already scaled", 0},
    {"output", KEY_OUTPUT, "Y.npy", 0, "Where to write the scores of --input, float32", 0},
    {"top", KEY_TOP, "N", 0, "Labels to print for each image file (default 5)", 0},
    {"json", KEY_JSON, 0, 0, "Print the result for image files as JSON", 0},
    {0}};

static void check_arguments(const struct argp_state *state, const struct arguments *arguments)
{
    parse_require(state, "FILE", arguments->classifier);
    if (arguments->image_count > 0 && (arguments->input != NULL || arguments->output != NULL))
        argp_error(state, "either image files, or --input and --output");
    if (arguments->image_count == 0) {
        parse_require(state, "an image file or --input", arguments->input);
        parse_require(state, "--output", arguments->output);
        if (arguments->json || arguments->top > 0)
            argp_error(state, "--json and --top are for image files; --output has every score of --input");
    }
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case KEY_INPUT:
        arguments->input = text;
        return 0;
    case KEY_OUTPUT:
        arguments->output = text;
        return 0;
    case KEY_TOP:
        arguments->top = (int)parse_integer(state, "--top", text, 1, INT32_MAX);
        return 0;
    case KEY_JSON:
        arguments->json = true;
        return 0;
    case ARGP_KEY_ARGS:
        arguments->classifier = state->argv[state->next];
        arguments->images = state->argv + state->next + 1;
        arguments->image_count = state->argc - state->next - 1;
        return 0;
    case ARGP_KEY_END:
        check_arguments(state, arguments);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp argp_predict = {
    options,
    parse_option,
    "FILE [IMAGE...]",
    "Tell what a network, a modules file or a composition says of images.\v"
    "PNG and JPEG files are brought to the shape and scaling that FILE takes; the labels with the highest "
    "scores are printed. An array of uint8 is scaled the same way; one of float32 is taken as it is. The "
    "output array is (N, labels), or of an imported network what its graph gives, e.g. (N, C, H, W).\n\n"
    "  facet predict net.h5 cat.png dog.jpg\n"
    "  facet predict net.h5 --input x.npy --output y.npy",
    NULL,
    NULL,
    NULL};

/* --- image files --- */

/* The `top` labels with the highest scores, highest first; of equal ones the earlier label. */
static void rank_labels(const float *scores, int32_t label_count, int32_t top, int32_t *labels)
{
    int32_t kept = 0;
    for (int32_t label = 0; label < label_count; label++) {
        int32_t place = kept < top ? kept++ : top;
        while (place > 0 && scores[label] > scores[labels[place - 1]]) {
            if (place < top)
                labels[place] = labels[place - 1];
            place--;
        }
        if (place < top)
            labels[place] = label;
    }
}

struct prediction {
    const struct arguments *arguments;
    struct classifier *classifier;
    struct shape shape; /* that `run` is for */
    struct classifier_run *run;
    int32_t top;
    float *scores;   /* (labels) */
    int32_t *labels; /* (top) */
    json_t *images;  /* --json: the result so far */
};

static enum status score_image(struct prediction *prediction, struct shape shape, const uint8_t *pixels)
{
    const struct shape now = prediction->shape;
    enum status status = STATUS_OK;
    if (prediction->run == NULL || !shape_equals(shape, now)) {
        classifier_run_destroy(&prediction->run);
        status = classifier_run_create(prediction->classifier, shape, &prediction->run, NULL);
        prediction->shape = shape;
    }
    if (status == STATUS_OK)
        status = classifier_scores(prediction->run, 1, pixels, prediction->scores);
    return status;
}

static void report_image(struct prediction *prediction, const char *path)
{
    json_t *predictions = json_array();
    if (prediction->images == NULL)
        printf("%s\n", path);
    for (int32_t i = 0; i < prediction->top; i++) {
        int32_t label = prediction->labels[i];
        double score = (double)prediction->scores[label];
        const char *name = prediction->classifier->labels[label];
        if (prediction->images == NULL)
            printf("  %10.4f  %s\n", score, name);
        else
            json_array_append_new(predictions, json_pack("{s:s, s:f}", "label", name, "score", score));
    }
    if (prediction->images == NULL)
        json_decref(predictions);
    else
        json_array_append_new(prediction->images,
                              json_pack("{s:o, s:o}", "image", json_text(path), "predictions", predictions));
}

static enum status predict_image(struct prediction *prediction, const char *path)
{
    struct shape shape;
    uint8_t *pixels;
    enum status status = image_file_read(path, &shape, &pixels);
    if (status != STATUS_OK)
        return status;
    status = score_image(prediction, shape, pixels);
    memory_free(&pixels);
    if (status != STATUS_OK)
        return error_prefix(status, "%s: ", path);
    rank_labels(prediction->scores, prediction->classifier->label_count, prediction->top, prediction->labels);
    report_image(prediction, path);
    return STATUS_OK;
}

static enum status predict_images(const struct arguments *arguments, struct classifier *classifier)
{
    struct prediction prediction = {.arguments = arguments, .classifier = classifier};
    int32_t labels = classifier->label_count;
    int32_t top = arguments->top > 0 ? arguments->top : TOP_DEFAULT;
    prediction.top = top < labels ? top : labels;
    if (arguments->json)
        prediction.images = json_array();
    enum status status = memory_allocate(&prediction.scores, (size_t)labels, sizeof(float), "scores");
    if (status == STATUS_OK)
        status = memory_allocate(&prediction.labels, (size_t)prediction.top, sizeof(int32_t), "best labels");
    for (int i = 0; i < arguments->image_count && status == STATUS_OK; i++)
        status = predict_image(&prediction, arguments->images[i]);
    if (status == STATUS_OK && arguments->json)
        json_print(json_pack("{s:s, s:o, s:O}", "kind", classifier->kind, "file",
                             json_text(arguments->classifier), "images", prediction.images));
    json_decref(prediction.images);
    classifier_run_destroy(&prediction.run);
    memory_free(&prediction.scores);
    memory_free(&prediction.labels);
    return status;
}

/* --- arrays --- */

/* (planes, area) elements to (area, planes), an image at a time: channels first to channels last. */
static void swap_elements(enum npy_type type, const void *in, size_t planes, size_t area, void *out)
{
    for (size_t plane = 0; plane < planes; plane++)
        for (size_t i = 0; i < area; i++) {
            if (type == NPY_UINT8)
                ((uint8_t *)out)[i * planes + plane] = ((const uint8_t *)in)[plane * area + i];
            else
                ((float *)out)[i * planes + plane] = ((const float *)in)[plane * area + i];
        }
}

/* Shape of the images of an array; their number is its first extent. */
static enum status array_shape(const char *path, const struct npy_array *array, struct shape *shape)
{
    const int64_t *extent = array->extent;
    for (int d = 1; d < array->rank; d++)
        if (extent[d] < 1 || extent[d] > INT32_MAX)
            return error_set(STATUS_SHAPE, "%s: dimension %d is %lld; expected 1 to %d", path, d,
                             (long long)extent[d], INT32_MAX);
    switch (array->rank) {
    case 4:
        *shape = (struct shape){(int32_t)extent[2], (int32_t)extent[3], (int32_t)extent[1]};
        return STATUS_OK;
    case 3:
        *shape = (struct shape){(int32_t)extent[1], (int32_t)extent[2], 1};
        return STATUS_OK;
    case 2:
        *shape = (struct shape){1, 1, (int32_t)extent[1]};
        return STATUS_OK;
    default:
        return error_set(STATUS_SHAPE,
                         "%s: an array of %d dimensions; expected (N, C, H, W), (N, H, W) or "
                         "(N, C)",
                         path, array->rank);
    }
}

/* What is fed and what comes out, a piece at a time. */
struct array_pass {
    const struct npy_array *array;
    struct classifier_run *run;
    struct shape in, out;
    void *images;   /* (ARRAY_PIECE, H, W, C) */
    float *outputs; /* (ARRAY_PIECE, H, W, C) of the output */
    float *result;  /* (N, C, H, W) of the output */
};
enum { ARRAY_PIECE = 16 * CLASSIFIER_CHUNK };

static enum status pass_piece(struct array_pass *pass, int64_t first, int64_t count)
{
    bool bytes = pass->array->type == NPY_UINT8;
    size_t in = shape_count(pass->in), out = shape_count(pass->out), width = bytes ? 1 : sizeof(float);
    size_t in_area = (size_t)pass->in.h * (size_t)pass->in.w,
           out_area = (size_t)pass->out.h * (size_t)pass->out.w;
    const uint8_t *from = (const uint8_t *)pass->array->data + (size_t)first * in * width;
    for (size_t i = 0; i < (size_t)count; i++)
        swap_elements(pass->array->type, from + i * in * width, (size_t)pass->in.c, in_area,
                      (uint8_t *)pass->images + i * in * width);
    enum status status = bytes ? classifier_outputs(pass->run, count, pass->images, pass->outputs)
                               : classifier_outputs_scaled(pass->run, count, pass->images, pass->outputs);
    for (size_t i = 0; status == STATUS_OK && i < (size_t)count; i++)
        swap_elements(NPY_FLOAT32, pass->outputs + i * out, out_area, (size_t)pass->out.c,
                      pass->result + ((size_t)first + i) * out);
    return status;
}

static enum status pass_array(struct array_pass *pass, int64_t count)
{
    size_t width = pass->array->type == NPY_UINT8 ? 1 : sizeof(float), total = 0;
    enum status status = STATUS_OK;
    if (!size_multiply((size_t)count, shape_count(pass->out), &total))
        return error_set(STATUS_SHAPE, "%lld outputs are more than memory holds", (long long)count);
    status = memory_allocate(&pass->result, total, sizeof(float), "outputs");
    if (status == STATUS_OK)
        status = memory_allocate(&pass->images, ARRAY_PIECE * shape_count(pass->in), width, "images");
    if (status == STATUS_OK)
        status =
            memory_allocate(&pass->outputs, ARRAY_PIECE * shape_count(pass->out), sizeof(float), "outputs");
    for (int64_t first = 0; first < count && status == STATUS_OK; first += ARRAY_PIECE)
        status = pass_piece(pass, first, count - first < ARRAY_PIECE ? count - first : ARRAY_PIECE);
    return status;
}

static enum status write_result(const struct array_pass *pass, const struct classifier *classifier,
                                const char *path, int64_t count)
{
    struct shape out = pass->out;
    const int64_t extent[NPY_RANK_MAX] = {count, out.c, out.h, out.w};
    int rank = classifier->network == NULL ? 2 : classifier->network->output_rank;
    return npy_write(path, rank, extent, pass->result);
}

static enum status predict_array(const struct arguments *arguments, struct classifier *classifier)
{
    struct npy_array array;
    struct array_pass pass = {.array = &array, .out = classifier_output_shape(classifier)};
    enum status status = npy_read(arguments->input, &array);
    if (status == STATUS_OK)
        status = array_shape(arguments->input, &array, &pass.in);
    if (status == STATUS_OK)
        status = classifier_run_create(classifier, pass.in, &pass.run, NULL);
    if (status == STATUS_OK && (status = pass_array(&pass, array.extent[0])) != STATUS_OK)
        error_prefix(status, "%s: ", arguments->input);
    if (status == STATUS_OK)
        status = write_result(&pass, classifier, arguments->output, array.extent[0]);
    classifier_run_destroy(&pass.run);
    memory_free(&pass.images);
    memory_free(&pass.outputs);
    memory_free(&pass.result);
    npy_clear(&array);
    return status;
}

static enum status predict(void *input)
{
    const struct arguments *arguments = input;
    struct classifier *classifier = NULL;
    enum status status = STATUS_OK;
    if (arguments->output != NULL) {
        status = output_file_check(arguments->output);
        if (status == STATUS_OK)
            status = output_file_check_input(arguments->output, arguments->classifier);
        if (status == STATUS_OK)
            status = output_file_check_input(arguments->output, arguments->input);
    }
    if (status == STATUS_OK)
        status = classifier_open(arguments->classifier, &classifier);
    if (status == STATUS_OK)
        status = arguments->input != NULL ? predict_array(arguments, classifier)
                                          : predict_images(arguments, classifier);
    classifier_destroy(&classifier);
    return status;
}

int command_predict(int argc, char **argv)
{
    struct arguments arguments = {0};
    job_parse(&argp_predict, argc, argv, &arguments);
    return job_run_single(predict, &arguments);
}
