/* facet import-data: images with labels into a dataset file. */
#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"
#include "compute/formats/cifar.h"
#include "compute/formats/class_names_file.h"
#include "compute/formats/dataset_file.h"
#include "compute/formats/idx.h"
#include "compute/formats/images/image_decode.h"
#include "jobs/command_line.h"
#include "jobs/commands/commands.h"
#include "jobs/job.h"
#include "mpi/import_images.h"
#include "mpi/ranks.h"

struct arguments {
    struct job_options job;
    const char *source, *class_names, *output;
    struct image_options images;
};

enum { KEY_SPLIT = 0x100, KEY_CLASS_NAMES, KEY_LIMIT, KEY_RESIZE, KEY_CHANNELS };

static const struct argp_option options[] = {
    {"split", KEY_SPLIT, "NAME", 0, "Which part of the source: train (default), test, or val", 0},
    {"output", 'o', "FILE", 0, "Dataset file to write", 0},
    {"class-names", KEY_CLASS_NAMES, "FILE", 0,
     "Names of the classes, one a line, in label order (default: the folders' names or those that come with "
     "the images, else 0, 1, …)",
     0},
    {"limit", KEY_LIMIT, "N", 0, "Take only the first N images of each class", 0},
    {"resize", KEY_RESIZE, "HxW", 0, "Bring all images to this size (bilinear)", 0},
    {"channels", KEY_CHANNELS, "N", 0, "1 (grey) or 3 (RGB); default: 3 when any image is colour, else 1", 0},
    {0}};

static void parse_resize(const struct argp_state *state, const char *text, struct image_options *images)
{
    int height = 0, width = 0, used = 0;
    if (sscanf(text, "%5dx%5d%n", &height, &width, &used) != 2 || text[used] != '\0' || height < 1 ||
        width < 1 || height > IMAGE_SIDE_MAX || width > IMAGE_SIDE_MAX)
        argp_error(state, "--resize: '%s' given, expected HEIGHTxWIDTH, as in 224x224, up to %d", text,
                   IMAGE_SIDE_MAX);
    images->resize_h = height;
    images->resize_w = width;
}

static const struct plain_option plain[] = {
    PLAIN_TEXT(ARGP_KEY_ARG, struct arguments, source, "SOURCE"),
    PLAIN_TEXT('o', struct arguments, output, "--output"),
    PLAIN_TEXT(KEY_CLASS_NAMES, struct arguments, class_names, NULL),
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->job;
        return 0;
    case KEY_SPLIT:
        if (strcmp(text, "train") != 0 && strcmp(text, "test") != 0 && strcmp(text, "val") != 0)
            argp_error(state, "--split: '%s' given, expected train, test or val", text);
        arguments->images.split = text;
        return 0;
    case KEY_LIMIT:
        arguments->images.limit = parse_integer(state, "--limit", text, 1, INT32_MAX);
        return 0;
    case KEY_RESIZE:
        parse_resize(state, text, &arguments->images);
        return 0;
    case KEY_CHANNELS:
        if (strcmp(text, "1") != 0 && strcmp(text, "3") != 0)
            argp_error(state, "--channels: '%s' given, expected 1 or 3", text);
        arguments->images.channels = text[0] - '0';
        return 0;
    default:
        return plain_options_parse(plain, sizeof plain / sizeof *plain, key, text, state);
    }
}

static const struct argp_child children[] = {{&job_argp, 0, NULL, 0}, {0}};

const struct argp argp_import_data = {
    options,
    parse_option,
    "SOURCE",
    "Read images with labels and write them as a dataset file, sorted by class.\v"
    "SOURCE is one of\n"
    "  - a folder of IDX files as MNIST and Fashion-MNIST come, plain or .gz;\n"
    "  - a folder of CIFAR-10 or CIFAR-100 binary files;\n"
    "  - a folder of PNG or JPEG files, one folder a class: CLASS/FILE, SPLIT/CLASS/FILE or "
    "NAME/SPLIT/CLASS/FILE;\n"
    "  - a .tar, .tar.gz or .zip of such a folder, which is not unpacked.\n\n"
    "  facet import-data /usr/share/datasets/fashion-mnist --split train -o train.h5\n"
    "  mpirun -n 4 facet import-data cifar10.tar --split test -o test.h5",
    children,
    NULL,
    NULL};

struct summary {
    struct shape shape;
    int64_t image_count;
    int32_t class_count;
};

