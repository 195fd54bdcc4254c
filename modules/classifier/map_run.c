#include "modules/classifier/map_run.h"

#include "compute/base/memory.h"

/* Images that a forward runs by itself. */
struct alone {
    int32_t forward, place; /* from which on */
    int32_t first, count;
};

struct map_run {
    const struct module_set *set;
    const struct forward_plan *plan;
    const struct parent_plan *maps;
    const struct network *parent;
    int32_t max_images, n; /* of the call at hand */
    struct pass *pass;
    float *keep;      /* (units) */
    int32_t *parted;  /* (forwards, max_images): the place from which on it is by itself; together_place() */
    int64_t together; /* entries of `parted` that are not */
    double *cost;     /* (places): of an image that runs from there on */
    struct alone *alone; /* (forwards × max_images) */
    int32_t alone_count;
};

static const struct forward *forward_at(const struct map_run *run, int32_t index)
{
    return &run->plan->forwards[run->maps->first_forward + index];
}

static const uint8_t *map_of(const struct map_run *run, int32_t index)
{
    return run->set->modules[run->plan->module_order[forward_at(run, index)->first]].map;
}

/* What `parted` says of a forward that has the common pass's features for the image. */
static int32_t together_place(const struct map_run *run)
{
    return run->maps->layout->layer_count;
}

/* (n): of a forward. */
static int32_t *parted_of(const struct map_run *run, int32_t forward)
{
    return run->parted + (size_t)forward * (size_t)run->max_images;
}

/* --- making --- */

enum status map_run_pass(const struct network *parent, const struct parent_plan *maps, int32_t max_images,
                         struct pass **pass)
{
    bool *resumes = NULL;
    enum status status =
        memory_allocate(&resumes, (size_t)parent->layer_count, sizeof *resumes, "passes of modules");
    for (int32_t i = 0; status == STATUS_OK && i < maps->layout->layer_count; i++)
        resumes[forward_plan_resume_layer(maps, parent, maps->resume_places[i])] = true;
    if (status == STATUS_OK)
        status = pass_create_resuming(parent, max_images, resumes, pass);
    memory_free(&resumes);
    return status;
}

enum status map_run_create(const struct module_set *set, const struct forward_plan *plan,
                           const struct parent_plan *maps, const struct network *parent, int32_t max_images,
                           struct pass *pass, struct map_run **run)
{
    const char *what = "passes of modules";
    size_t most = (size_t)maps->forward_count * (size_t)max_images;
    enum status status = memory_allocate(run, 1, sizeof **run, what);
    if (status != STATUS_OK)
        return status;
    struct map_run *made = *run;
    *made = (struct map_run){.set = set, .plan = plan, .maps = maps, .parent = parent, .pass = pass};
    made->max_images = max_images;
    status = memory_allocate(&made->keep, maps->layout->unit_count, sizeof(float), "unit mask");
    if (status == STATUS_OK)
        status = memory_allocate(&made->parted, most, sizeof *made->parted, what);
    if (status == STATUS_OK)
        status = memory_allocate(&made->alone, most, sizeof *made->alone, what);
    if (status == STATUS_OK)
        status = memory_allocate(&made->cost, (size_t)maps->layout->layer_count, sizeof *made->cost, what);
    for (int32_t i = 0; status == STATUS_OK && i < maps->layout->layer_count; i++)
        made->cost[i] = (double)forward_plan_resumed_multiply_adds(maps, parent, maps->resume_places[i]);
    if (status != STATUS_OK)
        map_run_destroy(run);
    return status;
}

void map_run_destroy(struct map_run **run)
{
    if (*run == NULL)
        return;
    memory_free(&(*run)->keep);
    memory_free(&(*run)->parted);
    memory_free(&(*run)->alone);
    memory_free(&(*run)->cost);
    memory_free(run);
}

/* --- all maps together --- */

void map_mask_pass(struct pass *pass, const struct unit_layout *layout, const uint8_t *map,
                   int32_t first_place, float *keep)
{
    for (int32_t i = first_place; i < layout->layer_count; i++) {
        size_t first = layout->unit_offset[i], units = layout->unit_offset[i + 1] - first;
        size_t kept = map == NULL ? units : unit_map_expand(map, first, units, keep + first);
        pass_set_mask(pass, layout->layers[i], kept == units ? NULL : keep + first);
    }
}

