#include "modules/composition.h"

#include <string.h>

#include "compute/base/memory.h"

/* One module of the set to be made: where it comes from and what it will be called. */
struct choice {
    struct module_set *set;
    int32_t module;
    class_name label;
};

/* A parent of the set to be made. */
struct chosen_parent {
    struct module_set *set;
    int32_t parent;
    uint8_t digest[DIGEST_BYTES];
};

/* The chosen parent that is parent `parent` of `set` or equal to it, added if there is none; −1 for −1. */
static int32_t choose_parent(struct chosen_parent *chosen, int32_t *count, struct module_set *set,
                             int32_t parent)
{
    if (parent < 0)
        return -1;
    for (int32_t i = 0; i < *count; i++)
        if (chosen[i].set == set && chosen[i].parent == parent)
            return i;
    struct chosen_parent candidate = {.set = set, .parent = parent};
    network_digest(set->parents[parent], candidate.digest);
    for (int32_t i = 0; i < *count; i++)
        if (memcmp(chosen[i].digest, candidate.digest, DIGEST_BYTES) == 0)
            return i;
    chosen[*count] = candidate;
    return (*count)++;
}

static enum status choices_check(const struct choice *choices, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        for (int32_t j = 0; j < i; j++)
            if (strcmp(choices[i].label, choices[j].label) == 0)
                return error_set(STATUS_MISMATCH,
                                 "label \"%s\" would stand twice; rename one of them, as in "
                                 "FILE:class=label",
                                 choices[i].label);
    return STATUS_OK;
}

/* Copies the chosen modules into *set, whose parents are still NULL. */
static enum status modules_gather(const struct choice *choices, int32_t count, const int32_t *parent_of,
                                  struct module_set *set)
{
    for (int32_t i = 0; i < count; i++) {
        const struct module *chosen = &choices[i].set->modules[choices[i].module];
        struct module *module = &set->modules[i];
        enum status status = module_copy(chosen, module_set_base(choices[i].set, chosen), module);
        if (status != STATUS_OK)
            return status;
        module->parent = parent_of[i];
        memcpy(module->label, choices[i].label, sizeof(class_name));
    }
    return STATUS_OK;
}

static enum status choices_join(const struct choice *choices, int32_t count, struct module_set **joined)
{
    struct chosen_parent *parents = NULL;
    int32_t *parent_of = NULL;
    int32_t parent_count = 0;
    *joined = NULL;
    enum status status = choices_check(choices, count);
    if (status == STATUS_OK)
        status = memory_allocate(&parents, (size_t)count, sizeof *parents, "parents of a composition");
    if (status == STATUS_OK)
        status = memory_allocate(&parent_of, (size_t)count, sizeof *parent_of, "parents of modules");
    for (int32_t i = 0; i < count && status == STATUS_OK; i++) {
        struct module_set *set = choices[i].set;
        parent_of[i] = choose_parent(parents, &parent_count, set, set->modules[choices[i].module].parent);
    }
    if (status == STATUS_OK)
        status = module_set_create(parent_count, count, joined);
    if (status == STATUS_OK)
        status = modules_gather(choices, count, parent_of, *joined);
    if (status == STATUS_OK) {
        for (int32_t i = 0; i < parent_count; i++) {
            struct network **source = &parents[i].set->parents[parents[i].parent];
            (*joined)->parents[i] = *source;
            *source = NULL;
        }
    } else {
        module_set_destroy(joined);
    }
    memory_free(&parents);
    memory_free(&parent_of);
    return status;
}

/* Appends what one selection names to the choices. */
static enum status selection_resolve(struct module_set *set, const struct module_selection *selection,
                                     struct choice *choices, int32_t *count)
{
    int32_t selected = selection->count == 0 ? set->module_count : selection->count;
    for (int32_t i = 0; i < selected; i++) {
        struct choice *choice = &choices[*count];
        choice->set = set;
        choice->module = i;
        if (selection->count != 0) {
            enum status status =
                module_set_find(set, selection->classes[i], selection->path, &choice->module);
            if (status != STATUS_OK)
                return status;
        }
        bool renamed = selection->count != 0 && selection->labels[i][0] != '\0';
        memcpy(choice->label, renamed ? selection->labels[i] : set->modules[choice->module].label,
               sizeof(class_name));
        (*count)++;
    }
    return STATUS_OK;
}

enum status composition_create(struct module_set **sets, const struct module_selection *selections,
                               int32_t count, struct module_set **composition)
{
    struct choice *choices = NULL;
    int32_t chosen = 0;
    size_t most = 0;
    *composition = NULL;
    for (int32_t i = 0; i < count; i++)
        most += (size_t)(selections[i].count == 0 ? sets[i]->module_count : selections[i].count);
    if (most == 0 || most > INT32_MAX)
        return error_set(STATUS_USAGE, "a composition of %zu modules; it needs at least one", most);
    enum status status = memory_allocate(&choices, most, sizeof *choices, "modules of a composition");
    for (int32_t i = 0; i < count && status == STATUS_OK; i++)
        status = selection_resolve(sets[i], &selections[i], choices, &chosen);
    if (status == STATUS_OK)
        status = choices_join(choices, chosen, composition);
    memory_free(&choices);
    return status;
}

enum status composition_replace(struct module_set *composition, const char *label, struct module_set *from,
                                const char *with, struct module_set **replaced)
{
    struct choice *choices = NULL;
    int32_t place = 0, other = 0;
    *replaced = NULL;
    enum status status = module_set_find(composition, label, "the composition", &place);
    if (status == STATUS_OK)
        status = module_set_find(from, with, "the file replaced from", &other);
    if (status == STATUS_OK)
        status = memory_allocate(&choices, (size_t)composition->module_count, sizeof *choices,
                                 "modules of a composition");
    if (status != STATUS_OK)
        return status;
    for (int32_t i = 0; i < composition->module_count; i++) {
        choices[i].set = composition;
        choices[i].module = i;
        memcpy(choices[i].label, composition->modules[i].label, sizeof(class_name));
    }
    choices[place].set = from;
    choices[place].module = other;
    status = choices_join(choices, composition->module_count, replaced);
    memory_free(&choices);
    return status;
}
