#include "jobs/report/class_curves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"

/* Classes come in any order, and each may be the highest so far: twice the room each time. */
static enum status make_room(struct class_curves *curves, int32_t count)
{
    struct class_curve *more = NULL;
    if (count > curves->capacity) {
        enum status status =
            memory_allocate(&more, 2 * (size_t)count, sizeof *more, "learning curves of classes");
        if (status != STATUS_OK)
            return status;
        if (curves->count > 0)
            memcpy(more, curves->curves, (size_t)curves->count * sizeof *more);
        memory_free(&curves->curves);
        curves->curves = more;
        curves->capacity = 2 * count; /* of EVENT_CLASSES_MAX at most */
    }
    if (count > curves->count)
        curves->count = count;
    return STATUS_OK;
}

enum status class_curves_add(struct class_curves *curves, const struct event *event)
{
    bool tells = event->kind == EVENT_EPOCH && event->class_index >= 0 && event->done > 0 &&
                 event->state != STATE_RESUMED && event->done <= event->total;
    enum status status = tells ? make_room(curves, event->class_index + 1) : STATUS_OK;
    if (!tells || status != STATUS_OK)
        return status;
    struct class_curve *curve = &curves->curves[event->class_index];
    for (int i = 0; !curve->any && i < RUN_CURVE_POINTS; i++)
        curve->loss[i] = (double)NAN;
    curve->any = true;
    double part = (double)event->done / (double)event->total;
    int stretch = (int)ceil(part * RUN_CURVE_POINTS) - 1;
    curve->loss[stretch < 0 ? 0 : stretch] = event->loss;
    return STATUS_OK;
}

int32_t class_curves_trained(const struct class_curves *curves)
{
    int32_t trained = 0;
    for (int32_t i = 0; i < curves->count; i++)
        trained += curves->curves[i].any;
    return trained;
}

static int compare(const void *first, const void *second)
{
    double a, b;
    memcpy(&a, first, sizeof a);
    memcpy(&b, second, sizeof b);
    return (a > b) - (a < b);
}

enum status class_curves_spread(const struct class_curves *curves, int stretch, struct loss_spread *spread)
{
    double *losses = NULL;
    int32_t count = 0;
    *spread = (struct loss_spread){(double)NAN, (double)NAN, (double)NAN};
    enum status status = memory_allocate(&losses, (size_t)curves->count, sizeof *losses, "losses");
    if (status != STATUS_OK)
        return status;
    for (int32_t i = 0; i < curves->count; i++)
        if (curves->curves[i].any && isfinite(curves->curves[i].loss[stretch]))
            losses[count++] = curves->curves[i].loss[stretch];
    if (count > 0) {
        qsort(losses, (size_t)count, sizeof *losses, compare);
        *spread = (struct loss_spread){losses[0], losses[count / 2], losses[count - 1]};
    }
    memory_free(&losses);
    return STATUS_OK;
}

void class_curves_clear(struct class_curves *curves)
{
    memory_free(&curves->curves);
    curves->count = curves->capacity = 0;
}
