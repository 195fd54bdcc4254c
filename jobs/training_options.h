/* Options of every command that trains by stochastic gradient descent. */
#ifndef FACET_JOBS_TRAINING_OPTIONS_H
#define FACET_JOBS_TRAINING_OPTIONS_H

#include <argp.h>

#include "compute/network/zoo.h"
#include "mpi/training/train.h"

/* Add `{.argp = &training_argp}` to the argp's children with a struct train_options as input, which holds the
 * command's defaults (the command's --help tells those of --rate). Not --epochs: some count steps. */
extern const struct argp training_argp;

/* Nesterov momentum 0.9, weight decay 0.0005, batches of 128, seed 1, no augmentation. */
struct train_options train_options_default(int32_t epochs, float rate, enum schedule_kind schedule);

/* All of them but epochs, for run.json and --resume. */
void training_options_record(const struct train_options *train, struct option_records *records);

/* The value of --shortcut; argp_error when it is neither A nor B. And as it stands in option records. */
enum shortcut parse_shortcut(const struct argp_state *state, const char *text);
const char *shortcut_name(enum shortcut shortcut);

#endif
