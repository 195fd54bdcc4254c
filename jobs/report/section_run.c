#include <stdio.h>
#include <time.h>

#include "jobs/report/sections.h"
#include "jobs/study/table.h"

static void add_fact(json_t *table, const char *name, const char *value)
{
    if (*value == '\0')
        return;
    table_row(table);
    table_text(table, "%s", name);
    json_t *rows = json_object_get(table, "rows"); /* table_text would cut a long one */
    json_array_append_new(json_array_get(rows, json_array_size(rows) - 1), json_string(value));
}

static void add_time(json_t *table, const char *name, double seconds)
{
    char text[64];
    struct tm parts;
    time_t whole = (time_t)seconds;
    if (seconds > 0 && gmtime_r(&whole, &parts) != NULL &&
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts) > 0)
        add_fact(table, name, text);
}

/* "node-0 (4 ranks), node-1 (4 ranks)": hosts in the order of their first rank. */
static void add_hosts(json_t *table, const json_t *hosts)
{
    char text[1024] = "";
    size_t i, used = 0;
    json_t *counts = json_object();
    const char *name;
    json_t *host, *count;
    json_array_foreach(hosts, i, host) if (json_is_string(host)) json_object_set_new(
        counts, json_string_value(host),
        json_integer(json_integer_value(json_object_get(counts, json_string_value(host))) + 1));
    json_object_foreach(counts, name, count)
    {
        if (used + 200 > sizeof text) {
            snprintf(text + used, sizeof text - used, ", …");
            break;
        }
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.64s (%lld rank%s)",
                                 used > 0 ? ", " : "", name, (long long)json_integer_value(count),
                                 json_integer_value(count) == 1 ? "" : "s");
    }
    add_fact(table, "hosts", text);
    json_decref(counts);
}

static void add_end(json_t *table, const struct record *record)
{
    char text[512];
    const struct picture *events = record->events;
    if (events == NULL || !events->started)
        return;
    add_fact(table, "batch job", events->start.job);
    if (events->ended) {
        snprintf(text, sizeof text, "%s%s%s", event_state_name(events->end.state),
                 *events->end.text != '\0' ? ": " : "", events->end.text);
        add_fact(table, "ended", text);
        add_time(table, "ended at", events->end.time);
        snprintf(text, sizeof text, "%.1f s", events->end.time - events->start.time);
        add_fact(table, "took", text);
    } else {
        add_fact(table, "ended", "not yet, or without saying so (killed, or its machine went down)");
        add_time(table, "last heard of", record->timeline->end);
    }
}

static json_t *facts_table(json_t *tables, const char *title, const char *name, const char *value)
{
    json_t *table = table_create(tables, "facts", title);
    table_column(table, name, COLUMN_TEXT);
    table_column(table, value, COLUMN_TEXT);
    return table;
}

static void write_log(struct page *page, const struct record *record, json_t *tables)
{
    const struct picture *events = record->events;
    if (events == NULL || events->log_count == 0)
        return;
    char title[64];
    snprintf(title, sizeof title, "The last %d lines of its log", (int)events->log_count);
    json_t *table = facts_table(tables, title, "rank", "line");
    for (int32_t i = 0; i < events->log_count; i++) {
        table_row(table);
        table_text(table, "%d", (int)events->log[i].rank);
        table_text(table, "%s", events->log[i].text);
    }
    page_table(page, table);
}

enum status section_run(struct page *page, const struct record *record)
{
    const json_t *run = record->run, *versions = json_object_get(run, "versions"),
                 *options = json_object_get(run, "options");
    const char *name;
    char text[64];
    json_t *value, *tables = json_array();
    if (run == NULL) {
        json_decref(tables);
        return STATUS_OK;
    }
    page_section(page, "The run");
    json_t *table = facts_table(tables, "What ran where", "what", "value");
    add_fact(table, "command", record_text(run, "command"));
    add_fact(table, "started", record_text(run, "started"));
    add_end(table, record);
    long long ranks = json_integer_value(json_object_get(run, "ranks")),
              threads = json_integer_value(json_object_get(run, "threads"));
    snprintf(text, sizeof text, "%lld, with %lld thread%s each", ranks, threads, threads == 1 ? "" : "s");
    add_fact(table, "ranks", text);
    add_hosts(table, json_object_get(run, "hosts"));
    json_object_foreach((json_t *)versions, name, value) if (json_is_string(value))
        add_fact(table, name, json_string_value(value));
    page_table(page, table);
    table = facts_table(tables, "Options", "option", "value");
    json_object_foreach((json_t *)options, name, value) if (json_is_string(value))
        add_fact(table, name, json_string_value(value));
    if (json_array_size(json_object_get(table, "rows")) > 0)
        page_table(page, table);
    write_log(page, record, tables);
    if (record->skipped > 0)
        page_paragraph(page,
                       "Note: %llu lines of events.jsonl were damaged or do not belong to the run; they were "
                       "left out of this report.",
                       (unsigned long long)record->skipped);
    json_decref(tables);
    return STATUS_OK;
}
