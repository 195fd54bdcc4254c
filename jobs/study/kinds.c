#include "jobs/study/kinds.h"

#include <string.h>

static const struct study_kind kinds[] = {
    {"cost", "what decomposing costs in accuracy, and what modules keep", 1, study_cost},
    {"reuse", "modules of some classes instead of the network, and of two networks together", 1, study_reuse},
    {"replace", "classes of a weak network replaced by those of a better one", 1, study_replace},
    {"carbon", "energy and CO2e of reusing modules against training from scratch", 1, study_carbon},
    {"pareto", "accuracy against size and time, over methods and budgets", 1, study_pareto},
    {"subsets", "compositions of some classes against the network restricted to them", 1, study_subsets},
};
enum { KIND_COUNT = sizeof kinds / sizeof *kinds };

int study_kind_place(const char *name)
{
    for (int i = 0; i < KIND_COUNT; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return i;
    return -1;
}

const struct study_kind *study_kind_find(const char *name)
{
    int place = study_kind_place(name);
    return place >= 0 ? &kinds[place] : NULL;
}

const char *study_kind_title(const char *name)
{
    const struct study_kind *kind = study_kind_find(name);
    return kind != NULL ? kind->title : "";
}
