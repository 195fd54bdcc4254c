#include "jobs/job.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <math.h>
#include <omp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compute/base/digest.h"
#include "compute/formats/convolution_plan_file.h"
#include "mpi/energy/energy.h"
#include "mpi/ranks.h"

/* --- parsing --- */

int job_launched_rank(void)
{
    const char *names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = getenv(names[i]);
        if (text != NULL && *text != '\0')
            return atoi(text);
    }
    return 0;
}

/* Of the command line, as this rank was given it. */
static uint8_t arguments_digest[DIGEST_BYTES];

static void note_arguments(int argc, char **argv)
{
    struct digest_state state;
    digest_begin(&state);
    for (int i = 0; i < argc; i++)
        digest_add(&state, argv[i], strlen(argv[i]) + 1);
    digest_end(&state, arguments_digest);
}

/* argp prints and exits by itself, on every rank: all but the first do so into nothing. */
static void silence(void)
{
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere < 0)
        return;
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    close(nowhere);
}

void job_parse(const struct argp *argp, int argc, char **argv, void *input)
{
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    note_arguments(argc, argv);
    argp_err_exit_status = EXIT_CODE_USAGE;
    if (job_launched_rank() != 0)
        silence();
    argp_parse(argp, argc, argv, 0, NULL, input);
    fflush(NULL);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
}

int64_t parse_integer(const struct argp_state *state, const char *option, const char *text, int64_t least,
                      int64_t most)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < least || value > most)
        argp_error(state, "%s: '%s' given, expected a whole number from %lld to %lld", option, text,
                   (long long)least, (long long)most);
    return value;
}

float parse_number(const struct argp_state *state, const char *option, const char *text, float least,
                   float most)
{
    char *end = NULL;
    errno = 0;
    float value = strtof(text, &end);
    if (end == text || *end != '\0' || !isfinite(value) || value < least || value > most)
        argp_error(state, "%s: '%s' given, expected a number from %g to %g", option, text, (double)least,
                   (double)most);
    return value;
}

const char *parsed_name(const struct argp_option *options, int key)
{
    for (; options->name != NULL || options->doc != NULL; options++)
        if (options->name != NULL && options->key == key)
            return options->name;
    return NULL;
}

void parse_require(const struct argp_state *state, const char *option, const void *value)
{
    if (value == NULL)
        argp_error(state, "%s is missing", option);
}

enum { KEY_THREADS = 0x1001, KEY_PROGRESS, KEY_BIND, KEY_CONV, KEY_CONV_PLAN, KEY_GRID_INTENSITY, KEY_PUE };

