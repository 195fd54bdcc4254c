/* The parent as a teacher: its stem (the layers modules leave as they are and share), the rest up to its
 * logits, and where a class's module starts from. */
#ifndef FACET_MODULES_DISTILL_TEACHER_H
#define FACET_MODULES_DISTILL_TEACHER_H

#include "compute/network/network.h"

struct teacher {
    const struct network *parent; /* borrowed */
    struct network *stem;         /* owned; NULL: none, modules take images */
    int32_t stem_layer;           /* of the parent, the stem's last; 0 without a stem */
    struct network *tail;         /* from the stem's output, or the image, to the logits; owned */
};

/* `stem` is "none", a stage (1, 2, …: up to the last activation of that resolution, counted from the input's,
 * behind which the network can be cut) or the name of a layer. STATUS_NOT_FOUND lists the stages.
 * STATUS_SHAPE when the network has no logits to learn from (network_logits_layer). The caller clears
 * *teacher. */
enum status teacher_create(const struct network *parent, const char *stem, struct teacher *teacher);
/* Also of a zeroed one. */
void teacher_clear(struct teacher *teacher);

/* How many stages there are. */
int32_t teacher_stage_count(const struct network *parent);

/* Shape of the features: the stem's output, or the image. */
struct shape teacher_features(const struct teacher *teacher);

/* The tail with one output, the margin of a class: its logit less the mean of the others', shifted by
 * −T·log(classes − 1), which makes σ(margin/T) about the posterior at temperature T. The caller owns
 * *network. */
enum status teacher_class_network(const struct teacher *teacher, int32_t class_index, float temperature,
                                  struct network **network);

#endif
