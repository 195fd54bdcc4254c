#include "jobs/training_options.h"

#include <string.h>

#include "jobs/job.h"

enum {
    KEY_BATCH = 0x3000,
    KEY_RATE,
    KEY_SCHEDULE,
    KEY_MOMENTUM,
    KEY_NO_NESTEROV,
    KEY_WEIGHT_DECAY,
    KEY_CROP,
    KEY_FLIP,
    KEY_SEED
};

static const struct argp_option options[] = {
    {0, 0, 0, 0, "Training:", 2},
    {"batch", KEY_BATCH, "N", 0, "Images a step, over all ranks that train together (default 128)", 2},
    {"rate", KEY_RATE, "R", 0, "Peak learning rate (default: see below)", 2},
    {"schedule", KEY_SCHEDULE, "NAME", 0, "step, cosine or one-cycle (default: see below)", 2},
    {"momentum", KEY_MOMENTUM, "M", 0, "Momentum (default 0.9)", 2},
    {"no-nesterov", KEY_NO_NESTEROV, 0, 0, "Plain momentum instead of Nesterov's", 2},
    {"weight-decay", KEY_WEIGHT_DECAY, "D", 0, "L2 factor on weights (default 0.0005)", 2},
    {"crop", KEY_CROP, "N", 0, "Augment: pad by N zeros and crop at random (default 0: none)", 2},
    {"flip", KEY_FLIP, 0, 0, "Augment: mirror one image in two", 2},
    {"seed", KEY_SEED, "N", 0, "Seed of weights, order and augmentation (default 1)", 2},
    {0}};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct train_options *train = state->input;
    switch (key) {
    case KEY_BATCH:
        train->batch_images = (int32_t)parse_integer(state, "--batch", text, 1, 1 << 20);
        return 0;
    case KEY_RATE:
        train->rate = parse_number(state, "--rate", text, 1e-9F, 1e3F);
        return 0;
    case KEY_SCHEDULE:
        if (schedule_from_name(text, &train->schedule) != STATUS_OK)
            argp_error(state, "--schedule: %s", error_message());
        return 0;
    case KEY_MOMENTUM:
        train->sgd.momentum = parse_number(state, "--momentum", text, 0, 0.9999F);
        return 0;
    case KEY_NO_NESTEROV:
        train->sgd.nesterov = false;
        return 0;
    case KEY_WEIGHT_DECAY:
        train->sgd.weight_decay = parse_number(state, "--weight-decay", text, 0, 1);
        return 0;
    case KEY_CROP:
        train->augmentation.crop_padding = (int32_t)parse_integer(state, "--crop", text, 0, 1024);
        return 0;
    case KEY_FLIP:
        train->augmentation.flip = true;
        return 0;
    case KEY_SEED:
        train->seed = (uint64_t)parse_integer(state, "--seed", text, 0, INT64_MAX);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp training_argp = {options, parse_option, NULL, NULL, NULL, NULL, NULL};

struct train_options train_options_default(int32_t epochs, float rate, enum schedule_kind schedule)
{
    return (struct train_options){.epochs = epochs,
                                  .batch_images = 128,
                                  .schedule = schedule,
                                  .rate = rate,
                                  .sgd = {.momentum = 0.9F, .nesterov = true, .weight_decay = 5e-4F},
                                  .seed = 1};
}

void training_options_record(const struct train_options *train, struct option_records *records)
{
    option_records_add(records, "--batch", "%d", (int)train->batch_images);
    option_records_add_number(records, "--rate", train->rate);
    option_records_add(records, "--schedule", "%s", schedule_name(train->schedule));
    option_records_add_number(records, "--momentum", train->sgd.momentum);
    option_records_add(records, "--no-nesterov", "%s", train->sgd.nesterov ? "not given" : "given");
    option_records_add_number(records, "--weight-decay", train->sgd.weight_decay);
    option_records_add(records, "--crop", "%d", (int)train->augmentation.crop_padding);
    option_records_add(records, "--flip", "%s", train->augmentation.flip ? "given" : "not given");
    option_records_add(records, "--seed", "%llu", (unsigned long long)train->seed);
}

enum shortcut parse_shortcut(const struct argp_state *state, const char *text)
{
    if (strcmp(text, "A") != 0 && strcmp(text, "B") != 0)
        argp_error(state, "--shortcut: '%s' given, expected A or B", text);
    return *text == 'A' ? SHORTCUT_A : SHORTCUT_B;
}

const char *shortcut_name(enum shortcut shortcut)
{
    return shortcut == SHORTCUT_A ? "A" : shortcut == SHORTCUT_B ? "B" : "default";
}