static error_t parse_job_option(int key, char *text, struct argp_state *state)
{
    struct job_options *options = state->input;
    switch (key) {
    case KEY_THREADS:
        options->threads = (int32_t)parse_integer(state, "--threads", text, 1, 1024);
        return 0;
    case KEY_PROGRESS:
        if (strcmp(text, "auto") != 0 && strcmp(text, "always") != 0 && strcmp(text, "never") != 0)
            argp_error(state, "--progress: '%s' given, expected auto, always or never", text);
        options->progress = text;
        return 0;
    case KEY_BIND:
        options->bind = text;
        return 0;
    case KEY_CONV:
        options->conv = convolution_way_named(text);
        if (options->conv == CONVOLUTION_WAY_COUNT)
            argp_error(state, "--conv: '%s' given, expected auto, im2col, direct, winograd2 or winograd4",
                       text);
        return 0;
    case KEY_CONV_PLAN:
        options->conv_plan = text;
        return 0;
    case KEY_GRID_INTENSITY:
        options->grid_intensity = parse_number(state, "--grid-intensity", text, 1e-3F, 1e5F);
        return 0;
    case KEY_PUE:
        options->pue = parse_number(state, "--pue", text, 1, 100);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option job_argp_options[] = {
    {0, 0, 0, 0, "Running on ranks:", 8},
    {"threads", KEY_THREADS, "N", 0,
     "Threads a rank (default: OMP_NUM_THREADS, else the processors it is bound to)", 8},
    {"progress", KEY_PROGRESS, "WHEN", 0,
     "Progress line on standard error: auto (in a terminal), always, never", 8},
    {"bind", KEY_BIND, "ADDRESS", 0,
     "Where there is a run directory: address or interface that facet-monitor connects to (default: outside "
     "a batch job, loopback "
     "on one node, else the first node's own)",
     8},
    {"conv", KEY_CONV, "WAY", 0,
     "One way for all convolutions it applies to: auto (default: the best by shape), im2col, direct, "
     "winograd2 or winograd4; results agree to rounding, not to the last bit",
     8},
    {"conv-plan", KEY_CONV_PLAN, "FILE", 0, "Ways by shape, as facet bench --tune FILE measured them", 8},
    {"grid-intensity", KEY_GRID_INTENSITY, "G", 0,
     "Grams of CO2e a kWh where this runs (default 432.7: 0.954 lb, Strubell et al. 2019)", 8},
    {"pue", KEY_PUE, "P", 0, "What the data centre draws for each kWh of its machines (default 1.58)", 8},
    {0}};

const struct argp job_argp = {job_argp_options, parse_job_option, NULL, NULL, NULL, NULL, NULL};

/* --- running --- */

static int exit_code(enum status status)
{
    switch (status) {
    case STATUS_OK:
        return EXIT_CODE_OK;
    case STATUS_USAGE:
        return EXIT_CODE_USAGE;
    case STATUS_STOPPED:
        return EXIT_CODE_STOPPED;
    default:
        return EXIT_CODE_ERROR;
    }
}

/* What was printed must have arrived: a full disk behind stdout is a failure too. */
static enum status flush_output(enum status status)
{
    if (fflush(stdout) != 0 && status == STATUS_OK)
        return error_set(STATUS_IO, "standard output: %s; make room, or send it elsewhere", strerror(errno));
    return status;
}

static void print_error(enum status status)
{
    if (status != STATUS_OK)
        fprintf(stderr, "facet: %s\n", error_message());
}

/* The job that a subcommand runs inside of, and what became of it. */
static struct {
    struct job *job; /* NULL: it runs by itself */
    enum status status;
} outer;

enum status job_run_inside(struct job *job, int (*command)(int argc, char **argv), int argc, char **argv)
{
    outer.job = job;
    outer.status = STATUS_OK;
    command(argc, argv);
    outer.job = NULL;
    return outer.status;
}

int job_run_single(enum status (*work)(void *input), void *input)
{
    if (outer.job != NULL) {
        enum status inside = outer.job->rank == 0 ? flush_output(work(input)) : STATUS_OK;
        outer.status = ranks_agree(outer.job->comm, inside);
        return exit_code(outer.status);
    }
    if (job_launched_rank() != 0)
        return EXIT_CODE_OK;
    enum status status = flush_output(work(input));
    print_error(status);
    return exit_code(status);
}

static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int signal_number)
{
    (void)signal_number;
    stop_asked = 1;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = ask_to_stop, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
}

void job_end_at_signals(void)
{
    if (outer.job != NULL)
        return;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGUSR1, SIG_DFL);
}

/* Collective over a node's ranks. Those bound to the same processors (a socket, or all when nothing is bound)
 * share them equally. */
static int default_threads(MPI_Comm node)
{
    cpu_set_t own;
    int sharing = 1;
    CPU_ZERO(&own);
    sched_getaffinity(0, sizeof own, &own);
    for (int r = 0; r < ranks_count(node); r++) {
        cpu_set_t theirs = own;
        MPI_Bcast(&theirs, (int)sizeof theirs, MPI_BYTE, r, node);
        sharing += r != ranks_rank(node) && CPU_EQUAL(&own, &theirs);
    }
    int threads = CPU_COUNT(&own) / sharing;
    return threads > 1 ? threads : 1;
}

