#include "jobs/console.h"

#include <stdarg.h>
#include <stdio.h>

static void wipe(struct console *console)
{
    if (console->drawn)
        fputs("\r\033[K", stderr);
    console->drawn = false;
}

void console_open(struct console *console, bool line)
{
    *console = (struct console){.line = line, .started = seconds_now(), .first_done = -1};
}

void console_attach(struct console *console, const struct job *job, struct run_progress *progress)
{
    console_open(console, job->progress_line);
    progress->show = job->rank == 0 ? console_show : NULL;
    progress->show_context = console;
}

void console_show(void *context, const struct event *event)
{
    struct console *console = context;
    double now = seconds_now();
    if (!console->line || event->kind != EVENT_RANK || now - console->shown < 0.2)
        return;
    wipe(console);
    fputs(event->text, stderr);
    if (console->first_done < 0 || event->done < console->first_done || event->total != console->total) {
        console->first_done = event->done;
        console->total = event->total;
        console->started = now;
    }
    if (event->total > 0 && event->done > console->first_done) {
        double elapsed = now - console->started;
        double left =
            elapsed * (double)(event->total - event->done) / (double)(event->done - console->first_done);
        fprintf(stderr, ": %.0f %%, about %.0f s left", 100.0 * (double)event->done / (double)event->total,
                left);
    } else {
        fprintf(stderr, ": %lld images", (long long)event->done);
    }
    if (event->images_per_second > 0)
        fprintf(stderr, ", %.0f images/s a rank", event->images_per_second);
    fflush(stderr);
    console->drawn = true;
    console->shown = now;
}

void console_print(struct console *console, const char *format, ...)
{
    va_list arguments;
    wipe(console);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

void console_note(void *context, const char *line)
{
    console_print(context, "facet: note: %s", line);
}

void console_close(struct console *console)
{
    wipe(console);
    fflush(stderr);
}
