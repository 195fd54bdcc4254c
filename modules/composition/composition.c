#include "modules/composition/composition.h"

#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"

/* One module of the set to be made: where it comes from and what it will be called. */
struct choice {
    struct module_set *set;
    int32_t module;
    class_name label;
};

/* A parent that some chosen module stands on. */
struct chosen_parent {
    struct module_set *set;
    int32_t parent;
    uint8_t digest[DIGEST_BYTES];
    int32_t place; /* in the set to be made; equal parents have one in common */
};

/* The parents chosen so far, each looked at once: digests of large networks take their time. */
struct chosen_parents {
    struct chosen_parent *chosen;
    int32_t count, different;
};

/* The place of parent `parent` of `set`; −1 for −1. */
static int32_t choose_parent(struct chosen_parents *parents, struct module_set *set, int32_t parent)
{
    struct chosen_parent candidate = {.set = set, .parent = parent, .place = parents->different};
    if (parent < 0)
        return -1;
    for (int32_t i = 0; i < parents->count; i++)
        if (parents->chosen[i].set == set && parents->chosen[i].parent == parent)
            return parents->chosen[i].place;
    network_digest(set->parents[parent], candidate.digest);
    for (int32_t i = 0; i < parents->count; i++)
        if (memcmp(parents->chosen[i].digest, candidate.digest, DIGEST_BYTES) == 0)
            candidate.place = parents->chosen[i].place;
    parents->different += candidate.place == parents->different;
    parents->chosen[parents->count++] = candidate;
    return candidate.place;
}

/* Moves each to its place, out of the first set that has it. */
static void move_parents(const struct chosen_parents *parents, struct module_set *set)
{
    for (int32_t i = 0; i < parents->count; i++) {
        struct network **source = &parents->chosen[i].set->parents[parents->chosen[i].parent];
        struct network **place = &set->parents[parents->chosen[i].place];
        if (*place != NULL)
            continue;
        *place = *source;
        *source = NULL;
    }
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
    struct chosen_parents parents = {NULL, 0, 0};
    int32_t *parent_of = NULL;
    *joined = NULL;
    enum status status = choices_check(choices, count);
    if (status == STATUS_OK)
        status = memory_allocate(&parents.chosen, (size_t)count, sizeof *parents.chosen,
                                 "parents of a composition");
    if (status == STATUS_OK)
        status = memory_allocate(&parent_of, (size_t)count, sizeof *parent_of, "parents of modules");
    for (int32_t i = 0; i < count && status == STATUS_OK; i++) {
        struct module_set *set = choices[i].set;
        parent_of[i] = choose_parent(&parents, set, set->modules[choices[i].module].parent);
    }
    if (status == STATUS_OK)
        status = module_set_create(parents.different, count, joined);
    if (status == STATUS_OK)
        status = modules_gather(choices, count, parent_of, *joined);
    if (status == STATUS_OK)
        move_parents(&parents, *joined);
    else
        module_set_destroy(joined);
    memory_free(&parents.chosen);
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
                                const char *with, const char *new_label, struct module_set **replaced)
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
    if (*new_label != '\0')
        snprintf(choices[place].label, sizeof(class_name), "%s", new_label);
    status = choices_join(choices, composition->module_count, replaced);
    memory_free(&choices);
    return status;
}
