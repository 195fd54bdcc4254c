/* Losses of modules in training: a curve a class, or, of many classes, the best, the middle and the worst. */
#include <math.h>
#include <stdio.h>

#include "compute/base/memory.h"
#include "jobs/report/page_plot.h"
#include "jobs/report/sections.h"

enum { SINGLE_CURVES_MAX = 12, SPREAD = 3, TITLE_BYTES = 64 };

struct drawing {
    double percent[RUN_CURVE_POINTS]; /* of the training */
    double spread[SPREAD][RUN_CURVE_POINTS];
    struct plot_series series[SINGLE_CURVES_MAX];
    char titles[SINGLE_CURVES_MAX][TITLE_BYTES];
    int32_t count;
};

static void add_series(struct drawing *drawing, const char *title, const double *losses)
{
    char *copy = drawing->titles[drawing->count];
    snprintf(copy, TITLE_BYTES, "%s", title);
    drawing->series[drawing->count++] =
        (struct plot_series){copy, PLOT_LINES, RUN_CURVE_POINTS, drawing->percent, losses};
}

static void draw_single(const struct record *record, struct drawing *drawing)
{
    const struct class_curves *curves = &record->class_curves;
    char title[TITLE_BYTES];
    for (int32_t i = 0; i < curves->count; i++) {
        if (!curves->curves[i].any)
            continue;
        const char *name = record_class_name(record, i);
        if (*name != '\0')
            snprintf(title, sizeof title, "%s", name);
        else
            snprintf(title, sizeof title, "class %d", (int)i);
        add_series(drawing, title, curves->curves[i].loss);
    }
}

static enum status draw_spread(const struct record *record, struct drawing *drawing)
{
    static const char *const names[SPREAD] = {"least of the classes", "median", "most"};
    for (int i = 0; i < RUN_CURVE_POINTS; i++) {
        struct loss_spread spread;
        enum status status = class_curves_spread(&record->class_curves, i, &spread);
        if (status != STATUS_OK)
            return status;
        drawing->spread[0][i] = spread.least;
        drawing->spread[1][i] = spread.median;
        drawing->spread[2][i] = spread.most;
    }
    for (int i = 0; i < SPREAD; i++)
        add_series(drawing, names[i], drawing->spread[i]);
    return STATUS_OK;
}

static enum status draw(struct page *page, const struct record *record, int32_t trained,
                        struct drawing *drawing)
{
    char description[256];
    struct loss_spread end;
    const struct plot plot = {.title = "Loss of the modules in training",
                              .x_label = "training, %",
                              .y_label = "loss",
                              .series_count = drawing->count,
                              .series = drawing->series};
    enum status status = class_curves_spread(&record->class_curves, RUN_CURVE_POINTS - 1, &end);
    if (status != STATUS_OK)
        return status;
    if (isnan(end.median))
        snprintf(description, sizeof description, "Loss of the modules of %d classes in training.",
                 (int)trained);
    else
        snprintf(
            description, sizeof description,
            "Loss of the modules of %d class%s in training; at its end %.4g at least, %.4g in the middle, "
            "%.4g at most.",
            (int)trained, trained == 1 ? "" : "es", end.least, end.median, end.most);
    return page_plot(page, &plot, &(struct page_picture){"class-loss", plot.title, description});
}

static bool any_loss(const struct drawing *drawing)
{
    for (int32_t i = 0; i < drawing->count; i++)
        for (int32_t k = 0; k < RUN_CURVE_POINTS; k++)
            if (isfinite(drawing->series[i].y[k]))
                return true;
    return false;
}

enum status section_class_curves(struct page *page, const struct record *record)
{
    int32_t trained = class_curves_trained(&record->class_curves);
    struct drawing *drawing = NULL;
    enum status status = STATUS_OK;
    if (trained == 0)
        return STATUS_OK;
    status = memory_allocate(&drawing, 1, sizeof *drawing, "learning curves of classes");
    if (status != STATUS_OK)
        return status;
    for (int i = 0; i < RUN_CURVE_POINTS; i++)
        drawing->percent[i] = 100.0 * (i + 1) / RUN_CURVE_POINTS;
    if (trained <= SINGLE_CURVES_MAX)
        draw_single(record, drawing);
    else
        status = draw_spread(record, drawing);
    if (status == STATUS_OK && any_loss(drawing)) {
        page_section(page, "Learning curves of the modules");
        status = draw(page, record, trained, drawing);
    }
    memory_free(&drawing);
    return status;
}
