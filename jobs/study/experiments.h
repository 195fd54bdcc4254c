/* Steps that several kinds of studies make, and what they are put together of. Steps are collective; results
 * are the study's. */
#ifndef FACET_JOBS_STUDY_EXPERIMENTS_H
#define FACET_JOBS_STUDY_EXPERIMENTS_H

#include "jobs/study/step.h"

/* --- words of commands --- */

enum { STUDY_DRAW_MAX = 16 };

/* Classes of one network, drawn at random. */
struct study_draw {
    int32_t count;
    int32_t classes[STUDY_DRAW_MAX]; /* ascending */
};

/* `count` of `class_count` classes, a function of seed and number alone. */
void draw_classes(uint64_t seed, uint64_t number, int32_t class_count, int32_t count,
                  struct study_draw *draw);

/* "#1,#4" */
void draw_list(const struct study_draw *draw, char *text, size_t bytes);

/* Adds the word "FILE:#1,#4" that compose understands; with `names` (a result's per_class) the modules are
 * labelled "PREFIX/class". */
void step_selection(struct study_step *step, const char *file, const struct study_draw *draw,
                    const char *prefix, const json_t *names);

/* Adds the words "--plan PLAN" (NULL: none) to a compose of the network's modules. */
void step_plan(struct study_step *step, const struct study_network *network, const char *plan);

/* Adds the words "--data NAME=FILE" of two networks: of their test images, or of their training images. */
void step_data_of_two(struct study_step *step, const struct study_network *a, const struct study_network *b,
                      bool test);

/* The name of class `index` of a result's per_class; "" beyond its end. */
const char *result_class(const json_t *per_class, int32_t index);
/* Their names, apart by commas, as a cell for people. */
void draw_names(const struct study_draw *draw, const json_t *per_class, char *text, size_t bytes);

/* --- steps --- */

/* facet evaluate FILE --data TEST [--classes CLASSES] as step `name`; *result is its --json. */
enum status experiment_evaluate(struct study *study, const char *name, const char *file, const char *test,
                                const char *classes, json_t **result);

/* The network on its test images; *result is the --json of facet evaluate. */
enum status experiment_parent(struct study *study, const struct study_network *network, json_t **result);

/* facet decompose of the network with `words` (may be NULL) and the study's --decompose, as step `name`; the
 * modules file's path into modules, *record (may be NULL) the step's. */
enum status experiment_decompose(struct study *study, const struct study_network *network, const char *name,
                                 const char *words, char modules[STUDY_PATH_BYTES], json_t **record);

/* The network's modules: the file it came with, or that of facet decompose with the study's --decompose. */
enum status experiment_modules(struct study *study, const struct study_network *network,
                               char modules[STUDY_PATH_BYTES]);

/* The network's modules composed, with the study's --compose and that plan (NULL: the usual one), and judged
 * on its test images, as step `name`. */
enum status experiment_composed(struct study *study, const struct study_network *network, const char *name,
                                const char *modules, const char *plan, json_t **result);

/* Adds facet train of the study's architecture on the network's training images: of `classes` alone unless
 * NULL, for `epochs`, with the study's --train, into `output`. */
void step_train(struct study *study, struct study_step *step, const struct study_network *network,
                const char *classes, int32_t epochs, const char *output);

/* The study's weak network: trained on the training images of `first` for --weak-epochs, cut, and all its
 * modules judged; their file's path into modules. */
enum status experiment_weak(struct study *study, const struct study_network *first,
                            char modules[STUDY_PATH_BYTES], json_t **judged);

/* --- options --- */

/* Plans of composing. */
enum { STUDY_PLAN_COUNT = 2 };
extern const char *const study_plans[STUDY_PLAN_COUNT];

/* Whether a list of names apart by commas has this one. */
bool study_list_has(const char *list, const char *name);

/* --- figures --- */

/* Adds a sentence above the tables. */
void study_remark(struct study *study, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Percentage points that `other` lies below `parent`, both fractions. */
double points_lost(double parent, double other);

#endif
