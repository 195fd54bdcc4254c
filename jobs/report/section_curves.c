#include <math.h>
#include <stdio.h>

#include "compute/base/memory.h"
#include "jobs/report/page_plot.h"
#include "jobs/report/sections.h"

struct curves {
    int32_t count;
    double *epoch, *loss, *train, *test; /* (count); train and test in per cent, NaN: not measured */
};

static bool is_of_training(const struct picture_epoch *epoch)
{
    return epoch->class_index < 0;
}

static void gather(const struct picture *events, struct curves *curves)
{
    for (int32_t i = 0; i < events->epoch_count; i++) {
        const struct picture_epoch *epoch = &events->epochs[i];
        if (!is_of_training(epoch))
            continue;
        curves->epoch[curves->count] = (double)epoch->done;
        curves->loss[curves->count] = epoch->loss;
        curves->train[curves->count] = 100 * epoch->train_top1;
        curves->test[curves->count++] = epoch->test_top1 < 0 ? (double)NAN : 100 * epoch->test_top1;
    }
}

static bool any_finite(const double *values, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        if (isfinite(values[i]))
            return true;
    return false;
}

static enum status draw_loss(struct page *page, const struct curves *curves)
{
    char description[256];
    int32_t last = curves->count - 1;
    const struct plot_series series = {"loss", PLOT_LINES, curves->count, curves->epoch, curves->loss};
    const struct plot plot = {.title = "Loss by epoch",
                              .x_label = "epoch",
                              .y_label = "loss",
                              .series_count = 1,
                              .series = &series};
    if (!any_finite(curves->loss, curves->count)) {
        page_paragraph(page, "The loss was never finite: training diverged.");
        return STATUS_OK;
    }
    snprintf(description, sizeof description,
             "Loss on the training images: %.4g after epoch %.0f, %.4g after epoch %.0f.", curves->loss[0],
             curves->epoch[0], curves->loss[last], curves->epoch[last]);
    return page_plot(page, &plot, &(struct page_picture){"loss", plot.title, description});
}

static enum status draw_accuracy(struct page *page, const struct curves *curves)
{
    char description[256];
    int32_t last = curves->count - 1;
    bool tested = any_finite(curves->test, curves->count);
    const struct plot_series series[] = {
        {"training images", PLOT_LINES, curves->count, curves->epoch, curves->train},
        {"test images", PLOT_LINES, curves->count, curves->epoch, curves->test}};
    const struct plot plot = {.title = "Top-1 by epoch",
                              .x_label = "epoch",
                              .y_label = "top-1, %",
                              .series_count = tested ? 2 : 1,
                              .series = series};
    if (!any_finite(curves->train, curves->count))
        return STATUS_OK;
    int used =
        snprintf(description, sizeof description,
                 "Top-1 accuracy on the training images: %.2f %% after epoch %.0f, %.2f %% after epoch "
                 "%.0f",
                 curves->train[0], curves->epoch[0], curves->train[last], curves->epoch[last]);
    if (isfinite(curves->test[last]))
        snprintf(description + used, sizeof description - (size_t)used, "; on the test images then %.2f %%.",
                 curves->test[last]);
    else
        snprintf(description + used, sizeof description - (size_t)used, ".");
    return page_plot(page, &plot, &(struct page_picture){"top-1", plot.title, description});
}

enum status section_curves(struct page *page, const struct record *record)
{
    struct curves curves = {0};
    int32_t most = record->events != NULL ? record->events->epoch_count : 0;
    double *values = NULL;
    if (most == 0)
        return STATUS_OK;
    enum status status = memory_allocate(&values, (size_t)most, 4 * sizeof *values, "learning curves");
    if (status != STATUS_OK)
        return status;
    curves.epoch = values;
    curves.loss = values + most;
    curves.train = values + 2 * (size_t)most;
    curves.test = values + 3 * (size_t)most;
    gather(record->events, &curves);
    if (curves.count > 0) {
        page_section(page, "Learning curves");
        status = draw_loss(page, &curves);
        if (status == STATUS_OK)
            status = draw_accuracy(page, &curves);
    }
    memory_free(&values);
    return status;
}
