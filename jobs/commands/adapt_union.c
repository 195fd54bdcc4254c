#include "jobs/commands/adapt_union.h"

#include <stdio.h>

#include "compute/base/output_file.h"
#include "compute/formats/network_file.h"
#include "jobs/console.h"
#include "jobs/json_output.h"
#include "mpi/adapt/adapt_network.h"
#include "mpi/ranks.h"

enum { KEY_PARENT = 0x800, KEY_BUDGET, KEY_TEMPERATURE, KEY_POOL };

static const struct argp_option options[] = {
    {0, 0, 0, 0, "A union (facet compose --plan union):", 3},
    {"parent", KEY_PARENT, "NETWORK", 0,
     "Network file that the union was cut out of. All of the union is tuned to say of its classes what this "
     "network says when it chooses among them alone; labels are not used",
     3},
    {"budget", KEY_BUDGET, "F", 0,
     "Multiply-adds that the union may take, as a fraction of that network's: in the first half of the steps "
     "the channels that matter least to its classes are cut away until it does (default 1)",
     3},
    {"temperature", KEY_TEMPERATURE, "T", 0, "Of the probabilities to be learned (default 4)", 3},
    {"pool", KEY_POOL, "N", 0, "Augmented images that are learned from, kept in memory (default 8192)", 3},
    {0}};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct union_arguments *arguments = state->input;
    const char *name = parsed_name(options, key);
    arguments->given = name != NULL ? name : arguments->given;
    switch (key) {
    case KEY_PARENT:
        arguments->parent = text;
        return 0;
    case KEY_BUDGET:
        arguments->budget = parse_number(state, "--budget", text, 1e-6F, 1);
        return 0;
    case KEY_TEMPERATURE:
        arguments->temperature = parse_number(state, "--temperature", text, 0.125F, 100);
        return 0;
    case KEY_POOL:
        arguments->pool_images = parse_integer(state, "--pool", text, 1, INT32_MAX);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp union_argp = {options, parse_option, NULL, NULL, NULL, NULL, NULL};

struct union_arguments union_arguments_default(void)
{
    return (struct union_arguments){.budget = 1, .temperature = 4, .pool_images = 8192};
}

/* What a run holds on one rank. */
struct union_run {
    const struct union_adapting *job;
    struct network *network, *parent;
    struct dataset_join *join;
    struct network_adapted result;
};

static enum status load(struct union_run *run, bool writes)
{
    const struct union_adapting *job = run->job;
    enum status status = writes ? output_file_check(job->output) : STATUS_OK;
    if (status == STATUS_OK)
        status = output_file_check_input(job->output, job->network);
    if (status == STATUS_OK)
        status = output_file_check_input(job->output, job->arguments->parent);
    if (status == STATUS_OK)
        status = network_file_read(job->network, &run->network);
    if (status == STATUS_OK)
        status = network_file_read(job->arguments->parent, &run->parent);
    if (status == STATUS_OK)
        status = dataset_join_open(job->data->texts, job->data->count, &run->join);
    if (status == STATUS_OK)
        status = data_arguments_check_output(run->join, job->output);
    if (status == STATUS_OK)
        status = dataset_join_load(run->join);
    return status;
}

static void report(const struct union_run *run, const struct energy_cost *cost)
{
    const struct union_adapting *job = run->job;
    const struct network_adapted *result = &run->result;
    uint64_t multiply_adds = network_multiply_adds(run->network);
    if (job->json) {
        json_t *object =
            json_pack("{s:s, s:o, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f}", "kind", "network", "file",
                      json_text(job->output), "multiply_adds", (json_int_t)multiply_adds, "steps",
                      (json_int_t)job->steps, "held_back_images", (json_int_t)result->held_images,
                      "parent_held_back_top1", result->parent_top1, "held_back_top1_before",
                      result->before_top1, "held_back_loss_before", result->before_loss, "held_back_top1",
                      result->after_top1, "held_back_loss", result->after_loss);
        json_add_cost(object, cost);
        json_print(object);
        return;
    }
    printf(
        "%s: adapted in %lld steps, %.1f s, %.2f times the parent's multiply-adds; top-1 of %lld held-back "
        "images %.2f %%, before %.2f %%, of the parent among these classes %.2f %%\n",
        job->output, (long long)job->steps, cost->seconds,
        (double)multiply_adds / (double)network_multiply_adds(run->parent), (long long)result->held_images,
        100 * result->after_top1, 100 * result->before_top1, 100 * result->parent_top1);
}

enum status adapt_union_on_ranks(struct job *job, const struct union_adapting *adapting)
{
    struct union_run run = {.job = adapting};
    struct run_progress progress = {0}; /* for the terminal alone */
    struct console console;
    struct energy_meter meter;
    energy_start(&meter);
    console_attach(&console, job, &progress);
    enum status status = ranks_agree(job->comm, load(&run, job->rank == 0));
    if (status == STATUS_OK) {
        uint64_t whole = network_multiply_adds(run.parent);
        const struct network_adapting work = {.comm = job->comm,
                                              .parent = run.parent,
                                              .dataset = run.join->sets[0].dataset,
                                              .dataset_path = adapting->data->texts[0],
                                              .where = adapting->network,
                                              .options = adapting->train,
                                              .steps = adapting->steps,
                                              .temperature = adapting->arguments->temperature,
                                              .multiply_adds =
                                                  (uint64_t)(adapting->arguments->budget * (double)whole),
                                              .pool_images = adapting->arguments->pool_images,
                                              .stop = job->stop,
                                              .progress = &progress};
        status = adapt_network(&work, &run.network, &run.result);
    }
    console_close(&console);
    if (status == STATUS_OK && job->rank == 0)
        status = network_file_write(run.network, adapting->output);
    status = ranks_agree(job->comm, status);
    if (status == STATUS_OK) {
        struct energy_cost cost = energy_read(job->comm, &meter);
        if (job->rank == 0)
            report(&run, &cost);
    }
    network_destroy(&run.network);
    network_destroy(&run.parent);
    dataset_join_destroy(&run.join);
    return status;
}