/* --- sources that are read whole, by one rank --- */

typedef enum status read_split(const char *folder, const char *split, const class_name *class_names,
                               int32_t class_name_count, struct dataset **dataset);

enum source_kind { SOURCE_IDX, SOURCE_CIFAR, SOURCE_CLASS_FOLDERS };
static read_split *const readers[] = {idx_read_split, cifar_read_split, NULL};

/* Collective: what the first rank sees counts. */
static read_split *find_reader(const struct job *job, const char *source)
{
    int kind = SOURCE_CLASS_FOLDERS;
    if (idx_is_split(source, "train") || idx_is_split(source, "test"))
        kind = SOURCE_IDX;
    else if (cifar_is_folder(source))
        kind = SOURCE_CIFAR;
    MPI_Bcast(&kind, 1, MPI_INT, 0, job->comm);
    return readers[kind];
}

static enum status import_whole(const struct arguments *arguments, read_split *reader,
                                const class_name *names, int32_t name_count, struct summary *summary)
{
    const struct image_options *images = &arguments->images;
    struct dataset *dataset = NULL;
    enum status status = reader(arguments->source, images->split, names, name_count, &dataset);
    if (status == STATUS_OK && images->limit > 0)
        dataset_limit(dataset, images->limit);
    if (status == STATUS_OK) {
        struct shape shape = dataset->shape;
        if (images->resize_h > 0) {
            shape.h = images->resize_h;
            shape.w = images->resize_w;
        }
        shape.c = images->channels > 0 ? images->channels : shape.c;
        status = dataset_adapt(dataset, shape);
    }
    if (status == STATUS_OK)
        status = dataset_file_write(dataset, arguments->output);
    if (status == STATUS_OK)
        *summary = (struct summary){dataset->shape, dataset->image_count, dataset->class_count};
    dataset_destroy(&dataset);
    return status;
}

/* --- class folders, by all ranks --- */

static enum status import_folders(struct job *job, const struct arguments *arguments, const class_name *names,
                                  int32_t name_count, struct summary *summary)
{
    struct image_listing *listing;
    enum status status = import_images(job->comm, arguments->source, &arguments->images, names, name_count,
                                       arguments->output, job->stop, &listing);
    if (status != STATUS_OK)
        return status;
    if (job->rank == 0 && listing->left_out_count > 0)
        fprintf(stderr, "facet: note: %s: left out %lld files that are not PNG or JPEG by name: %s%s\n",
                arguments->source, (long long)listing->left_out_count, listing->left_out,
                listing->left_out_count > 1 ? ", …" : "");
    *summary = (struct summary){listing->shape, listing->image_count, listing->class_count};
    image_listing_destroy(&listing);
    return STATUS_OK;
}

static enum status import(struct job *job, void *input)
{
    const struct arguments *arguments = input;
    class_name *names = NULL;
    int32_t name_count = 0;
    struct summary summary = {.image_count = 0};
    read_split *reader = find_reader(job, arguments->source);
    enum status status = STATUS_OK;
    job_end_at_signals(); /* what is written has another name until it is complete */
    if (job->rank == 0)
        status = output_file_check(arguments->output);
    if (status == STATUS_OK)
        status = output_file_check_input(arguments->output, arguments->source);
    if (status == STATUS_OK)
        status = output_file_check_input(arguments->output, arguments->class_names);
    if (status == STATUS_OK && arguments->class_names != NULL)
        status = class_names_file_read(arguments->class_names, &names, &name_count);
    status = ranks_agree(job->comm, status);
    if (status == STATUS_OK && reader == NULL)
        status = import_folders(job, arguments, (const class_name *)names, name_count, &summary);
    else if (status == STATUS_OK && job->rank == 0)
        status = import_whole(arguments, reader, (const class_name *)names, name_count, &summary);
    if (status == STATUS_OK && job->rank == 0)
        printf("%s: %lld images of %d × %d × %d in %d classes\n", arguments->output,
               (long long)summary.image_count, (int)summary.shape.h, (int)summary.shape.w,
               (int)summary.shape.c, (int)summary.class_count);
    memory_free(&names);
    return status;
}

int command_import_data(int argc, char **argv)
{
    struct arguments arguments = {.images = {.split = "train"}};
    job_parse(&argp_import_data, argc, argv, &arguments);
    return job_run(&arguments.job, import, &arguments);
}
