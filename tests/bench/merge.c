/* How fast modules are merged into one file (mpi/modules_store.h), against writing as many bytes to the same
 * disk without any format: mpirun -n N merge FOLDER [MODULES [REPEATS]]. Modules are synthetic, ResNet-20
 * networks of their own; both are flushed to disk; they take turns. Prints one JSON object: medians (of the
 * ratio, that of each pair of turns), and the most memory a rank had. */
#include <errno.h>
#include <fcntl.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute/base/memory.h"
#include "compute/base/random.h"
#include "compute/network/zoo.h"
#include "mpi/modules_store.h"
#include "mpi/ranks.h"
#include "mpi/run_progress.h"

enum { PATH_BYTES = 4096, REPEATS_MAX = 99 };

struct bench {
    struct network *network; /* every module is a copy with other parameters */
    struct module_lengths lengths;
    const char *folder;
    int32_t modules;
    struct share share;
    int32_t *rows;
    char *piece; /* what the raw writing writes, again and again */
    size_t piece_bytes;
};

static void stop_on(enum status status)
{
    if (status == STATUS_OK)
        return;
    fprintf(stderr, "merge: %s\n", error_message());
    MPI_Abort(MPI_COMM_WORLD, 1);
}

static void path_of(const struct bench *bench, const char *name, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s/%s", bench->folder, name);
}

/* A module_read: module number rows[index]. */
static enum status make_module(void *context, int32_t index, struct module *module)
{
    const struct bench *bench = context;
    struct network *network = NULL;
    class_name name;
    int32_t row = bench->rows[index];
    snprintf(name, sizeof name, "class %d", (int)row);
    enum status status = network_copy(bench->network, &network);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < network->parameter_count; i += 64) /* no two alike, and quickly made */
        network->parameters[i] = random_uniform(1, (uint64_t)row, i);
    const struct module_parts parts = {.class_name = name, .class_index = row};
    status = module_from_network(network, &parts, module);
    if (status != STATUS_OK)
        network_destroy(&network);
    return status;
}

/* A module_measure: they differ in values alone. */
static enum status measure_module(void *context, int32_t index, struct module_lengths *lengths)
{
    const struct bench *bench = context;
    (void)index;
    *lengths = bench->lengths;
    return STATUS_OK;
}

/* Seconds to merge into the file. */
static double merge(struct bench *bench, const char *path)
{
    const struct modules_to_store what = {.total = bench->modules,
                                          .count = (int32_t)bench->share.count,
                                          .rows = bench->rows,
                                          .measure = measure_module,
                                          .read = make_module,
                                          .context = bench};
    MPI_Barrier(MPI_COMM_WORLD);
    double started = seconds_now();
    stop_on(modules_store_all(MPI_COMM_WORLD, path, &what));
    return seconds_now() - started;
}

