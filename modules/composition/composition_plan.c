#include "modules/composition/composition_plan.h"

#include <stdio.h>
#include <string.h>

#include "modules/classifier/forward_plan.h"
#include "modules/composition/composition_union.h"

bool composition_plan_from_name(const char *name, enum composition_plan *plan)
{
    static const char *const names[] = {[PLAN_VOTES] = "votes", [PLAN_UNION] = "union", [PLAN_AUTO] = "auto"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0) {
            *plan = (enum composition_plan)i;
            return true;
        }
    }
    return false;
}

static enum status count_votes(const struct module_set *set, uint64_t *multiply_adds)
{
    struct forward_plan *plan = NULL;
    enum status status = forward_plan_create(set, &plan);
    if (status == STATUS_OK)
        *multiply_adds = forward_plan_multiply_adds(plan, set);
    forward_plan_destroy(&plan);
    return status;
}

/* The union, when it is exact and cheaper than the votes already counted. */
static enum status choose(const struct module_set *set, struct planned_composition *planned)
{
    bool exact = false;
    if (composition_union_check(set) != STATUS_OK) {
        snprintf(planned->reason, sizeof planned->reason,
                 "no union: the modules are not maps over one network");
        return STATUS_OK;
    }
    enum status status = composition_union(set, &planned->united, &exact);
    if (status != STATUS_OK)
        return status;
    uint64_t united = network_multiply_adds(planned->united);
    if (exact && united < planned->multiply_adds) {
        snprintf(planned->reason, sizeof planned->reason, "exact; votes would take %.2f million",
                 1e-6 * (double)planned->multiply_adds);
        planned->multiply_adds = united;
        return STATUS_OK;
    }
    network_destroy(&planned->united);
    snprintf(planned->reason, sizeof planned->reason, "a union would take %.2f million%s",
             1e-6 * (double)united, exact ? "" : " and have scores of its own");
    return STATUS_OK;
}

enum status composition_plan_make(const struct module_set *set, enum composition_plan plan,
                                  struct planned_composition *planned)
{
    bool exact = false;
    memset(planned, 0, sizeof *planned);
    enum status status = count_votes(set, &planned->multiply_adds);
    if (status == STATUS_OK && plan == PLAN_AUTO)
        status = choose(set, planned);
    if (status == STATUS_OK && plan == PLAN_UNION) {
        status = composition_union(set, &planned->united, &exact);
        if (status == STATUS_OK)
            planned->multiply_adds = network_multiply_adds(planned->united);
    }
    if (status != STATUS_OK)
        planned_composition_clear(planned);
    return status;
}

void planned_composition_clear(struct planned_composition *planned)
{
    network_destroy(&planned->united);
}
