#include "jobs/composition_job.h"

#include <stdio.h>
#include <string.h>

#include "compute/base/output_file.h"
#include "compute/formats/hdf5_file.h"
#include "modules/file/modules_file.h"
#include "mpi/ranks.h"

/* --- calibrating --- */

enum { KEY_CALIBRATE = 0x900, KEY_EACH };

static const struct argp_option calibrate_options[] = {
    {"calibrate", KEY_CALIBRATE, "[NAME=]FILE", 0,
     "Fit a scale and an offset for each module, on images of the dataset held back for it (every tenth of "
     "each class): give training images, never test images; several times for modules of several datasets",
     0},
    {"calibrate-each", KEY_EACH, "module|network", 0,
     "... for each module (default), or for each network: modules that are maps over one network (method "
     "activation) then keep their order among themselves, for which the network's own weights were trained. "
     "Better where the networks have seen these very images in training, so that no image is left to tell "
     "how sure a module is of others",
     0},
    {0}};

static error_t parse_calibrate(int key, char *text, struct argp_state *state)
{
    struct calibrate_arguments *arguments = state->input;
    switch (key) {
    case KEY_CALIBRATE:
        data_arguments_add(&arguments->data, state, "--calibrate", text);
        return 0;
    case KEY_EACH:
        arguments->by_network = strcmp(text, "network") == 0;
        arguments->each_given = true;
        if (!arguments->by_network && strcmp(text, "module") != 0)
            argp_error(state, "--calibrate-each: '%s' given, expected module or network", text);
        return 0;
    case ARGP_KEY_END:
        if (arguments->each_given && arguments->data.count == 0)
            argp_error(state, "--calibrate-each goes with --calibrate");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp calibrate_argp = {calibrate_options, parse_calibrate, NULL, NULL, NULL, NULL, NULL};

struct telling {
    struct console *console;
    const struct dataset_join *join;
    const char *output;
    bool speaks;
};

static void tell_adapted(void *context, const struct joined_run *run)
{
    const struct telling *telling = context;
    if (telling->speaks)
        data_arguments_tell_adapted(telling->console, telling->join, run, telling->output);
}

enum status calibrate_on_ranks(struct job *job, const struct calibrate_arguments *arguments,
                               const char *output, struct module_set **set, struct calibration_result *result)
{
    struct dataset_join *join = NULL;
    struct console console;
    struct run_progress progress = {0}; /* for the terminal alone */
    console_attach(&console, job, &progress);
    enum status status = dataset_join_open(arguments->data.texts, arguments->data.count, &join);
    if (status == STATUS_OK)
        status = data_arguments_check_output(join, output);
    status = ranks_agree(job->comm, status);
    struct telling telling = {&console, join, output, job->rank == 0};
    const struct calibrating calibrating = {.comm = job->comm,
                                            .join = join,
                                            .where = output,
                                            .by_network = arguments->by_network,
                                            .stop = job->stop,
                                            .progress = &progress,
                                            .on_run = tell_adapted,
                                            .context = &telling};
    if (status == STATUS_OK)
        status = calibrate_modules(&calibrating, set, result);
    else
        module_set_destroy(set);
    console_close(&console);
    dataset_join_destroy(&join);
    return status;
}

void calibration_print(const char *output, const struct calibration_result *result)
{
    printf("%s: calibrated on %lld held-back images: top-1 of these %.2f %%, before %.2f %%; cross-entropy "
           "%.4f, before %.4f\n",
           output, (long long)result->images, 100 * result->after.top1, 100 * result->before.top1,
           result->after.loss, result->before.loss);
}

/* --- making --- */

enum status composition_check_output(const char *output, const char *input)
{
    char kind[FACET_KIND_BYTES];
    struct error_carried carried = {STATUS_OK, ""};
    error_keep_first(&carried, output_file_check_input(output, input));
    if (carried.status != STATUS_OK && hdf5_kind(input, kind) == STATUS_OK &&
        strcmp(kind, "composition") == 0)
        return STATUS_OK;
    return error_raise(&carried);
}

/* One rank looks whether it can write: looking makes a file. */
static enum status make(const struct composition_job *composition, bool writes, struct module_set **set)
{
    enum status status = writes ? output_file_check(composition->output) : STATUS_OK;
    return status == STATUS_OK ? composition->make(composition->input, set) : status;
}

static enum status save(const struct composition_job *composition, const struct module_set *set)
{
    enum status status = composition->write != NULL
                             ? composition->write(composition->input, set)
                             : modules_file_save(set, "composition", composition->output);
    if (status == STATUS_OK)
        composition->announce(composition->input, set);
    return status;
}

static enum status work_alone(void *input)
{
    struct module_set *set = NULL;
    enum status status = make(input, true, &set);
    if (status == STATUS_OK)
        status = save(input, set);
    module_set_destroy(&set);
    return status;
}

static enum status work_on_ranks(struct job *job, void *input)
{
    const struct composition_job *composition = input;
    struct module_set *set = NULL;
    struct calibration_result result;
    enum status status = ranks_agree(job->comm, make(composition, job->rank == 0, &set));
    if (status == STATUS_OK)
        status = calibrate_on_ranks(job, composition->calibrate, composition->output, &set, &result);
    if (status == STATUS_OK && job->rank == 0)
        status = save(composition, set);
    status = ranks_agree(job->comm, status);
    if (status == STATUS_OK && job->rank == 0)
        calibration_print(composition->output, &result);
    module_set_destroy(&set);
    return status;
}

int composition_job_run(struct composition_job *composition)
{
    if (composition->calibrate->data.count == 0)
        return job_run_single(work_alone, composition);
    return job_run(composition->options, work_on_ranks, composition);
}
