/* Plots in a page. */
#ifndef FACET_JOBS_REPORT_PAGE_PLOT_H
#define FACET_JOBS_REPORT_PAGE_PLOT_H

#include "jobs/plots/plot.h"
#include "jobs/report/page.h"

/* Has gnuplot draw it and puts it into the page. STATUS_NOT_FOUND without gnuplot. */
enum status page_plot(struct page *page, const struct plot *plot, const struct page_picture *picture);

#endif
