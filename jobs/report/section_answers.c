#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "compute/base/memory.h"
#include "jobs/report/heat_map.h"
#include "jobs/report/sections.h"
#include "jobs/study/table.h"

enum { PAIRS_SHOWN = 12 };

/* A network alone is nobody's parent. */
static const char *who_name(const struct judged *judged, int who)
{
    if (who == JUDGED_MODULES)
        return "composition";
    return judged->one[JUDGED_MODULES].classifier != NULL ? "parent" : "network";
}

static const struct judged_one *leading_one(const struct judged *judged)
{
    return &judged->one[judged->one[JUDGED_MODULES].classifier != NULL ? JUDGED_MODULES : JUDGED_PARENT];
}

static void write_totals(struct page *page, const struct judged *judged, json_t *tables)
{
    static const struct table_column columns[] = {
        {"classifier", COLUMN_TEXT},     {"file", COLUMN_TEXT}, {"images", 0}, {"top-1 %", 2}, {"top-5 %", 2},
        {"multiply-adds an image, M", 3}};
    json_t *table = table_create(tables, "totals", "How often they are right");
    table_columns(table, columns, sizeof columns / sizeof *columns);
    for (int who = 0; who < JUDGED_COUNT; who++) {
        const struct judged_one *one = &judged->one[who];
        if (one->classifier == NULL)
            continue;
        table_row(table);
        table_text(table, "%s", who_name(judged, who));
        table_text(table, "%s%s", one->from_modules ? "the network in " : "", one->name);
        table_number(table, (double)judgement_images(one->judgement));
        table_number(table, 100 * judgement_top1(one->judgement));
        table_number(table, 100 * judgement_top5(one->judgement));
        table_number(table, (double)classifier_multiply_adds(one->classifier) / 1e6);
    }
    page_table(page, table);
}

/* Per cent of a class's images that are put in it; NaN when the class is not judged. */
static double recall_of(const struct judged_one *one, struct joined_class truth)
{
    int32_t label = one->classifier != NULL ? judged_label(one->judgement, truth) : -1;
    return label < 0 ? (double)NAN : 100 * judgement_class_recall(one->judgement, label);
}

/* A classifier alone has a column of its own; two have one each, and their difference. */
static void write_classes(struct page *page, const struct judged *judged, json_t *tables)
{
    static const char *const columns[JUDGED_COUNT] = {"parent %", "composition %"};
    const struct judged_one *leading = leading_one(judged);
    json_t *table = table_create(tables, "classes", "Share of each class's images that are put in it");
    bool both =
        judged->one[JUDGED_PARENT].classifier != NULL && judged->one[JUDGED_MODULES].classifier != NULL;
    table_column(table, "class", COLUMN_TEXT);
    table_column(table, "images", 0);
    for (int who = 0; who < JUDGED_COUNT; who++)
        if (both || judged->one[who].classifier != NULL)
            table_column(table, both ? columns[who] : "right %", 2);
    if (both)
        table_column(table, "difference, points", 2);
    for (int32_t label = 0; label < leading->judgement->label_count; label++) {
        struct joined_class truth = leading->judgement->classes[label];
        double recall[JUDGED_COUNT];
        table_row(table);
        table_text(table, "%s", judged_label_name(leading, label));
        table_number(table, (double)dataset_join_class_images(judged->join, truth));
        for (int who = 0; who < JUDGED_COUNT; who++) {
            recall[who] = recall_of(&judged->one[who], truth);
            if (both || judged->one[who].classifier != NULL)
                table_number(table, recall[who]);
        }
        if (both)
            table_number(table, recall[JUDGED_MODULES] - recall[JUDGED_PARENT]);
    }
    page_table(page, table);
}

/* --- confusions --- */

struct pair {
    int64_t count;
    int32_t truth, said;
};

/* Puts the pair in its place among the most frequent, the largest first; of equal ones the first. */
static void keep_pair(struct pair pairs[PAIRS_SHOWN], struct pair pair)
{
    for (int i = 0; i < PAIRS_SHOWN; i++)
        if (pair.count > pairs[i].count) {
            struct pair moved = pairs[i];
            pairs[i] = pair;
            pair = moved;
        }
}

