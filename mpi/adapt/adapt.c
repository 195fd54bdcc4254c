#include "mpi/adapt/adapt.h"

#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "modules/composition/composition.h"
#include "mpi/ranks.h"

struct adapter {
    const struct adapting *job;
    struct module_set *set;         /* as it was; borrowed */
    struct module_set *made;        /* parents: those of `set`, then, for each, the stem made of it or NULL */
    struct joined_class *positives; /* (module_count): of each label; dataset −1 when the data have it not */
    int32_t negative_count;
    struct joined_class *negatives; /* the module's own may be among them */
    MPI_Comm group;
    int32_t groups, own_group;
};

/* --- classes --- */

static enum status find_positives(struct adapter *adapter)
{
    const struct adapting *job = adapter->job;
    enum status status = memory_allocate(&adapter->positives, (size_t)adapter->set->module_count,
                                         sizeof(struct joined_class), "classes of modules");
    for (int32_t i = 0; i < adapter->set->module_count && status == STATUS_OK; i++)
        status =
            dataset_join_find(job->join, adapter->set->modules[i].label, job->where, &adapter->positives[i]);
    for (int32_t i = 0; i < job->chosen_count && status == STATUS_OK; i++) {
        char paths[512];
        if (adapter->positives[job->chosen[i]].dataset >= 0)
            continue;
        dataset_join_describe(job->join, paths, sizeof paths);
        status =
            error_set(STATUS_NOT_FOUND,
                      "%s: there is no class \"%s\" in %s; a module is tuned on images of its own class, "
                      "too: give the data it was made from as a further --data, or leave the module out "
                      "with --modules",
                      job->where, adapter->set->modules[job->chosen[i]].label, paths);
    }
    return status;
}

static void add_negatives_of_labels(struct adapter *adapter)
{
    for (int32_t i = 0; i < adapter->set->module_count; i++)
        if (adapter->positives[i].dataset >= 0)
            adapter->negatives[adapter->negative_count++] = adapter->positives[i];
}

static void add_all_negatives(struct adapter *adapter)
{
    for (int32_t i = 0; i < adapter->job->join->count; i++)
        for (int32_t c = 0; c < adapter->job->join->sets[i].dataset->class_count; c++)
            adapter->negatives[adapter->negative_count++] = (struct joined_class){i, c};
}

static enum status find_negatives(struct adapter *adapter)
{
    const struct adapting *job = adapter->job;
    size_t most = (size_t)adapter->set->module_count;
    int32_t labels = 0;
    for (int32_t i = 0; i < job->join->count; i++)
        most += (size_t)job->join->sets[i].dataset->class_count;
    for (int32_t i = 0; i < adapter->set->module_count; i++)
        labels += adapter->positives[i].dataset >= 0;
    enum status status =
        memory_allocate(&adapter->negatives, most, sizeof(struct joined_class), "other classes");
    if (status != STATUS_OK)
        return status;
    if (job->negatives == ADAPT_NEGATIVES_LABELS || (job->negatives == ADAPT_NEGATIVES_AUTO && labels > 1))
        add_negatives_of_labels(adapter);
    else
        add_all_negatives(adapter);
    return STATUS_OK;
}

/* --- one module --- */

static enum status train_tail(const struct adapter *adapter, int32_t index, struct tuning *tuning)
{
    const struct adapting *job = adapter->job;
    char activity[16 + CLASS_NAME_BYTES];
    snprintf(activity, sizeof activity, "adapting %s", adapter->set->modules[index].label);
    const struct one_vs_rest work = {.comm = adapter->group,
                                     .join = job->join,
                                     .positive = adapter->positives[index],
                                     .negative_count = adapter->negative_count,
                                     .negatives = adapter->negatives,
                                     .frozen_count = tuning->frozen_count,
                                     .frozen = tuning->frozen,
                                     .network = tuning->tail,
                                     .options = job->options,
                                     .steps = job->steps,
                                     .where = job->where,
                                     .activity = activity,
                                     .progress_number = -1,
                                     .stop = job->stop,
                                     .progress = job->progress};
    return one_vs_rest_train(&work);
}

/* The front that modules of one parent share is kept once: the first one's. *stem: its index, or −1. */
static enum status take_stem(struct adapter *adapter, const struct tuning *tuning, int32_t *stem)
{
    *stem = -1;
    if (tuning->module->kind == MODULE_NETWORK || tuning->front == NULL)
        return STATUS_OK;
    *stem = adapter->set->parent_count + tuning->module->parent;
    if (adapter->made->parents[*stem] != NULL)
        return STATUS_OK;
    return network_copy(tuning->front, &adapter->made->parents[*stem]);
}

