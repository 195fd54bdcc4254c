#include "mpi/wire/picture.h"

#include <string.h>

#include "compute/base/memory.h"
#include "mpi/wire/text.h"

enum status picture_create(struct picture **picture)
{
    return memory_allocate(picture, 1, sizeof **picture, "picture of the run");
}

static void picture_clear(struct picture *picture)
{
    memory_free(&picture->ranks);
    memory_free(&picture->classes);
    memory_free(&picture->epochs);
    memory_free(&picture->log);
    memset(picture, 0, sizeof *picture);
}

void picture_destroy(struct picture **picture)
{
    if (*picture == NULL)
        return;
    picture_clear(*picture);
    memory_free(picture);
}

/* Makes room for `needed` elements in the array whose address is given, at most `most` (≥ needed); what is
 * new is zero. */
static enum status array_grow(void *array_address, int32_t *capacity, int32_t needed, int32_t most,
                              size_t element_bytes, const char *what)
{
    void *old, *grown;
    if (needed <= *capacity)
        return STATUS_OK;
    int32_t wanted = *capacity > most / 2 ? most : 2 * *capacity;
    if (wanted < needed)
        wanted = needed;
    enum status status = memory_allocate(&grown, (size_t)wanted, element_bytes, what);
    if (status != STATUS_OK)
        return status;
    memcpy(&old, array_address, sizeof old);
    if (old != NULL)
        memcpy(grown, old, (size_t)*capacity * element_bytes);
    memory_free(&old);
    memcpy(array_address, &grown, sizeof grown);
    *capacity = wanted;
    return STATUS_OK;
}

static enum status rank_room(struct picture *picture, int32_t rank)
{
    int64_t announced = picture->start.total;
    int32_t most = announced > 0 && announced < EVENT_RANKS_MAX ? (int32_t)announced : EVENT_RANKS_MAX;
    if (rank < 0 || rank >= most)
        return error_set(STATUS_FORMAT, "event of rank %d in a run of %d ranks", (int)rank, (int)most);
    return array_grow(&picture->ranks, &picture->rank_capacity, rank + 1, most, sizeof *picture->ranks,
                      "ranks of the picture");
}

static void rank_hear(struct picture *picture, const struct event *event)
{
    struct picture_rank *rank = &picture->ranks[event->rank];
    if (event->rank >= picture->rank_count)
        picture->rank_count = event->rank + 1;
    if (!rank->heard) {
        rank->heard = true;
        rank->class_index = -1;
    }
    if (event->time > rank->last_time)
        rank->last_time = event->time;
    if (event->host[0] != '\0')
        text_clean(rank->host, sizeof rank->host, event->host);
    if (event->memory_bytes > 0)
        rank->memory_bytes = event->memory_bytes;
    if (event->energy_joules > rank->energy_joules)
        rank->energy_joules = event->energy_joules;
    if (event->energy_joules > 0 || event->energy_counted != 0) /* the server's own lines tell nothing */
        rank->energy_counted = event->energy_counted != 0;
    if (event->dropped > rank->dropped)
        rank->dropped = event->dropped;
}

static void rank_apply(struct picture *picture, const struct event *event)
{
    struct picture_rank *rank = &picture->ranks[event->rank];
    rank->state = event->state;
    rank->class_index = event->class_index;
    rank->done = event->done;
    rank->total = event->total;
    rank->images_per_second = event->images_per_second;
    text_clean(rank->text, sizeof rank->text, event->text);
}

static enum status class_apply(struct picture *picture, const struct event *event)
{
    int32_t announced = picture->start.class_count;
    int32_t most = announced > 0 ? announced : EVENT_CLASSES_MAX;
    if (event->class_index < 0 || event->class_index >= most)
        return error_set(STATUS_FORMAT, "event of class %d in a run of %d classes", (int)event->class_index,
                         (int)most);
    if (event->state == STATE_NONE)
        return error_set(STATUS_FORMAT, "event of class %d without a state", (int)event->class_index);
    enum status status = array_grow(&picture->classes, &picture->class_capacity, event->class_index + 1, most,
                                    sizeof *picture->classes, "classes of the picture");
    if (status != STATUS_OK)
        return status;
    if (event->class_index >= picture->class_count)
        picture->class_count = event->class_index + 1;
    struct picture_class *class = &picture->classes[event->class_index];
    if (event->text[0] != '\0')
        text_clean(class->name, sizeof class->name, event->text);
    if (event->state == STATE_WAITING && class->state != STATE_NONE)
        return STATUS_OK; /* rank 0 said so before another rank took the class, but was heard later */
    class->state = event->state;
    class->rank = event->rank;
    class->time = event->time;
    class->value = event->value;
    return STATUS_OK;
}

static enum status epoch_apply(struct picture *picture, const struct event *event)
{
    if (event->done == 0 || event->state == STATE_RESUMED) {
        if (event->class_index < 0) { /* epochs of the run as a whole */
            picture->epochs_announced = true;
            picture->epochs_start = *event;
        }
        return STATUS_OK;
    }
    int32_t needed =
        picture->epoch_count < PICTURE_EPOCHS_MAX ? picture->epoch_count + 1 : PICTURE_EPOCHS_MAX;
    enum status status = array_grow(&picture->epochs, &picture->epoch_capacity, needed, PICTURE_EPOCHS_MAX,
                                    sizeof *picture->epochs, "learning curve of the picture");
    if (status != STATUS_OK)
        return status;
    if (picture->epoch_count == PICTURE_EPOCHS_MAX) {
        picture->epoch_count -= PICTURE_EPOCHS_MAX / 4;
        memmove(picture->epochs, picture->epochs + PICTURE_EPOCHS_MAX / 4,
                (size_t)picture->epoch_count * sizeof *picture->epochs);
    }
    picture->epochs[picture->epoch_count++] = (struct picture_epoch){
        .time = event->time,
        .rank = event->rank,
        .class_index = event->class_index,
        .done = event->done,
        .total = event->total,
        .loss = event->loss,
        .train_top1 = event->train_top1,
        .test_top1 = event->value,
    };
    return STATUS_OK;
}

