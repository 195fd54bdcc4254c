#include "mpi/classes/class_run.h"

#include <string.h>

#include "mpi/classes/class_run_merge.h"
#include "mpi/ranks.h"

/* The group's rank 0 writes what was made; the group agrees. */
static enum status make_module_part(void *context, const struct class_task *task, const char *part_path)
{
    const struct class_work *work = context;
    struct module module;
    memset(&module, 0, sizeof module);
    enum status status = work->make(work->context, task, &module);
    if (status == STATUS_OK)
        status = ranks_agree(task->group, ranks_rank(task->group) == 0
                                              ? class_module_write(work, part_path, &module)
                                              : STATUS_OK);
    module_clear(&module);
    return status;
}

enum status class_run(const struct class_work *work, struct class_run_result *result)
{
    struct class_work parts = *work;
    enum status status = class_run_parts(&parts, make_module_part, &parts, result);
    if (status == STATUS_OK)
        status = class_run_merge(work);
    if (status == STATUS_OK)
        status = class_run_parts_drop(work);
    return status;
}
