/* The sections of a report, each written only when there is something to say. */
#ifndef FACET_JOBS_REPORT_SECTIONS_H
#define FACET_JOBS_REPORT_SECTIONS_H

#include "jobs/report/judged.h"
#include "jobs/report/page.h"
#include "jobs/report/record.h"

/* What ran where, with which options, and how it ended. */
enum status section_run(struct page *page, const struct record *record);
/* Loss and accuracy by epoch; needs gnuplot. */
enum status section_curves(struct page *page, const struct record *record);
/* The same of modules trained class by class. */
enum status section_class_curves(struct page *page, const struct record *record);
/* What the modules of the file keep, and what they have in common. */
enum status section_modules(struct page *page, const char *modules);
/* Parent against composition: in numbers, class by class, confusions. */
enum status section_answers(struct page *page, const struct judged *judged);
/* Test images with what is said of them. */
enum status section_gallery(struct page *page, struct judged *judged);
/* Which rank did what when. */
enum status section_timeline(struct page *page, const struct record *record);
/* Strong and weak scaling; needs gnuplot. */
enum status section_scaling(struct page *page, const struct record *record);
/* emissions.csv. */
enum status section_cost(struct page *page, const struct record *record);
/* Tables and plots of the studies in the directory. */
enum status section_studies(struct page *page, const struct record *record);

#endif