static void set_threads(struct job *job, const struct job_options *options)
{
    MPI_Comm node;
    int online = (int)sysconf(_SC_NPROCESSORS_ONLN), used = 0;
    MPI_Comm_split_type(job->comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    int shared_out = default_threads(node);
    if (options->threads > 0)
        job->threads = options->threads;
    else if (getenv("OMP_NUM_THREADS") != NULL)
        job->threads = omp_get_max_threads();
    else
        job->threads = shared_out;
    omp_set_num_threads(job->threads);
    MPI_Allreduce(&job->threads, &used, 1, MPI_INT, MPI_SUM, node);
    MPI_Comm_free(&node);
    if (job->rank == 0 && used < online && options->threads == 0 && getenv("OMP_NUM_THREADS") == NULL)
        fprintf(stderr,
                "facet: note: this node has %d processors, its ranks use %d: the launcher bound them so; to "
                "use all, "
                "give mpirun --bind-to none or --map-by slot:PE=N, or srun --cpus-per-task=N\n",
                online, used);
}

/* Collective. Ranks that do different work (several program segments of one launch, a script that gives each
 * its own options) would wait for one another for ever. */
static enum status agree_on_arguments(const struct job *job)
{
    uint8_t first[DIGEST_BYTES];
    memcpy(first, arguments_digest, sizeof first);
    MPI_Bcast(first, (int)sizeof first, MPI_BYTE, 0, job->comm);
    enum status status = STATUS_OK;
    if (memcmp(first, arguments_digest, sizeof first) != 0)
        status =
            error_set(STATUS_USAGE, "other arguments than the first rank's; all ranks of a job are given the "
                                    "same command line, and jobs of their own are launched one by one");
    return ranks_agree(job->comm, status);
}

/* A launcher that does not speak the MPI library's language starts ranks that never find one another, each of
 * which would do all of the work and write the same files. srun without --mpi=pmix does that, and so does
 * another MPI's mpiexec. */
static enum status check_company(const struct job *job)
{
    const char *const counts[] = {"SLURM_STEP_NUM_TASKS", "PMI_SIZE"};
    if (job->rank_count > 1 || getenv("OMPI_COMM_WORLD_SIZE") != NULL)
        return STATUS_OK;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        const char *text = getenv(counts[i]);
        if (text != NULL && atoi(text) > 1)
            return error_set(
                STATUS_USAGE,
                "%s tells of %s tasks, but MPI of one rank: they did not find one another; start "
                "them with srun --mpi=pmix (srun --mpi=list shows what there is) or mpirun",
                counts[i], text);
    }
    return STATUS_OK;
}

/* Collective: all ranks convolve alike, or their results would differ. */
static enum status set_convolutions(struct job *job, const struct job_options *options,
                                    struct convolution_plan_file *plan)
{
    char hex[DIGEST_HEX_BYTES];
    enum status status = STATUS_OK;
    convolution_force(options->conv);
    snprintf(job->convolutions, sizeof job->convolutions, "%s", convolution_way_name(options->conv));
    if (options->conv_plan == NULL)
        return STATUS_OK;
    if (options->conv != CONVOLUTION_AUTO)
        status = error_set(STATUS_USAGE, "--conv %s and --conv-plan %s contradict each other; give one",
                           convolution_way_name(options->conv), options->conv_plan);
    if (status == STATUS_OK)
        status = convolution_plan_file_read(options->conv_plan, plan);
    status = ranks_agree(job->comm, status);
    if (status != STATUS_OK)
        return status;
    uint8_t first[DIGEST_BYTES];
    memcpy(first, plan->digest, sizeof first);
    MPI_Bcast(first, (int)sizeof first, MPI_BYTE, 0, job->comm);
    if (memcmp(first, plan->digest, sizeof first) != 0)
        status =
            error_set(STATUS_MISMATCH,
                      "--conv-plan %s: not the same file as the first rank's; give one that all nodes see",
                      options->conv_plan);
    convolution_use_plan(plan->entries, plan->count);
    digest_to_hex(plan->digest, hex);
    snprintf(job->convolutions, sizeof job->convolutions, "plan %s", hex);
    return ranks_agree(job->comm, status);
}

