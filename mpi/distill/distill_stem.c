#include "mpi/distill/distill_stem.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compute/base/memory.h"
#include "modules/distill/teacher.h"
#include "mpi/classes/parts.h"
#include "mpi/ranks.h"

enum {
    TRIAL_PART = 8,     /* a trial takes an eighth of the steps, */
    TRIAL_CLASSES = 10, /* of so many classes at most, evenly taken, */
    TRIAL_POOL = 4      /* and a quarter of the images */
};

struct candidate {
    char stem[DISTILL_STEM_BYTES];
    double budget;
};

struct trials {
    const struct distillation *job;
    int32_t *classes; /* tried; ascending */
    class_name *names;
    int32_t class_count;
    struct candidate *candidates;
    int32_t candidate_count;
};

/* Some of the classes that have images. */
static enum status choose_classes(struct trials *trials)
{
    const struct network *network = trials->job->network;
    const struct dataset *dataset = trials->job->dataset;
    int32_t *usable = NULL, count = 0;
    enum status status = memory_allocate(&usable, (size_t)network->class_count, sizeof *usable, "classes");
    if (status == STATUS_OK)
        status = memory_allocate(&trials->classes, TRIAL_CLASSES, sizeof *trials->classes, "classes to try");
    if (status == STATUS_OK)
        status = memory_allocate(&trials->names, TRIAL_CLASSES, sizeof *trials->names, "classes to try");
    for (int32_t c = 0; c < network->class_count && status == STATUS_OK; c++) {
        int32_t found;
        status = class_names_find((const class_name *)dataset->class_names, dataset->class_count,
                                  network->class_names[c], trials->job->dataset_path, &found);
        if (status == STATUS_OK && dataset->class_start[found + 1] > dataset->class_start[found])
            usable[count++] = c;
    }
    trials->class_count = count < TRIAL_CLASSES ? count : TRIAL_CLASSES;
    for (int32_t i = 0; status == STATUS_OK && i < trials->class_count; i++) {
        trials->classes[i] = usable[(int64_t)i * count / trials->class_count];
        memcpy(trials->names[i], network->class_names[trials->classes[i]], sizeof *trials->names);
    }
    memory_free(&usable);
    return status;
}

/* Multiply-adds of stem and tail as fractions of the network's. */
static enum status measure_stage(const struct network *network, int32_t stage, char stem[DISTILL_STEM_BYTES],
                                 double *stem_part, double *tail_part)
{
    struct teacher teacher;
    double whole = (double)network_multiply_adds(network);
    snprintf(stem, DISTILL_STEM_BYTES, "%d", (int)stage);
    enum status status = teacher_create(network, stem, &teacher);
    if (status != STATUS_OK)
        return status;
    *stem_part = (double)network_multiply_adds(teacher.stem) / whole;
    *tail_part = (double)network_multiply_adds(teacher.tail) / whole;
    teacher_clear(&teacher);
    return STATUS_OK;
}

static enum status find_candidates(struct trials *trials)
{
    const struct network *network = trials->job->network;
    double budget = trials->job->options->budget, first_stem = 0;
    int32_t stages = teacher_stage_count(network);
    enum status status =
        memory_allocate(&trials->candidates, (size_t)stages, sizeof *trials->candidates, "stems to try");
    for (int32_t stage = 1; stage <= stages && status == STATUS_OK; stage++) {
        struct candidate candidate;
        double stem, tail;
        status = measure_stage(network, stage, candidate.stem, &stem, &tail);
        if (status != STATUS_OK)
            break;
        first_stem = stage == 1 ? stem : first_stem;
        candidate.budget = budget - (stem - first_stem) / network->class_count;
        if (candidate.budget > 0 && tail > candidate.budget)
            trials->candidates[trials->candidate_count++] = candidate;
    }
    if (status == STATUS_OK && trials->candidate_count == 0)
        status =
            error_set(STATUS_USAGE,
                      "--stem auto: no stage of network %s leaves more to distil than --budget %g; name a "
                      "stem, or ask for a smaller budget",
                      network->architecture, budget);
    return status;
}

/* Collective. *top1: of held-back images; −1 when the network behind that stem cannot be cut to the budget.
 */
