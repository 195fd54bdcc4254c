/* facet report: a run as a page to look at. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"
#include "jobs/command_line.h"
#include "jobs/commands/commands.h"
#include "jobs/console.h"
#include "jobs/job.h"
#include "jobs/report/sections.h"
#include "jobs/run_directory.h"
#include "mpi/ranks.h"

struct arguments {
    struct job_options job;
    const char *run, *output, *network, *modules;
    char *test;
    enum page_format format;
};

enum { KEY_FORMAT = 0x100, KEY_TEST, KEY_NETWORK, KEY_MODULES };

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "Page to write", 0},
    {"format", KEY_FORMAT, "html|md", 0,
     "html (the default): one file that needs nothing else; md: Markdown for a wiki, with its pictures in a "
     "folder beside it",
     0},
    {"test", KEY_TEST, "FILE", 0,
     "Dataset file with test images, on which network and modules are judged for the report", 0},
    {"network", KEY_NETWORK, "FILE", 0,
     "The network to judge: by default the one that was trained in RUN, or that the modules are maps over",
     0},
    {"modules", KEY_MODULES, "FILE", 0,
     "The modules or composition file to show and to judge: by default RUN/modules.h5 where there is one", 0},
    {0}};

static const struct plain_option plain[] = {
    PLAIN_TEXT(ARGP_KEY_ARG, struct arguments, run, "RUN"),
    PLAIN_TEXT('o', struct arguments, output, "--output"),
    PLAIN_TEXT(KEY_NETWORK, struct arguments, network, NULL),
    PLAIN_TEXT(KEY_MODULES, struct arguments, modules, NULL),
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->job;
        return 0;
    case KEY_FORMAT:
        if (strcmp(text, "html") != 0 && strcmp(text, "md") != 0)
            argp_error(state, "--format %s: expected html or md", text);
        arguments->format = strcmp(text, "md") == 0 ? PAGE_MARKDOWN : PAGE_HTML;
        return 0;
    case KEY_TEST:
        arguments->test = text;
        return 0;
    default:
        return plain_options_parse(plain, sizeof plain / sizeof *plain, key, text, state);
    }
}

static const struct argp_child children[] = {{&job_argp, 0, NULL, 0}, {0}};

const struct argp argp_report = {
    options,
    parse_option,
    "RUN",
    "Show a run, from what it left in its directory RUN, as a page to look at, to print or to send: what ran "
    "where, learning curves, sizes and overlap of modules, what each rank did when, energy and CO2e, tables "
    "and plots of a study, or of one of scaling; with --test also how often parent and composition are "
    "right, class by class, "
    "their confusions, and a few images.\v"
    "RUN is NET.h5.run of train, or the directory given to decompose, train-modules or study, or the folder "
    "that "
    "slurm/scaling.sbatch leaves. The page loads nothing and runs nothing. Curves are drawn by gnuplot "
    "(Debian: gnuplot-nox).\n\n"
    "  facet report lenet.h5.run --test test.h5 -o training.html\n"
    "  facet report run --test test.h5 -o report.html\n"
    "  facet report run --test test.h5 --format md -o report.md",
    children,
    NULL,
    NULL};

struct reporting {
    struct job *job;
    struct arguments *arguments;
    struct record record;    /* on rank 0 */
    char *network, *modules; /* found in RUN, or NULL */
    struct judged judged;
};

/* --- what to judge --- */

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* "lenet.h5" of "lenet.h5.run/"; NULL when RUN is called otherwise or the file is not there. */
static enum status find_network(const char *run, char **network)
{
    static const char ending[] = ".run";
    size_t length = strlen(run);
    while (length > 1 && run[length - 1] == '/')
        length--;
    if (length <= strlen(ending) || strncmp(run + length - strlen(ending), ending, strlen(ending)) != 0)
        return STATUS_OK;
    length -= strlen(ending);
    enum status status = memory_allocate(network, length + 1, 1, "path");
    if (status != STATUS_OK)
        return status;
    memcpy(*network, run, length);
    if (!is_there(*network))
        memory_free(network);
    return STATUS_OK;
}

static enum status find_files(struct reporting *reporting)
{
    struct arguments *arguments = reporting->arguments;
    enum status status = find_network(arguments->run, &reporting->network);
    if (status == STATUS_OK)
        status = run_directory_path(arguments->run, "modules.h5", &reporting->modules);
    if (status == STATUS_OK && !is_there(reporting->modules))
        memory_free(&reporting->modules);
    if (arguments->network == NULL)
        arguments->network = reporting->network;
    if (arguments->modules == NULL)
        arguments->modules = reporting->modules;
    if (status == STATUS_OK && arguments->test != NULL && arguments->network == NULL &&
        arguments->modules == NULL)
        status =
            error_set(STATUS_NOT_FOUND,
                      "%s: there is no network and no modules.h5 to judge on %s; name them with --network "
                      "or --modules",
                      arguments->run, arguments->test);
    return status;
}