static enum status log_apply(struct picture *picture, const struct event *event)
{
    if (picture->log == NULL) {
        enum status status =
            memory_allocate(&picture->log, PICTURE_LOG_LINES, sizeof *picture->log, "log of the picture");
        if (status != STATUS_OK)
            return status;
    }
    if (picture->log_count == PICTURE_LOG_LINES)
        memmove(picture->log, picture->log + 1, (size_t)--picture->log_count * sizeof *picture->log);
    picture->log[picture->log_count++] = *event;
    return STATUS_OK;
}

/* What ranks say of themselves, their classes and epochs. */
static enum status news_apply(struct picture *picture, const struct event *event)
{
    enum status status = STATUS_OK;
    if (!picture->started)
        return error_set(STATUS_FORMAT, "%s event before the start of the run", event_kind_name(event->kind));
    if (picture->ended)
        return error_set(STATUS_FORMAT, "%s event after the end of the run", event_kind_name(event->kind));
    status = rank_room(picture, event->rank);
    if (status == STATUS_OK && event->kind == EVENT_CLASS)
        status = class_apply(picture, event);
    if (status == STATUS_OK && event->kind == EVENT_EPOCH)
        status = epoch_apply(picture, event);
    if (status == STATUS_OK && event->kind == EVENT_LOG)
        status = log_apply(picture, event);
    if (status != STATUS_OK)
        return status;
    rank_hear(picture, event);
    if (event->kind == EVENT_RANK)
        rank_apply(picture, event);
    return STATUS_OK;
}

enum status picture_apply(struct picture *picture, const struct event *event)
{
    enum status status = STATUS_OK;
    switch (event->kind) {
    case EVENT_RUN_START:
        picture_clear(picture);
        picture->started = true;
        picture->start = *event;
        break;
    case EVENT_RUN_END:
        if (!picture->started || picture->ended)
            return error_set(STATUS_FORMAT, "end of a run that is not going on");
        picture->ended = true;
        picture->end = *event;
        break;
    case EVENT_RANK:
    case EVENT_CLASS:
    case EVENT_EPOCH:
    case EVENT_LOG:
        status = news_apply(picture, event);
        break;
    case EVENT_KIND_COUNT:
    default:
        status = error_set(STATUS_FORMAT, "event of unknown kind %d", (int)event->kind);
    }
    if (status == STATUS_OK && event->sequence > 0)
        picture->sequence = event->sequence;
    return status;
}

static struct event rank_event(const struct picture_rank *rank, int32_t index)
{
    struct event event = event_make(EVENT_RANK);
    event.rank = index;
    event.time = rank->last_time;
    event.state = rank->state;
    event.class_index = rank->class_index;
    event.done = rank->done;
    event.total = rank->total;
    event.images_per_second = rank->images_per_second;
    event.memory_bytes = rank->memory_bytes;
    event.energy_joules = rank->energy_joules;
    event.energy_counted = rank->energy_counted;
    event.dropped = rank->dropped;
    memcpy(event.host, rank->host, sizeof event.host);
    memcpy(event.text, rank->text, sizeof event.text);
    return event;
}

static struct event class_event(const struct picture_class *class, int32_t index)
{
    struct event event = event_make(EVENT_CLASS);
    event.rank = class->rank;
    event.time = class->time;
    event.state = class->state;
    event.class_index = index;
    event.value = class->value;
    memcpy(event.text, class->name, sizeof class->name);
    return event;
}

static struct event epoch_event(const struct picture_epoch *epoch)
{
    struct event event = event_make(EVENT_EPOCH);
    event.time = epoch->time;
    event.rank = epoch->rank;
    event.class_index = epoch->class_index;
    event.done = epoch->done;
    event.total = epoch->total;
    event.loss = epoch->loss;
    event.train_top1 = epoch->train_top1;
    event.value = epoch->test_top1;
    return event;
}

enum status picture_replay(const struct picture *picture,
                           enum status (*visit)(void *data, const struct event *event), void *data)
{
    struct event event;
    enum status status = STATUS_OK;
    if (picture->started)
        status = visit(data, &picture->start);
    for (int32_t i = 0; status == STATUS_OK && i < picture->class_count; i++) {
        event = class_event(&picture->classes[i], i);
        if (event.state != STATE_NONE)
            status = visit(data, &event);
    }
    if (status == STATUS_OK && picture->epochs_announced)
        status = visit(data, &picture->epochs_start);
    for (int32_t i = 0; status == STATUS_OK && i < picture->epoch_count; i++) {
        event = epoch_event(&picture->epochs[i]);
        status = visit(data, &event);
    }
    for (int32_t i = 0; status == STATUS_OK && i < picture->log_count; i++)
        status = visit(data, &picture->log[i]);
    for (int32_t i = 0; status == STATUS_OK && i < picture->rank_count; i++)
        if (picture->ranks[i].heard) {
            event = rank_event(&picture->ranks[i], i);
            status = visit(data, &event);
        }
    if (status == STATUS_OK && picture->ended)
        status = visit(data, &picture->end);
    return status;
}