/* The unit is active in that image: forwards that are still together and lack it part there. */
static void part(struct map_run *run, int32_t image, int32_t place, size_t unit)
{
    for (int32_t i = 0; i < run->maps->forward_count; i++) {
        int32_t *parted = parted_of(run, i) + image;
        if (*parted == together_place(run) && !unit_map_get(map_of(run, i), unit)) {
            *parted = place;
            run->together--;
        }
    }
}

/* A pass_observer of the common pass: which forwards part here. Nothing behind the last parting is needed. */
static bool note_parting(void *context, int32_t layer, int32_t n, const float *values)
{
    struct map_run *run = context;
    const struct parent_plan *maps = run->maps;
    int32_t place = unit_layout_find(maps->layout, layer);
    size_t first = maps->layout->unit_offset[place], units = maps->layout->unit_offset[place + 1] - first;
    for (size_t i = maps->disputed_offset[place]; i < maps->disputed_offset[place + 1]; i++)
        for (int32_t image = 0; image < n; image++)
            if (values[(size_t)image * units + maps->disputed[i] - first] != 0.0f)
                part(run, image, place, maps->disputed[i]);
    return run->together > 0;
}

/* The pass with all units that any map keeps; its features, unless every forward has parted from it. */
static const float *run_together(struct map_run *run, const float *images)
{
    const struct parent_plan *maps = run->maps;
    run->together = (int64_t)maps->forward_count * run->n;
    for (int32_t i = 0; i < maps->forward_count; i++)
        for (int32_t image = 0; image < run->n; image++)
            parted_of(run, i)[image] = together_place(run);
    map_mask_pass(run->pass, maps->layout, maps->common, 0, run->keep);
    pass_set_observer(run->pass, note_parting, run);
    const float *features = pass_forward(run->pass, run->n, images);
    pass_set_observer(run->pass, NULL, NULL);
    return features;
}

/* --- what some run alone --- */

/* Whether an image had better run with the forward's last ones, with what lies between, than by itself: few
 * images at a time take longer each. */
static bool belongs(const struct map_run *run, const struct alone *last, int32_t image, int32_t place)
{
    const double worth = 1.25;
    int32_t from = place < last->place ? place : last->place;
    double together = (image + 1 - last->first) * run->cost[from];
    return together <= worth * (last->count * run->cost[last->place] + run->cost[place]);
}

/* Lists the images that the forward has parted for. Returns whether it is together for any other. */
static bool list_alone(struct map_run *run, int32_t forward)
{
    const int32_t *parted = parted_of(run, forward);
    struct alone *last = NULL;
    int32_t count = 0;
    for (int32_t image = 0; image < run->n; image++) {
        if (parted[image] == together_place(run))
            continue;
        count++;
        if (last == NULL || !belongs(run, last, image, parted[image])) {
            last = &run->alone[run->alone_count++];
            *last = (struct alone){.forward = forward, .place = parted[image], .first = image};
        }
        last->count = image + 1 - last->first;
        last->place = parted[image] < last->place ? parted[image] : last->place;
    }
    return count < run->n;
}

void map_run_features(struct map_run *run, int32_t n, const float *images, map_run_use *use, void *context)
{
    const struct parent_plan *maps = run->maps;
    run->n = n;
    run->alone_count = 0;
    pass_set_last_layer(run->pass, maps->features_layer);
    const float *together = run_together(run, images);
    for (int32_t i = 0; i < maps->forward_count; i++)
        if (list_alone(run, i))
            use(context, forward_at(run, i), 0, n, together);
    /* The latest first: what lies before the place where one is taken up is as the common pass left it. */
    for (int32_t place = maps->layout->layer_count - 1; place >= 0; place--)
        for (int32_t i = 0; i < run->alone_count; i++) {
            const struct alone *alone = &run->alone[i];
            if (alone->place != place)
                continue;
            int32_t resumed = maps->resume_places[place];
            int32_t layer = forward_plan_resume_layer(maps, run->parent, resumed);
            map_mask_pass(run->pass, maps->layout, map_of(run, alone->forward), resumed, run->keep);
            const float *features = pass_forward_from(run->pass, layer, alone->first, alone->count, images);
            use(context, forward_at(run, alone->forward), alone->first, alone->count, features);
        }
}