static enum status look(struct reporting *reporting)
{
    const struct arguments *arguments = reporting->arguments;
    enum status status = find_files(reporting);
    if (status == STATUS_OK && reporting->job->rank == 0)
        status = output_file_check(arguments->output);
    const char *const inputs[] = {arguments->test, arguments->network, arguments->modules};
    for (size_t i = 0; status == STATUS_OK && i < sizeof inputs / sizeof *inputs; i++)
        status = output_file_check_input(arguments->output, inputs[i]);
    if (status == STATUS_OK && reporting->job->rank == 0)
        status = record_read(arguments->run, &reporting->record);
    return status;
}

/* --- writing --- */

/* A run that did not end well has made nothing: what lies there is an earlier one's, and finished work stays.
 */
static void tell_of_earlier_results(const struct reporting *reporting, struct page *page)
{
    const struct picture *events = reporting->record.events;
    const struct arguments *arguments = reporting->arguments;
    bool shows_modules = reporting->modules != NULL && arguments->modules == reporting->modules;
    bool shows_network =
        reporting->network != NULL && arguments->network == reporting->network && arguments->test != NULL;
    if (events == NULL || (events->ended && events->end.state == STATE_DONE))
        return;
    if (shows_modules || shows_network)
        page_paragraph(
            page,
            "Note: this run has not ended well; %s, of which the following tells, is what an earlier "
            "run left.",
            shows_modules ? reporting->modules : reporting->network);
}

static enum status write_sections(struct reporting *reporting, struct page *page)
{
    const struct record *record = &reporting->record;
    const struct arguments *arguments = reporting->arguments;
    bool judged = arguments->test != NULL;
    enum status status = section_run(page, record);
    if (status == STATUS_OK)
        tell_of_earlier_results(reporting, page);
    if (status == STATUS_OK)
        status = section_curves(page, record);
    if (status == STATUS_OK)
        status = section_class_curves(page, record);
    if (status == STATUS_OK && judged)
        status = section_answers(page, &reporting->judged);
    if (status == STATUS_OK && judged)
        status = section_gallery(page, &reporting->judged);
    if (status == STATUS_OK && arguments->modules != NULL)
        status = section_modules(page, arguments->modules);
    if (status == STATUS_OK)
        status = section_timeline(page, record);
    if (status == STATUS_OK)
        status = section_scaling(page, record);
    if (status == STATUS_OK)
        status = section_cost(page, record);
    if (status == STATUS_OK)
        status = section_studies(page, record);
    return status;
}

static enum status write_page(struct reporting *reporting)
{
    const struct arguments *arguments = reporting->arguments;
    struct page *page = NULL;
    char title[1024];
    snprintf(title, sizeof title, "Facet: report of %.1000s", arguments->run);
    enum status status = page_open(arguments->output, arguments->format, title, &page);
    if (status != STATUS_OK)
        return status;
    status = page_close(&page, write_sections(reporting, page));
    if (status == STATUS_OK)
        printf("%s: report of %s\n", arguments->output, arguments->run);
    return status;
}

static enum status report_on_ranks(struct job *job, void *input)
{
    struct reporting reporting = {.job = job, .arguments = input};
    struct console console;
    struct run_progress progress = {0};
    console_open(&console, job->progress_line);
    if (job->rank == 0) {
        progress.show = console_show;
        progress.show_context = &console;
    }
    enum status status = ranks_agree(job->comm, look(&reporting));
    if (status == STATUS_OK && reporting.arguments->test != NULL)
        status = judged_make(job, reporting.arguments->test, reporting.arguments->network,
                             reporting.arguments->modules, &progress, &reporting.judged);
    console_close(&console);
    if (status == STATUS_OK)
        status = ranks_agree(job->comm, job->rank == 0 ? write_page(&reporting) : STATUS_OK);
    judged_clear(&reporting.judged);
    record_clear(&reporting.record);
    memory_free(&reporting.network);
    memory_free(&reporting.modules);
    return status;
}

int command_report(int argc, char **argv)
{
    struct arguments arguments = {0};
    job_parse(&argp_report, argc, argv, &arguments);
    return job_run(&arguments.job, report_on_ranks, &arguments);
}
