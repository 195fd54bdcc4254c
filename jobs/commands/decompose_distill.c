#include "jobs/commands/decompose_distill.h"

#include <stdio.h>

#include "jobs/job.h"

enum {
    KEY_BUDGET = 0x700,
    KEY_STEPS,
    KEY_JOINT_STEPS,
    KEY_STEM,
    KEY_TEMPERATURE,
    KEY_SEED,
    KEY_RATE,
    KEY_JOINT_RATE,
    KEY_BATCH,
    KEY_JOINT_BATCH,
    KEY_POOL,
    KEY_CROP,
    KEY_NO_FLIP
};

static const struct argp_option options[] = {
    {0, 0, 0, 0, "Methods distill and gradient:", 3},
    {"budget", KEY_BUDGET, "F", 0,
     "Multiply-adds of a module beyond the stem, as a fraction of the whole network's (default 0.12)", 3},
    {"stem", KEY_STEM, "STAGE", 0,
     "Layers that all modules share, as they are: none, or a stage (1: all of the input's resolution, the "
     "default), the name of the last of them, or auto: the stage with which a composition of the same cost "
     "names "
     "most held-back images rightly, found by short trials",
     3},
    {"steps", KEY_STEPS, "N", 0, "Steps for each class by itself (default 400)", 3},
    {"joint-steps", KEY_JOINT_STEPS, "N", 0,
     "Steps of all classes together after that; distill alone (default 2000)", 3},
    {"temperature", KEY_TEMPERATURE, "T", 0, "Of the probabilities to be learned (default 4)", 3},
    {"rate", KEY_RATE, "R", 0, "Peak learning rate (default 0.02)", 3},
    {"joint-rate", KEY_JOINT_RATE, "R", 0, "Peak learning rate of the steps together (default 0.02)", 3},
    {"batch", KEY_BATCH, "N", 0, "Images of a step (default 96)", 3},
    {"joint-batch", KEY_JOINT_BATCH, "N", 0, "Images of a step together (default 128)", 3},
    {"pool", KEY_POOL, "N", 0,
     "Augmented images that classes learn from by themselves; what the stem makes of them is kept in memory "
     "(default 16384)",
     3},
    {"crop", KEY_CROP, "N", 0, "Augmentation: random crops of images padded by N pixels (default 4)", 3},
    {"no-flip", KEY_NO_FLIP, 0, 0, "Augmentation: never mirror images", 3},
    {"seed", KEY_SEED, "S", 0, "Of all random choices (default 1)", 3},
    {0}};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct distill_arguments *arguments = state->input;
    struct distill_options *distill = &arguments->options;
    const char *name = parsed_name(options, key);
    arguments->given = name != NULL ? name : arguments->given;
    switch (key) {
    case KEY_BUDGET:
        distill->budget = parse_number(state, "--budget", text, 0, 1);
        return 0;
    case KEY_STEM:
        distill->stem = text;
        return 0;
    case KEY_STEPS:
        distill->steps = (int32_t)parse_integer(state, "--steps", text, 2, INT32_MAX);
        return 0;
    case KEY_JOINT_STEPS:
        distill->joint_steps = (int32_t)parse_integer(state, "--joint-steps", text, 0, INT32_MAX);
        return 0;
    case KEY_TEMPERATURE:
        distill->temperature = (float)parse_number(state, "--temperature", text, 0.125F, 100);
        return 0;
    case KEY_RATE:
        distill->rate = (float)parse_number(state, "--rate", text, 0, 100);
        return 0;
    case KEY_JOINT_RATE:
        distill->joint_rate = (float)parse_number(state, "--joint-rate", text, 0, 100);
        return 0;
    case KEY_BATCH:
        distill->batch_images = (int32_t)parse_integer(state, "--batch", text, 3, 1 << 20);
        return 0;
    case KEY_JOINT_BATCH:
        distill->joint_batch_images = (int32_t)parse_integer(state, "--joint-batch", text, 1, 1 << 20);
        return 0;
    case KEY_POOL:
        distill->pool_images = parse_integer(state, "--pool", text, 1, INT32_MAX);
        return 0;
    case KEY_CROP:
        distill->augmentation.crop_padding = (int32_t)parse_integer(state, "--crop", text, 0, 64);
        return 0;
    case KEY_NO_FLIP:
        distill->augmentation.flip = false;
        return 0;
    case KEY_SEED:
        distill->seed = (uint64_t)parse_integer(state, "--seed", text, 0, INT64_MAX);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp distill_argp = {options, parse_option, NULL, NULL, NULL, NULL, NULL};

void distill_describe(const struct distill_result *result, json_t *object)
{
    json_object_set_new(object, "parent_held_top1", json_real(result->parent_held_top1));
    if (result->stem[0] != '\0') {
        json_object_set_new(object, "stem", json_string(result->stem));
        json_object_set_new(object, "budget", json_real(result->budget));
    }
    json_object_set_new(object, "held_top1",
                        result->held_top1 >= 0 ? json_real(result->held_top1) : json_null());
    json_object_set_new(object, "joint_seconds", json_real(result->joint_seconds));
    json_object_set_new(object, "exchange_seconds", json_real(result->exchange_seconds));
}

void distill_print(const struct distill_result *result, const char *modules, int32_t module_count,
                   double seconds)
{
    double share = result->joint_seconds > 0 ? result->exchange_seconds / result->joint_seconds : 0;
    printf("%s: %d modules, %.1f s\n", modules, (int)module_count, seconds);
    if (result->stem[0] != '\0')
        printf("stem %s, modules of %.3f of the network's multiply-adds beyond it\n", result->stem,
               result->budget);
    if (result->held_top1 >= 0)
        printf("held-back images: top-1 %.2f %% by the modules together, %.2f %% by the network; exchanging "
               "scores took %.1f %% of the steps together\n",
               100 * result->held_top1, 100 * result->parent_held_top1, 100 * share);
}