/* Collective. Everybody gets what the group that trained module `index` has, and makes the module of it. */
static enum status share_module(struct adapter *adapter, int32_t index, int32_t group, struct tuning *tuning)
{
    struct network *tail = tuning->tail;
    MPI_Bcast(tail->parameters, (int)tail->parameter_count, MPI_FLOAT, group, adapter->job->comm);
    MPI_Bcast(tail->statistics, (int)tail->statistic_count, MPI_FLOAT, group, adapter->job->comm);
    int32_t stem;
    enum status status = take_stem(adapter, tuning, &stem);
    return status == STATUS_OK ? tuning_module(tuning, stem, &adapter->made->modules[index]) : status;
}

/* Collective. One module a group: chosen[first], chosen[first + 1] …; each trains its own. */
static enum status adapt_round(struct adapter *adapter, int32_t first)
{
    const struct adapting *job = adapter->job;
    int32_t own = first + adapter->own_group;
    struct tuning trained = {0};
    enum status status = STATUS_OK;
    if (own < job->chosen_count) {
        status =
            ranks_agree(adapter->group, tuning_create(adapter->set, job->chosen[own], job->part, &trained));
        if (status == STATUS_OK)
            status = train_tail(adapter, job->chosen[own], &trained);
    }
    status = ranks_agree(job->comm, status);
    for (int32_t i = 0; i < adapter->groups && first + i < job->chosen_count && status == STATUS_OK; i++) {
        int32_t index = job->chosen[first + i];
        struct tuning other = {0}, *tuning = i == adapter->own_group ? &trained : &other;
        if (tuning == &other)
            status = tuning_create(adapter->set, index, job->part, &other);
        status = ranks_agree(job->comm, status);
        if (status == STATUS_OK)
            status = ranks_agree(job->comm, share_module(adapter, index, i, tuning));
        tuning_clear(&other);
    }
    tuning_clear(&trained);
    return status;
}

/* --- all --- */

static enum status prepare(struct adapter *adapter)
{
    const struct adapting *job = adapter->job;
    struct module_set *set = adapter->set;
    enum status status = find_positives(adapter);
    if (status == STATUS_OK)
        status = find_negatives(adapter);
    if (status == STATUS_OK)
        status = module_set_create(2 * set->parent_count, set->module_count, &adapter->made);
    for (int32_t i = 0, next = 0; i < set->module_count && status == STATUS_OK; i++) {
        const struct module *module = &set->modules[i];
        if (next < job->chosen_count && job->chosen[next] == i)
            next++;
        else
            status = module_copy(module, module_set_base(set, module), &adapter->made->modules[i]);
    }
    return status;
}

/* Without the parents that nobody stands on any more. */
static enum status finish(struct adapter *adapter, struct module_set **set)
{
    const struct module_selection all = {0};
    struct module_set *tidy = NULL;
    for (int32_t i = 0; i < adapter->set->parent_count; i++) {
        adapter->made->parents[i] = adapter->set->parents[i];
        adapter->set->parents[i] = NULL;
    }
    enum status status = composition_create(&adapter->made, &all, 1, &tidy);
    if (status != STATUS_OK)
        return status;
    module_set_destroy(set);
    *set = tidy;
    return STATUS_OK;
}

enum status adapt_modules(const struct adapting *adapting, struct module_set **set)
{
    struct adapter adapter = {.job = adapting, .set = *set};
    int ranks = ranks_count(adapting->comm), rank = ranks_rank(adapting->comm);
    enum status status = ranks_agree(adapting->comm, prepare(&adapter));
    if (status == STATUS_OK && adapting->chosen_count > 0) {
        adapter.groups = ranks < adapting->chosen_count ? ranks : adapting->chosen_count;
        adapter.own_group = rank % adapter.groups; /* group g's first rank is rank g */
        MPI_Comm_split(adapting->comm, adapter.own_group, rank, &adapter.group);
        for (int32_t i = 0; i < adapting->chosen_count && status == STATUS_OK; i += adapter.groups)
            status = adapt_round(&adapter, i);
        MPI_Comm_free(&adapter.group);
    }
    if (status == STATUS_OK)
        status = ranks_agree(adapting->comm, finish(&adapter, set));
    module_set_destroy(&adapter.made);
    memory_free(&adapter.positives);
    memory_free(&adapter.negatives);
    return status;
}
