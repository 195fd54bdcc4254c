#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "jobs/report/picture_file.h"
#include "jobs/report/sections.h"
#include "jobs/run_directory.h"

/* A plot's file lies in the directory of the study and nowhere else. */
static enum status read_plot(const struct record *record, const char *name, char **bytes, size_t *count)
{
    char *path = NULL;
    if (*name == '\0' || strchr(name, '/') != NULL)
        return error_set(STATUS_FORMAT, "%s: a study's plot is called '%s'; expected a file in the directory",
                         record->directory, name);
    enum status status = run_directory_path(record->directory, name, &path);
    if (status == STATUS_OK)
        status = picture_file_read(path, bytes, count);
    if (status == STATUS_IO)
        status = error_prefix(status, "make the study's plots anew: ");
    memory_free(&path);
    return status;
}

static enum status show_plot(struct page *page, const struct record *record, const json_t *plot,
                             size_t number)
{
    char *bytes = NULL, name[32];
    size_t count = 0;
    const char *title = record_text(plot, "title");
    enum status status = read_plot(record, record_text(plot, "file"), &bytes, &count);
    snprintf(name, sizeof name, "study-%02zu", number);
    if (status == STATUS_OK)
        status = page_image(page, &(struct page_picture){name, title, title}, "svg+xml", bytes, count);
    memory_free(&bytes);
    return status;
}

enum status section_studies(struct page *page, const struct record *record)
{
    json_t *study, *table, *plot;
    size_t s, i, plots = 0;
    char title[256];
    enum status status = STATUS_OK;
    json_array_foreach(record->studies, s, study)
    {
        snprintf(title, sizeof title, "Study %s: %s", record_text(study, "name"), record_text(study, "kind"));
        page_section(page, title);
        page_paragraph(page, "%s", record_text(study, "command"));
        page_paragraph(
            page, "Finished %s with Facet %s on %s: %.1f s, %.4g Wh of the machine itself, %.4g g CO2e (%s).",
            record_text(study, "finished"), record_text(study, "facet"),
            record_text(json_object_get(study, "machine"), "processor"), record_number(study, "seconds"),
            record_number(study, "energy_joules") / 3600, record_number(study, "co2e_grams"),
            record_text(study, "energy_source"));
        json_array_foreach(json_object_get(study, "tables"), i, table) page_table(page, table);
        json_array_foreach(json_object_get(study, "plots"), i, plot) if (status == STATUS_OK) status =
            show_plot(page, record, plot, ++plots);
    }
    return status;
}