/* Ends MPI and returns; but not with an HDF5 file left open by a failed write on any rank: MPI_Finalize would
 * have HDF5 close it, collectively, and hang or crash where that cannot be written. The process then ends
 * here. */
static void end_mpi(MPI_Comm comm, int code)
{
    int left_open = H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_FILE) > 0;
    MPI_Allreduce(MPI_IN_PLACE, &left_open, 1, MPI_INT, MPI_MAX, comm);
    if (left_open) {
        fflush(NULL);
        MPI_Barrier(comm); /* nobody dies before the error is told */
        _exit(code);
    }
    MPI_Finalize();
}

/* Collective. */
static enum status open_energy(const struct job *job, const struct job_options *options)
{
    const char *tree = getenv("FACET_POWERCAP");
    struct energy_settings settings = energy_settings_default();
    if (options->grid_intensity > 0)
        settings.grid_intensity = (double)options->grid_intensity;
    if (options->pue > 0)
        settings.pue = (double)options->pue;
    if (tree != NULL && *tree != '\0')
        settings.powercap = tree;
    return energy_open(job->comm, &settings);
}

/* What all that runs in this process shares, a command that runs inside another cannot have for itself. */
static enum status check_inside(const struct job_options *options)
{
    const char *name = options->conv != CONVOLUTION_AUTO ? "--conv"
                       : options->conv_plan != NULL      ? "--conv-plan"
                       : options->grid_intensity > 0     ? "--grid-intensity"
                       : options->pue > 0                ? "--pue"
                                                         : NULL;
    return name == NULL
               ? STATUS_OK
               : error_set(STATUS_USAGE,
                           "%s is given to a command that runs inside another; give it to the other", name);
}

static enum status work_inside(const struct job_options *options,
                               enum status (*work)(struct job *job, void *input), void *input)
{
    struct job job = *outer.job;
    enum status status = check_inside(options);
    if (options->threads > 0)
        job.threads = options->threads;
    omp_set_num_threads(job.threads);
    if (status == STATUS_OK)
        status = flush_output(work(&job, input));
    omp_set_num_threads(outer.job->threads);
    outer.status = ranks_agree(job.comm, status);
    return outer.status;
}

int job_run(const struct job_options *options, enum status (*work)(struct job *job, void *input), void *input)
{
    if (outer.job != NULL)
        return exit_code(work_inside(options, work, input));
    struct job job = {.comm = MPI_COMM_WORLD, .stop = &stop_asked};
    int provided = 0;
    bool speaks = job_launched_rank() == 0; /* MPI changes the environment of a rank that is alone */
    catch_signals();                        /* before MPI starts, which takes a while */
    MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &provided);
    job.rank = ranks_rank(job.comm);
    job.rank_count = ranks_count(job.comm);
    set_threads(&job, options);
    const char *progress = options->progress != NULL ? options->progress : "auto";
    job.progress_line = job.rank == 0 && (strcmp(progress, "always") == 0 ||
                                          (strcmp(progress, "auto") == 0 && isatty(STDERR_FILENO)));
    struct convolution_plan_file plan = {0};
    enum status status = check_company(&job);
    if (status == STATUS_OK)
        status = agree_on_arguments(&job);
    if (status == STATUS_OK)
        status = set_convolutions(&job, options, &plan);
    if (status == STATUS_OK)
        status = open_energy(&job, options);
    if (status == STATUS_OK)
        status = ranks_agree(job.comm, flush_output(work(&job, input)));
    if (job.rank == 0 && speaks)
        print_error(status);
    convolution_use_plan(NULL, 0);
    convolution_plan_file_clear(&plan);
    energy_close();
    end_mpi(job.comm, exit_code(status));
    return exit_code(status);
}
