#include "mpi/class_run_merge.h"

#include <string.h>

#include "compute/base/memory.h"
#include "modules/modules_file.h"
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
        parents[0] = (struct network *)(uintptr_t)work->parents[module->parent]; /* only read */
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

enum status class_run_merge(const struct class_work *work)
{
    struct share share = share_of(work->class_count, ranks_count(work->comm), ranks_rank(work->comm));
    size_t count = (size_t)share.count;
    struct module *modules = NULL;
    int32_t *rows = NULL;
    enum status status = memory_allocate(&modules, count, sizeof *modules, "modules to merge");
    if (status == STATUS_OK)
        status = memory_allocate(&rows, count, sizeof *rows, "rows to merge");
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        rows[i] = (int32_t)(share.first + (int64_t)i);
        status = read_module(work, rows[i], &modules[i]);
    }
    status = ranks_agree(work->comm, status);
    if (status == STATUS_OK)
        status = modules_store(work->comm, work->output_path, work->parents[0], work->class_count, modules,
                               rows, (int32_t)count);
    for (size_t i = 0; modules != NULL && i < count; i++)
        module_clear(&modules[i]);
    memory_free(&modules);
    memory_free(&rows);
    return status;
}
