#include "jobs/inspect_modules.h"

#include <stdio.h>

#include "jobs/inspect_network.h"
#include "jobs/json_output.h"
#include "jobs/overlap_output.h"
#include "modules/classifier/forward_plan.h"

static const char *kind_name(const struct module *module)
{
    return module->kind == MODULE_MAP ? "map" : "network";
}

/* Whether the parent is there for the networks that stand on it alone. */
static bool is_stem(const struct forward_plan *plan, int32_t parent)
{
    return plan->parents[parent].forward_count == 0;
}

static int32_t stem_count(const struct forward_plan *plan)
{
    int32_t count = 0;
    for (int32_t p = 0; p < plan->parent_count; p++)
        count += plan->parents[p].network_count > 0;
    return count;
}

static double fraction(uint64_t kept, uint64_t whole)
{
    return whole == 0 ? 1 : (double)kept / (double)whole;
}

/* --- as JSON --- */

static json_t *size_json(const struct module_size *size)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "units", (json_int_t)size->units, "channels",
                     (json_int_t)size->channels, "weights", (json_int_t)size->weights, "multiply_adds",
                     (json_int_t)size->multiply_adds);
}

/* null when the module was trained from scratch. */
static json_t *origin_json(const struct module_set *set, const struct module *module)
{
    struct module_origin origin = module_set_origin(set, module);
    char hex[DIGEST_HEX_BYTES];
    if (!module_origin_exists(&origin))
        return json_null();
    digest_to_hex(origin.digest, hex);
    return json_pack("{s:o, s:s}", "architecture", json_text(origin.architecture), "digest", hex);
}

static json_t *module_json(const struct module_set *set, const struct module *module)
{
    const struct module_size *kept = &module->kept, *whole = &module->whole;
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:i, s:i, s:f, s:f, s:f, s:f, s:i, s:i, s:f, s:f}", "label", module->label, "class",
        module->class_name, "kind", kind_name(module), "parent", (int)module->parent, "class_index",
        (int)module->class_index, "units_kept", fraction(kept->units, whole->units), "channels_kept",
        fraction(kept->channels, whole->channels), "weights_kept", fraction(kept->weights, whole->weights),
        "multiply_adds_kept", fraction(kept->multiply_adds, whole->multiply_adds), "positive_images",
        (int)module->positive_images, "negative_images", (int)module->negative_images, "scale",
        (double)module->scale, "offset", (double)module->offset);
    json_object_set_new(object, "kept", size_json(kept));
    json_object_set_new(object, "whole", size_json(whole));
    json_object_set_new(object, "origin", origin_json(set, module));
    if (module->network != NULL)
        json_object_set_new(object, "network", inspect_network_json(module->network));
    return object;
}

static json_t *parent_json(const struct forward_plan *plan, const struct module_set *set, int32_t index)
{
    const struct network *parent = set->parents[index];
    json_t *object = inspect_network_json(parent);
    json_object_set_new(object, "stem", json_boolean(is_stem(plan, index)));
    json_object_set_new(object, "output", inspect_shape_json(parent->layers[parent->layer_count - 1].shape));
    return object;
}

static json_t *plan_json(const struct forward_plan *plan, const struct module_set *set)
{
    uint64_t run = forward_plan_multiply_adds(plan, set), whole = set->modules[0].whole.multiply_adds;
    return json_pack("{s:s, s:i, s:i, s:i, s:I, s:I, s:f}", "name", "votes", "masked_passes",
                     (int)plan->forward_count, "stems", (int)stem_count(plan), "networks",
                     (int)plan->network_count, "multiply_adds", (json_int_t)run, "parent_multiply_adds",
                     (json_int_t)whole, "fraction", fraction(run, whole));
}

