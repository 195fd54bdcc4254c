/* The kinds of studies. */
#ifndef FACET_JOBS_STUDY_KINDS_H
#define FACET_JOBS_STUDY_KINDS_H

#include "jobs/study/study.h"

struct study_kind {
    const char *name, *title;
    int32_t least_networks;             /* that it needs */
    enum status (*run)(struct study *); /* collective: runs the steps, makes tables and plots */
};

/* NULL when there is none of that name. */
const struct study_kind *study_kind_find(const char *name);
/* Its place on the page of results; −1 when there is none of that name. */
int study_kind_place(const char *name);
/* Its title, or "". */
const char *study_kind_title(const char *name);

enum status study_cost(struct study *study);
enum status study_reuse(struct study *study);
enum status study_replace(struct study *study);
enum status study_carbon(struct study *study);
enum status study_pareto(struct study *study);
enum status study_subsets(struct study *study);

#endif
