#include "mpi/classes/class_run_merge.h"

#include <string.h>

#include "compute/base/memory.h"
#include "modules/file/modules_file.h"
#include "mpi/modules_store.h"
#include "mpi/ranks.h"

/* --- one part --- */

/* A set of the one module and of what it stands on; both stay the caller's. */
enum status class_module_write(const struct class_work *work, const char *path, const struct module *module)
{
    struct module alone = *module;
    struct network *parents[1] = {NULL};
    struct module_set set = {.parents = parents, .module_count = 1, .modules = &alone};
    if (module->parent >= work->parent_count)
        return error_set(STATUS_INTERNAL, "the module of class %s stands on parent %d of %d",
                         module->class_name, (int)module->parent, (int)work->parent_count);
    if (module->parent >= 0) {
        parents[0] = (struct network *)work->parents[module->parent]; /* only read */
        set.parent_count = 1;
        alone.parent = 0;
    }
    return modules_file_save(&set, "modules", path);
}

/* Which of work->parents the part's is: the same by digest. */
static enum status find_parent(const struct class_work *work, const char *path, const struct network *parent,
                               int32_t *index)
{
    uint8_t wanted[DIGEST_BYTES], digest[DIGEST_BYTES];
    network_digest(parent, wanted);
    for (*index = 0; *index < work->parent_count; ++*index) {
        network_digest(work->parents[*index], digest);
        if (memcmp(digest, wanted, DIGEST_BYTES) == 0)
            return STATUS_OK;
    }
    return error_set(STATUS_MISMATCH,
                     "%s: stands on another network than this run's; start afresh without --resume", path);
}

/* Takes the module out of a set of one. */
static enum status take_module(const struct class_work *work, const char *path, struct module_set *set,
                               struct module *module)
{
    int32_t parent = -1;
    enum status status = STATUS_OK;
    if (set->module_count != 1)
        return error_set(STATUS_FORMAT, "%s: has %d modules, expected the one of its class", path,
                         (int)set->module_count);
    if ((set->modules[0].parent >= 0) != (work->parent_count > 0))
        return error_set(STATUS_MISMATCH,
                         "%s: its module stands on %s, this run's on %s; start afresh without --resume", path,
                         set->modules[0].parent >= 0 ? "another network" : "none",
                         work->parent_count > 0 ? "one" : "none");
    if (set->modules[0].parent >= 0)
        status = find_parent(work, path, set->parents[set->modules[0].parent], &parent);
    if (status != STATUS_OK)
        return status;
    *module = set->modules[0];
    module->parent = parent;
    memset(&set->modules[0], 0, sizeof set->modules[0]);
    return STATUS_OK;
}

/* Whoever made the part, it is read back: what is merged is what is on disk. */
static enum status read_module(const struct class_work *work, int32_t row, struct module *module)
{
    struct module_set *set = NULL;
    char *path = NULL;
    enum status status = class_run_part_path(work, row, &path);
    if (status == STATUS_OK)
        status = modules_file_load(path, "modules", &set);
    if (status == STATUS_OK)
        status = take_module(work, path, set, module);
    module_set_destroy(&set);
    memory_free(&path);
    return status;
}

/* --- all parts --- */

/* This rank's share of the rows. */
struct merging {
    const struct class_work *work;
    const int32_t *rows;
};

/* A module_measure. */
static enum status measure_share(void *context, int32_t index, struct module_lengths *lengths)
{
    const struct merging *merging = context;
    char *path = NULL;
    enum status status = class_run_part_path(merging->work, merging->rows[index], &path);
    if (status == STATUS_OK)
        status = modules_file_lengths(path, lengths);
    memory_free(&path);
    return status;
}

/* A module_read. */
static enum status read_share(void *context, int32_t index, struct module *module)
{
    const struct merging *merging = context;
    return read_module(merging->work, merging->rows[index], module);
}

enum status class_run_merge(const struct class_work *work)
{
    struct share share = share_of(work->class_count, ranks_count(work->comm), ranks_rank(work->comm));
    int32_t *rows = NULL;
    enum status status =
        ranks_agree(work->comm, memory_allocate(&rows, (size_t)share.count, sizeof *rows, "rows to merge"));
    if (status != STATUS_OK) {
        memory_free(&rows);
        return status;
    }
    for (int64_t i = 0; i < share.count; i++)
        rows[i] = (int32_t)(share.first + i);
    struct merging merging = {work, rows};
    const struct modules_to_store what = {.parents = work->parents,
                                          .parent_count = work->parent_count,
                                          .total = work->class_count,
                                          .count = (int32_t)share.count,
                                          .rows = rows,
                                          .measure = measure_share,
                                          .read = read_share,
                                          .context = &merging};
    status = modules_store_all(work->comm, work->output_path, &what);
    memory_free(&rows);
    return status;
}
