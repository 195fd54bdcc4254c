/* Backtracking (docs/method.md; FSE'20 "remove irrelevant edges", ICSE 2022 sections 3.4 and 3.5): units of a
 * module that nothing of it reads leave, from the output backwards. */
#ifndef FACET_MODULES_ACTIVATION_BACKTRACKING_H
#define FACET_MODULES_ACTIVATION_BACKTRACKING_H

#include "modules/module_set.h"

/* The paper's three variants. */
enum module_variant {
    VARIANT_CI_TI_MC, /* no backtracking */
    VARIANT_BD,       /* through the dense layers: units of dense layers leave */
    VARIANT_BC,       /* through the convolutions, too: any unit may */
    VARIANT_COUNT
};

/* "ci-ti-mc", "bd", "bc"; NULL when out of range. */
const char *module_variant_name(enum module_variant variant);
/* The variant of that name; VARIANT_COUNT when there is none. */
enum module_variant module_variant_from_name(const char *name);

struct backtracking_options {
    enum module_variant variant;
    float epsilon; /* a feature whose weights to "c" and "not c" differ by at most this fraction of the
                      largest such difference is irrelevant; 0 … 1 */
    float edges;   /* edges of dense layers up to this fraction leave first (edges.h); 0 … 1 */
};

/* CI+TI+MC, ε 0, all edges. */
struct backtracking_options backtracking_options_default(void);
/* STATUS_USAGE when ε or the fraction of edges is out of range. */
enum status backtracking_options_check(const struct backtracking_options *options);

/* One network's connections, prepared for backtracking many modules one after another. */
struct backtracker;

/* Network and layout must outlive it. STATUS_SHAPE when the network cannot have modules. */
enum status backtracker_create(const struct network *network, const struct unit_layout *layout,
                               struct backtracker **backtracker);
void backtracker_destroy(struct backtracker **backtracker);

/* Takes units out of the map of a MODULE_MAP module of that network, by its head: features (the output
 * layer's inputs) that are irrelevant, then every unit that no living unit reads, in its window, with a
 * weight that is not zero. With ε 0 the margin "c" minus "not c" of every image stays what it was, to
 * rounding. Edges are the network's: it comes without those that are irrelevant. kept.units and kept.channels
 * are measured anew. With VARIANT_CI_TI_MC nothing happens.
 *
 * STATUS_NOT_FOUND when nothing of the image reaches the margin any more, naming the layer where the module
 * died; its map is then as it was. */
enum status backtrack_module(struct backtracker *backtracker, const struct backtracking_options *options,
                             struct module *module);

#endif
