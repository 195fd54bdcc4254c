/* Runs the modules that are maps over one parent, as forward_plan.h says: first a pass with all units that
 * any of the maps keeps, which notes for which images it gives a unit that a map lacks anything but zero. For
 * the other images the map's features are the same; for those the pass is taken up again at the first layer
 * where it matters, those that part latest first, so that what lies before is still there. */
#ifndef FACET_MODULES_CLASSIFIER_MAP_RUN_H
#define FACET_MODULES_CLASSIFIER_MAP_RUN_H

#include "compute/network/pass.h"
#include "modules/classifier/forward_plan.h"

/* One thread's. */
struct map_run;

/* A pass of the parent that can be taken up where its maps need it; for map_run_create and, unmasked, for
 * whatever else the parent is for. */
enum status map_run_pass(const struct network *parent, const struct parent_plan *maps, int32_t max_images,
                         struct pass **pass);

/* `maps` is one of plan->parents and has forwards. All that is given is borrowed; between calls of
 * map_run_features the pass may run anything else. */
enum status map_run_create(const struct module_set *set, const struct forward_plan *plan,
                           const struct parent_plan *maps, const struct network *parent, int32_t max_images,
                           struct pass *pass, struct map_run **run);
void map_run_destroy(struct map_run **run);

/* Runs 1 ≤ n ≤ max_images scaled images and gives the features of each of the parent's forwards to `use`: for
 * `count` images from number `first` on, (count, F), good until it returns. Of several calls for an image the
 * last is right. Leaves masks in the pass. */
typedef void map_run_use(void *context, const struct forward *forward, int32_t first, int32_t count,
                         const float *features);
void map_run_features(struct map_run *run, int32_t n, const float *images, map_run_use *use, void *context);

/* Masks the layers that the map (NULL: none) cuts, from that place of the layout on. keep (units of the
 * layout) is the masks, and must stay as long as they do. */
void map_mask_pass(struct pass *pass, const struct unit_layout *layout, const uint8_t *map,
                   int32_t first_place, float *keep);

#endif
