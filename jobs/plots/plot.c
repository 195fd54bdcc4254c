#include "jobs/plots/plot.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"

/* A gnuplot string: between single quotes, where nothing means anything but a quote, which is doubled.
 * (Between double quotes gnuplot runs what stands in backquotes.) */
static void write_text(FILE *script, const char *text)
{
    fputc('\'', script);
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputc('\'', script);
        fputc((unsigned char)*text < ' ' ? ' ' : *text, script);
    }
    fputc('\'', script);
}

static void write_setting(FILE *script, const char *setting, const char *text)
{
    fprintf(script, "set %s ", setting);
    write_text(script, text);
    fputc('\n', script);
}

static void write_points(FILE *script, const struct plot_series *series, int32_t number)
{
    fprintf(script, "$series%d << END\n", (int)number);
    for (int32_t i = 0; i < series->count; i++)
        if (isfinite(series->x[i]) && isfinite(series->y[i]))
            fprintf(script, "%.9g %.9g\n", series->x[i], series->y[i]);
    fputs("END\n", script);
}

static bool has_points(const struct plot_series *series)
{
    for (int32_t i = 0; i < series->count; i++)
        if (isfinite(series->x[i]) && isfinite(series->y[i]))
            return true;
    return false;
}

static void write_ticks(FILE *script, const struct plot_series *series)
{
    const char *separator = "";
    fputs("set xtics (", script);
    for (int32_t i = 0; i < series->count; i++)
        if (isfinite(series->x[i])) {
            fprintf(script, "%s%.9g", separator, series->x[i]);
            separator = ", ";
        }
    fputs(")\n", script);
}

/* A little room around the points; offsets are none on a logarithmic axis. */
static void write_axes(FILE *script, const struct plot *plot)
{
    if (plot->x_log)
        fputs("set logscale x\n", script);
    if (plot->y_log)
        fputs("set logscale y\n", script);
    if (plot->y_from_zero)
        fputs("set yrange [0:*]\n", script);
    const char *x_room = plot->x_log ? "0, 0" : "graph 0.04, graph 0.04";
    const char *y_room = plot->y_log         ? "0, 0"
                         : plot->y_from_zero ? "graph 0.06, 0"
                                             : "graph 0.06, graph 0.06";
    fprintf(script, "set offsets %s, %s\n", x_room, y_room);
    if (plot->x_ticks_at_points)
        write_ticks(script, &plot->series[0]);
}

static void write_script(FILE *script, const struct plot *plot, const char *output)
{
    const char *separator = "plot ";
    fputs("set terminal svg size 760,460 noenhanced font 'sans-serif,13' background '#ffffff'\n", script);
    write_setting(script, "output", output);
    write_setting(script, "title", plot->title);
    write_setting(script, "xlabel", plot->x_label);
    write_setting(script, "ylabel", plot->y_label);
    fputs("set grid\nset key outside right top\nset autoscale xfix\n", script);
    write_axes(script, plot);
    for (int32_t i = 0; i < plot->series_count; i++)
        if (has_points(&plot->series[i]))
            write_points(script, &plot->series[i], i);
    for (int32_t i = 0; i < plot->series_count; i++) {
        const struct plot_series *series = &plot->series[i];
        if (!has_points(series))
            continue;
        fprintf(script, "%s$series%d using 1:2 with %s lw 2 pt %d title ", separator, (int)i,
                series->mark == PLOT_LINES ? "linespoints" : "points", (int)(i % 12 + 4));
        write_text(script, series->title);
        separator = ", ";
    }
    fputc('\n', script);
}

/* Runs `gnuplot SCRIPT`, what it says into the file `log`. */
static enum status run_gnuplot(char *script, const char *log)
{
    char name[] = "gnuplot", *arguments[] = {name, script, NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    int how = 0;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return error_set(STATUS_NO_MEMORY, "gnuplot: no memory to start it");
    int failed = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (failed == 0)
        failed = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC,
                                                  0666);
    if (failed == 0)
        failed = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    if (failed == 0)
        failed = posix_spawnp(&child, name, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed == ENOENT)
        return error_set(STATUS_NOT_FOUND,
                         "gnuplot is not there; install it for plots (Debian: gnuplot-nox)");
    if (failed != 0)
        return error_set(STATUS_IO, "gnuplot cannot be started: %s", strerror(failed));
    while (waitpid(child, &how, 0) < 0)
        if (errno != EINTR)
            return error_set(STATUS_IO, "gnuplot: %s", strerror(errno));
    if (WIFEXITED(how) && WEXITSTATUS(how) == 127)
        return error_set(STATUS_NOT_FOUND,
                         "gnuplot is not there; install it for plots (Debian: gnuplot-nox)");
    return how == 0 ? STATUS_OK : error_set(STATUS_IO, "gnuplot ended with status %d", WEXITSTATUS(how));
}

/* What gnuplot said, in front of nothing else, into the message. */
static enum status add_reason(enum status status, const char *log, const char *path)
{
    char line[256] = "", reason[256] = "";
    FILE *file = fopen(log, "re");
    while (file != NULL && fgets(line, (int)sizeof line, file) != NULL)
        if (strspn(line, " \t\r\n^") < strlen(line)) {
            line[strcspn(line, "\r\n")] = '\0';
            memcpy(reason, line, sizeof reason);
        }
    if (file != NULL)
        fclose(file);
    return error_prefix(status, "%s: %s%s", path, reason, *reason != '\0' ? ": " : "");
}

static enum status draw(const struct plot *plot, const char *beside, char *script_path, const char *log,
                        const char *path)
{
    FILE *script = fopen(script_path, "we");
    if (script == NULL)
        return error_set(STATUS_IO, "%s: %s", script_path, strerror(errno));
    write_script(script, plot, beside);
    bool written = ferror(script) == 0;
    written = fclose(script) == 0 && written;
    if (!written)
        return error_set(STATUS_IO, "%s: %s; make room", script_path, strerror(errno));
    enum status status = run_gnuplot(script_path, log);
    return status == STATUS_OK ? output_file_commit(beside, path) : add_reason(status, log, path);
}

enum status plot_write(const struct plot *plot, const char *path)
{
    char *beside = NULL, *script = NULL, *log = NULL;
    bool any = false;
    size_t bytes = strlen(path) + sizeof ".part.gnuplot";
    for (int32_t i = 0; i < plot->series_count; i++)
        any |= has_points(&plot->series[i]);
    if (!any)
        return error_set(STATUS_USAGE, "%s: there is nothing to plot", path);
    enum status status = output_file_beside(path, &beside);
    if (status == STATUS_OK)
        status = memory_allocate(&script, bytes, 1, "path");
    if (status == STATUS_OK)
        status = memory_allocate(&log, bytes, 1, "path");
    if (status == STATUS_OK) {
        snprintf(script, bytes, "%s.part.gnuplot", path);
        snprintf(log, bytes, "%s.part.log", path);
        status = draw(plot, beside, script, log, path);
        output_file_discard(beside);
        output_file_discard(script);
        output_file_discard(log);
    }
    memory_free(&beside);
    memory_free(&script);
    memory_free(&log);
    return status;
}
