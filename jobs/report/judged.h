/* What parent and composition say of test images: how often they are right, and a few images to look at. */
#ifndef FACET_JOBS_REPORT_JUDGED_H
#define FACET_JOBS_REPORT_JUDGED_H

#include "compute/formats/dataset_join.h"
#include "jobs/job.h"
#include "modules/judgement.h"
#include "mpi/run_progress.h"

struct judged_image {
    struct joined_class truth;
    int64_t place;                       /* in its class */
    class_name parent_says, modules_say; /* "": not asked, or it does not know the class */
    bool parent_right, modules_right;
};

struct judged_one {
    const char *name;  /* its file */
    bool from_modules; /* it is the parent that the modules in that file stand on */
    struct classifier *classifier;
    struct joined_run *run;
    struct judgement *judgement;
};

enum { JUDGED_PARENT, JUDGED_MODULES, JUDGED_COUNT };
enum { JUDGED_IMAGES_MAX = 32 };

struct judged {
    struct dataset_join *join;
    struct judged_one one[JUDGED_COUNT]; /* classifier NULL: there is none */
    int32_t image_count;
    struct judged_image images[JUDGED_IMAGES_MAX]; /* on rank 0 */
};

/* Collective. Judges on the dataset file `test` the network file `network` and the modules or composition
 * file `modules`, either of which may be NULL. Without a network it is the parent of the modules when they
 * are maps over one. Where both are judged the parent is restricted to the classes of the modules. Gathers
 * images for the gallery: of the first of each class, mostly those on which the modules are wrong. */
enum status judged_make(struct job *job, char *test, const char *network, const char *modules,
                        struct run_progress *progress, struct judged *judged);
void judged_clear(struct judged *judged);

/* The class of one judgement that another calls `truth`; −1: it does not judge it. */
int32_t judged_label(const struct judgement *judgement, struct joined_class truth);

/* What the classifier calls a judged label. */
const char *judged_label_name(const struct judged_one *one, int32_t label);

#endif