static void write_pairs(struct page *page, const struct judged *judged, int who, json_t *tables)
{
    const struct judged_one *one = &judged->one[who];
    const struct judgement *judgement = one->judgement;
    struct pair pairs[PAIRS_SHOWN] = {{0}};
    char title[96];
    for (int32_t truth = 0; truth < judgement->label_count; truth++)
        for (int32_t said = 0; said < judgement->label_count; said++)
            if (said != truth)
                keep_pair(pairs, (struct pair){judgement_confusion(judgement, truth, said), truth, said});
    if (pairs[0].count == 0)
        return;
    snprintf(title, sizeof title, "The %s's most frequent mistakes", who_name(judged, who));
    json_t *table = table_create(tables, "mistakes", title);
    table_column(table, "image of", COLUMN_TEXT);
    table_column(table, "taken for", COLUMN_TEXT);
    table_column(table, "images", 0);
    for (int i = 0; i < PAIRS_SHOWN && pairs[i].count > 0; i++) {
        table_row(table);
        table_text(table, "%s", judged_label_name(one, pairs[i].truth));
        table_text(table, "%s", judged_label_name(one, pairs[i].said));
        table_number(table, (double)pairs[i].count);
    }
    page_table(page, table);
}

/* Shares of each row's images, and the counts. */
static void fill_matrix(const struct judgement *judgement, double *shares, int64_t *counts)
{
    int32_t n = judgement->label_count;
    for (int32_t truth = 0; truth < n; truth++) {
        int64_t images = 0;
        for (int32_t said = 0; said < n; said++)
            images += judgement_confusion(judgement, truth, said);
        for (int32_t said = 0; said < n; said++) {
            size_t i = (size_t)truth * (size_t)n + (size_t)said;
            counts[i] = judgement_confusion(judgement, truth, said);
            shares[i] = images > 0 ? (double)counts[i] / (double)images : 0;
        }
    }
}

static enum status draw_confusion(struct page *page, const struct judged *judged, int who)
{
    const struct judged_one *one = &judged->one[who];
    int32_t n = one->judgement->label_count;
    char title[64], description[300];
    double *shares = NULL;
    int64_t *counts = NULL;
    const char **labels = NULL;
    enum status status = memory_allocate(&shares, (size_t)n * (size_t)n, sizeof *shares, "confusion matrix");
    if (status == STATUS_OK)
        status = memory_allocate(&counts, (size_t)n * (size_t)n, sizeof *counts, "confusion matrix");
    if (status == STATUS_OK)
        status = memory_allocate(&labels, (size_t)n, sizeof *labels, "labels");
    if (status == STATUS_OK) {
        fill_matrix(one->judgement, shares, counts);
        for (int32_t i = 0; i < n; i++)
            labels[i] = judged_label_name(one, i);
        snprintf(title, sizeof title, "Confusion matrix of the %s", who_name(judged, who));
        snprintf(description, sizeof description,
                 "Confusion matrix of the %s: a row is what images are, a column what is said of them, the "
                 "shade the share of the row's images. %.2f %% of all lie on the diagonal.",
                 who_name(judged, who), 100 * judgement_top1(one->judgement));
        const struct heat_map map = {
            .picture = {who == JUDGED_PARENT ? "confusion-parent" : "confusion-composition", title,
                        description},
            .count = n,
            .labels = labels,
            .values = shares,
            .numbers = counts,
            .rows = "truth",
            .columns = "said"};
        status = heat_map_draw(page, &map);
    }
    memory_free(&shares);
    memory_free(&counts);
    memory_free((void *)&labels);
    return status;
}

enum status section_answers(struct page *page, const struct judged *judged)
{
    enum status status = STATUS_OK;
    json_t *tables = json_array();
    char test[1024];
    dataset_join_describe(judged->join, test, sizeof test);
    page_section(page, judged->one[JUDGED_MODULES].classifier == NULL  ? "On test images"
                       : judged->one[JUDGED_PARENT].classifier == NULL ? "The composition on test images"
                                                                       : "Parent against composition");
    page_paragraph(page, "Test images: %s.", test);
    write_totals(page, judged, tables);
    write_classes(page, judged, tables);
    page_section(page, "Confusions");
    for (int who = 0; status == STATUS_OK && who < JUDGED_COUNT; who++) {
        if (judged->one[who].classifier == NULL)
            continue;
        if (judged->one[who].judgement->label_count <= HEAT_MAP_COUNT_MAX)
            status = draw_confusion(page, judged, who);
        write_pairs(page, judged, who, tables);
    }
    json_decref(tables);
    return status;
}
