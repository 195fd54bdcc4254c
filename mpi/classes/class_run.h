/* Work that goes class by class, over ranks: whatever makes one module a class (distilling, training from
 * scratch) runs through here and gets the queue, groups of ranks, finished parts, resuming, stopping,
 * progress and the collective merge.
 *
 * Classes are drawn longest first by groups of ranks. A finished class is a part in RUN/parts
 * (mpi/classes/parts.h), a modules file of its one module; when all are there they are merged into one
 * modules file. The file is the same bytes for any number of ranks and groups, interrupted or not, provided
 * that the module of a class is a function of the class and of what the records say. A rank holds one module
 * at a time, and while merging those of a few rows. */
#ifndef FACET_MPI_CLASSES_CLASS_RUN_H
#define FACET_MPI_CLASSES_CLASS_RUN_H

#include <mpi.h>
#include <signal.h>
#include <stdbool.h>

#include "modules/module_set.h"
#include "mpi/option_records.h"
#include "mpi/run_progress.h"

/* One class, as the ranks of one group get it. */
struct class_task {
    MPI_Comm group;           /* the ranks that share the class, maybe one */
    int32_t class_index, row; /* the class, and its number in progress and in the merged file */
    /* Where a long class may keep its own checkpoint (a file of the maker's kind, beside and renamed, by the
     * group's rank 0; nothing else reads it), every checkpoint_seconds. What lies there at the start is of
     * the same options, or makes its reader refuse; it is removed when the class is finished. */
    const char *checkpoint_path;
    double checkpoint_seconds;
    const volatile sig_atomic_t *stop; /* look at it at least every few seconds; see class_make */
    struct run_progress *progress;
};

/* Makes the module of a class, together on all ranks of task->group. Every rank of the group returns the same
 * status (ranks_agree). The module is the one of the group's rank 0, whose `parent` indexes work->parents
 * (−1: takes images); it is overwritten and then belongs to class_run, which also clears what other ranks
 * left in theirs; a failure leaves nothing. STATUS_STOPPED when *task->stop was seen, which ranks of a group
 * see at different times: agree on it. */
typedef enum status class_make(void *context, const struct class_task *task, struct module *module);

struct class_work {
    MPI_Comm comm;
    const char *run_directory; /* is there; parts go to RUN/parts */
    const char *output_path;   /* RUN/modules.h5: the merged modules file, beside and renamed */
    /* All that a module is a function of, but for its class: options, seed, digests of network and data. Not
     * which classes are asked for. The same on all ranks. */
    const struct option_records *records;
    const struct network *const *parents; /* that modules stand on (module_set.parents); may be none */
    int32_t parent_count;
    const int32_t *classes; /* ascending: the modules to make; row i of the file is classes[i] */
    int32_t class_count;
    const class_name *class_names; /* (class_count): of classes[i] */
    const int32_t *numbers;  /* (class_count) of the classes in progress, −1: not told; NULL: their rows */
    const double *costs;     /* (class_count) predicted, in any unit; NULL: all equal */
    int32_t ranks_per_class; /* 0: auto (class_schedule.h) */
    bool resume;             /* believe whole parts that are there; else they are removed */
    bool keep_parts;         /* leave them after the merge */
    double checkpoint_seconds;
    const volatile sig_atomic_t *stop;
    struct run_progress *progress; /* may be NULL */
    /* Called on rank 0 with a line for people; may be NULL. */
    void (*note)(void *context, const char *line);
    void *note_context;
    class_make *make;
    void *context;
};

/* What came of it, the same on every rank. */
struct class_run_result {
    int32_t made, resumed; /* classes: made now, found whole */
    int32_t groups;        /* that shared the work; 0 when there was none left */
};

/* Collective over work->comm; needs MPI_THREAD_MULTIPLE. After a failure or a stop every finished part is on
 * disk. STATUS_STOPPED after a stop, STATUS_MISMATCH when resuming finds parts of other options (nothing is
 * removed), and whatever `make` returns. */
enum status class_run(const struct class_work *work, struct class_run_result *result);

/* The first half of class_run, for parts that are not modules: of `work` it uses neither output_path,
 * parents, make nor context. The group's rank 0 writes the part's content, a file of any kind, to part_path;
 * class_run then seals it. All ranks of the group return the same status. */
typedef enum status class_part_make(void *context, const struct class_task *task, const char *part_path);

/* Collective. After STATUS_OK the parts of all classes are there, whole; read them at class_run_part_path. */
enum status class_run_parts(const struct class_work *work, class_part_make *make, void *context,
                            struct class_run_result *result);

/* Collective; before a run, which would find out late. With work->resume: STATUS_MISMATCH when there are
 * parts, or checkpoints within classes, of other options; nothing is changed. Of `work` it uses comm,
 * run_directory, records, classes and resume. */
enum status class_run_check(const struct class_work *work);

/* Where the part of classes[row] is; the caller releases it with memory_free. */
enum status class_run_part_path(const struct class_work *work, int32_t row, char **path);

/* Collective; the second half of what class_run does at its end: the parts have been used, and go unless
 * work->keep_parts. */
enum status class_run_parts_drop(const struct class_work *work);

#endif