enum status inspect_modules_json(const struct module_set *set, json_t **object)
{
    struct forward_plan *plan = NULL;
    struct overlap *overlap = NULL;
    enum status status = forward_plan_create(set, &plan);
    if (status == STATUS_OK)
        status = overlap_of_set(set, &overlap);
    if (status != STATUS_OK) {
        forward_plan_destroy(&plan);
        return status;
    }
    json_t *parents = json_array(), *modules = json_array();
    for (int32_t i = 0; i < set->parent_count; i++)
        json_array_append_new(parents, parent_json(plan, set, i));
    for (int32_t i = 0; i < set->module_count; i++)
        json_array_append_new(modules, module_json(set, &set->modules[i]));
    *object = json_pack("{s:o, s:o, s:o, s:o}", "plan", plan_json(plan, set), "modules", modules, "parents",
                        parents, "overlap", overlap_json(overlap));
    overlap_destroy(&overlap);
    forward_plan_destroy(&plan);
    return STATUS_OK;
}

/* --- as text --- */

static void print_stem(const struct network *stem)
{
    struct shape input = network_input_shape(stem), output = stem->layers[stem->layer_count - 1].shape;
    printf("stem of %s: from images of %d × %d × %d to %d × %d × %d, %zu parameters, %.2f million "
           "multiply-adds an image\n",
           stem->architecture, (int)input.h, (int)input.w, (int)input.c, (int)output.h, (int)output.w,
           (int)output.c, stem->parameter_count, 1e-6 * (double)network_multiply_adds(stem));
}

static void print_parents(const struct forward_plan *plan, const struct module_set *set)
{
    for (int32_t i = 0; i < set->parent_count; i++) {
        printf("%snetwork #%d: ", i > 0 ? "  " : "", (int)i);
        if (is_stem(plan, i))
            print_stem(set->parents[i]);
        else
            inspect_network_print(set->parents[i]);
    }
    if (set->parent_count == 0)
        printf("%d networks of their own\n", (int)set->module_count);
}

static void print_plan(const struct forward_plan *plan, const struct module_set *set)
{
    uint64_t run = forward_plan_multiply_adds(plan, set), whole = set->modules[0].whole.multiply_adds;
    printf("  plan: votes (%d masked passes, %d stems, %d networks), %s%.2f million multiply-adds an image, "
           "%.2f times the %.2f million of the network of %s\n",
           (int)plan->forward_count, (int)stem_count(plan), (int)plan->network_count,
           plan->forward_count > 1 ? "at most " : "", 1e-6 * (double)run, fraction(run, whole),
           1e-6 * (double)whole, set->modules[0].label);
}

/* Where a module comes from: the network it is a map over, or its origin. */
static void print_module(const struct module_set *set, const struct module *module)
{
    const struct module_size *kept = &module->kept, *whole = &module->whole;
    const char *origin = module->kind == MODULE_MAP              ? module_set_base(set, module)->architecture
                         : module_origin_exists(&module->origin) ? module->origin.architecture
                                                                 : "scratch";
    char base[16] = "images";
    if (module->parent >= 0)
        snprintf(base, sizeof base, "#%d", (int)module->parent);
    printf("  %-24s %-24s %-7s %-6s %7.2f %% %7.2f %% %7.2f %% %7.2f %%  %s\n", module->label,
           module->class_name, kind_name(module), base, 100 * fraction(kept->units, whole->units),
           100 * fraction(kept->channels, whole->channels), 100 * fraction(kept->weights, whole->weights),
           100 * fraction(kept->multiply_adds, whole->multiply_adds), origin);
}

enum status inspect_modules_print(const struct module_set *set)
{
    struct forward_plan *plan = NULL;
    struct overlap *overlap = NULL;
    enum status status = forward_plan_create(set, &plan);
    if (status == STATUS_OK)
        status = overlap_of_set(set, &overlap);
    if (status != STATUS_OK) {
        forward_plan_destroy(&plan);
        return status;
    }
    print_parents(plan, set);
    print_plan(plan, set);
    printf("  %-24s %-24s %-7s %-6s %9s %9s %9s %9s  %s\n", "label", "class", "kind", "on", "units",
           "channels", "weights", "mult-adds", "from");
    for (int32_t i = 0; i < set->module_count; i++)
        print_module(set, &set->modules[i]);
    overlap_print(overlap);
    overlap_destroy(&overlap);
    forward_plan_destroy(&plan);
    return STATUS_OK;
}