static enum status try_candidate(const struct trials *trials, const struct candidate *candidate, double *top1)
{
    const struct distillation *job = trials->job;
    struct distill_options options = *job->options;
    struct distillation trial = *job;
    struct distill_result result;
    char directory[4096], output[4096 + sizeof "/modules.h5"];
    snprintf(directory, sizeof directory, "%s/stem-%s", job->work.run_directory, candidate->stem);
    snprintf(output, sizeof output, "%s/modules.h5", directory);
    options.stem = candidate->stem;
    options.budget = candidate->budget;
    options.steps = options.steps / TRIAL_PART > 2 ? options.steps / TRIAL_PART : 2;
    options.joint_steps /= TRIAL_PART;
    options.pool_images = options.pool_images / TRIAL_POOL > 1 ? options.pool_images / TRIAL_POOL : 1;
    trial.options = &options;
    trial.measure = true;
    trial.work.run_directory = directory;
    trial.work.output_path = output;
    trial.work.classes = trials->classes;
    trial.work.class_count = trials->class_count;
    trial.work.class_names = (const class_name *)trials->names;
    trial.work.numbers = NULL;
    trial.work.costs = NULL;
    trial.work.keep_parts = false;
    trial.work.progress = NULL;
    enum status status = STATUS_OK;
    bool first = ranks_rank(job->work.comm) == 0;
    if (strlen(job->work.run_directory) + sizeof "/stem-" + DISTILL_STEM_BYTES > sizeof directory)
        status =
            error_set(STATUS_USAGE, "%s: the name of the run's folder is too long", job->work.run_directory);
    if (status == STATUS_OK && first)
        status = parts_folder_make(directory);
    status = ranks_agree(job->work.comm, status);
    if (status != STATUS_OK)
        return status;
    status = distill_run(&trial, &result);
    *top1 = status == STATUS_OK ? result.held_top1 : -1;
    if (first && (status == STATUS_OK || status == STATUS_USAGE)) {
        remove(output);
        rmdir(directory);
    }
    return status == STATUS_USAGE ? STATUS_OK : status;
}

static void tell(const struct trials *trials, const struct candidate *candidate, double top1)
{
    const struct class_work *work = &trials->job->work;
    char line[160];
    if (work->note == NULL || ranks_rank(work->comm) != 0)
        return;
    if (top1 < 0)
        snprintf(line, sizeof line, "stem %s cannot be had with modules of %.3f of the network",
                 candidate->stem, candidate->budget);
    else
        snprintf(line, sizeof line,
                 "stem %s, modules of %.3f of the network: held-back top-1 %.2f %% after a short trial",
                 candidate->stem, candidate->budget, 100 * top1);
    work->note(work->note_context, line);
}

/* Collective. */
static enum status try_all(const struct trials *trials, struct distill_result *result)
{
    double best = -1;
    enum status status = STATUS_OK;
    for (int32_t i = 0; i < trials->candidate_count && status == STATUS_OK; i++) {
        const struct candidate *candidate = &trials->candidates[i];
        double top1 = -1;
        status = try_candidate(trials, candidate, &top1);
        if (status != STATUS_OK)
            break;
        tell(trials, candidate, top1);
        if (top1 > best) {
            best = top1;
            memcpy(result->stem, candidate->stem, sizeof result->stem);
            result->budget = candidate->budget;
        }
    }
    if (status == STATUS_OK && best < 0)
        status = error_set(STATUS_USAGE,
                           "--stem auto: network %s can be cut to --budget %g behind none of its stages; ask "
                           "for a larger budget",
                           trials->job->network->architecture, trials->job->options->budget);
    return status;
}

enum status distill_stem_choose(const struct distillation *distillation, struct distill_result *result)
{
    struct trials trials = {.job = distillation};
    enum status status = choose_classes(&trials);
    if (status == STATUS_OK)
        status = find_candidates(&trials);
    status = ranks_agree(distillation->work.comm, status);
    if (status == STATUS_OK)
        status = try_all(&trials, result);
    memory_free(&trials.classes);
    memory_free(&trials.names);
    memory_free(&trials.candidates);
    return status;
}