/* Seconds that making the modules takes, which merging includes. */
static double make_alone(struct bench *bench)
{
    MPI_Barrier(MPI_COMM_WORLD);
    double started = seconds_now();
    for (int32_t i = 0; i < (int32_t)bench->share.count; i++) {
        struct module module;
        stop_on(make_module(bench, i, &module));
        module_clear(&module);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    return seconds_now() - started;
}

static enum status write_share(const struct bench *bench, const char *path, int64_t bytes)
{
    struct share share = share_of(bytes, ranks_count(MPI_COMM_WORLD), ranks_rank(MPI_COMM_WORLD));
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return error_set(STATUS_IO, "%s: %s", path, strerror(errno));
    enum status status = STATUS_OK;
    for (int64_t done = 0; done < share.count && status == STATUS_OK;) {
        size_t wanted = share.count - done < (int64_t)bench->piece_bytes ? (size_t)(share.count - done)
                                                                         : bench->piece_bytes;
        ssize_t written = pwrite(file, bench->piece, wanted, share.first + done);
        if (written <= 0)
            status = error_set(STATUS_IO, "%s: %s", path, strerror(errno));
        else
            done += written;
    }
    if (status == STATUS_OK && fsync(file) != 0)
        status = error_set(STATUS_IO, "%s: %s", path, strerror(errno));
    close(file);
    return status;
}

/* Seconds to write as many bytes, each rank its part, to a new file. */
static double write_raw(const struct bench *bench, const char *path, int64_t bytes)
{
    if (ranks_rank(MPI_COMM_WORLD) == 0) {
        int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (file < 0)
            stop_on(error_set(STATUS_IO, "%s: %s", path, strerror(errno)));
        close(file);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    double started = seconds_now();
    stop_on(write_share(bench, path, bytes));
    MPI_Barrier(MPI_COMM_WORLD);
    return seconds_now() - started;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values, int32_t count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

static int64_t file_bytes(const char *path)
{
    struct stat found;
    if (stat(path, &found) != 0)
        stop_on(error_set(STATUS_IO, "%s: %s", path, strerror(errno)));
    return (int64_t)found.st_size;
}

/* Processor seconds of all ranks so far; ranks that wait for one another spend some too. */
static double processor_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    MPI_Allreduce(MPI_IN_PLACE, &seconds, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    return seconds;
}

/* By turn; seconds. */
struct turns {
    double merged[REPEATS_MAX], raw[REPEATS_MAX], made[REPEATS_MAX];
    double merged_processor[REPEATS_MAX], raw_processor[REPEATS_MAX];
    double ratios[REPEATS_MAX]; /* of the bandwidths */
    int64_t bytes;              /* of the file */
};

static void take_turn(struct bench *bench, int32_t turn, struct turns *turns)
{
    char modules[PATH_BYTES], plain[PATH_BYTES];
    path_of(bench, "merge-bench.h5", modules);
    path_of(bench, "merge-bench.raw", plain);
    double start = processor_seconds();
    turns->merged[turn] = merge(bench, modules);
    turns->merged_processor[turn] = processor_seconds() - start;
    turns->bytes = file_bytes(modules);
    MPI_Barrier(MPI_COMM_WORLD);
    if (ranks_rank(MPI_COMM_WORLD) == 0)
        unlink(modules);
    start = processor_seconds();
    turns->raw[turn] = write_raw(bench, plain, turns->bytes);
    turns->raw_processor[turn] = processor_seconds() - start;
    if (ranks_rank(MPI_COMM_WORLD) == 0)
        unlink(plain);
    turns->made[turn] = make_alone(bench);
    turns->ratios[turn] = turns->raw[turn] / turns->merged[turn];
}

static void measure(struct bench *bench, int32_t repeats)
{
    struct turns turns;
    struct rusage usage;
    for (int32_t i = 0; i < repeats; i++)
        take_turn(bench, i, &turns);
    getrusage(RUSAGE_SELF, &usage);
    long memory = usage.ru_maxrss;
    MPI_Allreduce(MPI_IN_PLACE, &memory, 1, MPI_LONG, MPI_MAX, MPI_COMM_WORLD);
    double megabytes = 1e-6 * (double)turns.bytes;
    if (ranks_rank(MPI_COMM_WORLD) == 0)
        printf("{\"ranks\": %d, \"modules\": %d, \"bytes\": %lld, \"merge_mb_per_second\": %.1f, "
               "\"raw_mb_per_second\": %.1f, \"ratio\": %.3f, \"making_seconds\": %.3f, "
               "\"merge_processor_seconds\": %.3f, \"raw_processor_seconds\": %.3f, "
               "\"memory_mb_per_rank\": %.1f}\n",
               ranks_count(MPI_COMM_WORLD), (int)bench->modules, (long long)turns.bytes,
               megabytes / median(turns.merged, repeats), megabytes / median(turns.raw, repeats),
               median(turns.ratios, repeats), median(turns.made, repeats),
               median(turns.merged_processor, repeats), median(turns.raw_processor, repeats),
               1e-3 * (double)memory);
}

int main(int argc, char **argv)
{
    int provided = 0;
    struct bench bench = {.modules = argc > 2 ? atoi(argv[2]) : 1000, .piece_bytes = 32 << 20};
    int32_t repeats = argc > 3 ? atoi(argv[3]) : 3;
    const struct shape shape = {32, 32, 3};
    if (argc < 2 || bench.modules < 1 || repeats < 1 || repeats > REPEATS_MAX) {
        fprintf(stderr, "Usage: mpirun -n N merge FOLDER [MODULES [REPEATS]]\n");
        return 2;
    }
    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
    bench.folder = argv[1];
    bench.share = share_of(bench.modules, ranks_count(MPI_COMM_WORLD), ranks_rank(MPI_COMM_WORLD));
    stop_on(zoo_build("resnet20", shape, 1, SHORTCUT_DEFAULT, &bench.network));
    network_initialise(bench.network, 1);
    stop_on(memory_allocate(&bench.rows, (size_t)bench.share.count, sizeof *bench.rows, "rows"));
    stop_on(memory_allocate(&bench.piece, bench.piece_bytes, 1, "bytes to write"));
    memset(bench.piece, 0x5a, bench.piece_bytes);
    for (int64_t i = 0; i < bench.share.count; i++)
        bench.rows[i] = (int32_t)(bench.share.first + i);
    struct module module;
    stop_on(make_module(&bench, 0, &module));
    stop_on(module_lengths_of(&module, NULL, &bench.lengths));
    module_clear(&module);
    measure(&bench, repeats);
    memory_free(&bench.rows);
    memory_free(&bench.piece);
    network_destroy(&bench.network);
    MPI_Finalize();
    return 0;
}
