/* How long a key takes to the screen: facet-monitor in a pseudo-terminal of 80 columns and 24 rows.
 *
 *   key_latency FACET_MONITOR RUN [PRESSES]
 *
 * Presses ? again and again, which shows the help and hides it, and prints one JSON object: the longest and
 * the median time until the help's title, or the footer of what was there before, was written. */
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mpi/wire/machine.h"

enum { PRESSES_MAX = 1000, WINDOW = 65536 };

static const double PATIENCE = 20;

/* Reads what is written until nothing comes for quiet_ms; returns the time of the first byte, 0 for none. */
static double output_settle(int terminal, int quiet_ms, double seconds)
{
    char scrap[4096];
    struct pollfd item = {terminal, POLLIN, 0};
    double first = 0, give_up = machine_monotonic() + seconds;
    while (machine_monotonic() < give_up && poll(&item, 1, quiet_ms) == 1) {
        if (read(terminal, scrap, sizeof scrap) <= 0)
            break;
        if (first <= 0)
            first = machine_monotonic();
    }
    return first;
}

/* Seconds until `text` was written after the key; negative when it never was. */
static double key_time(int terminal, const char *key, const char *text)
{
    static char window[WINDOW];
    size_t used = 0;
    struct pollfd item = {terminal, POLLIN, 0};
    double start = machine_monotonic();
    if (write(terminal, key, strlen(key)) != (ssize_t)strlen(key))
        return -1;
    while (machine_monotonic() - start < PATIENCE && poll(&item, 1, 1000) >= 0) {
        if (used + 4096 >= WINDOW)
            used = 0;
        ssize_t bytes = (item.revents & POLLIN) != 0 ? read(terminal, window + used, WINDOW - 1 - used) : 0;
        if (bytes < 0)
            return -1;
        used += (size_t)bytes;
        if (memmem(window, used, text, strlen(text)) != NULL)
            return machine_monotonic() - start;
    }
    return -1;
}

static int real_compare(const void *a, const void *b)
{
    double x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

int main(int count, char **words)
{
    static double times[PRESSES_MAX];
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    int terminal, presses = count > 3 ? atoi(words[3]) : 40, measured = 0;
    if (count < 3 || presses < 1 || presses > PRESSES_MAX) {
        fprintf(stderr, "usage: key_latency FACET_MONITOR RUN [PRESSES]\n");
        return 2;
    }
    pid_t process = forkpty(&terminal, NULL, NULL, &size);
    if (process == 0) {
        setenv("TERM", "xterm", 1);
        execl(words[1], words[1], words[2], (char *)NULL);
        _exit(127);
    }
    output_settle(terminal, 1500, 1.5);
    for (int i = 0; i < presses; i++) {
        /* ncurses writes only what differs: these stand on one of the two pages alone */
        double took = key_time(terminal, "?", i % 2 == 0 ? "keys and sig" : "running");
        if (took < 0)
            break;
        times[measured++] = took;
        output_settle(terminal, 30, 0.15);
    }
    if (write(terminal, "q", 1) != 1)
        kill(process, SIGTERM);
    output_settle(terminal, 500, 3);
    close(terminal);
    kill(process, SIGTERM);
    waitpid(process, NULL, 0);
    if (measured < presses) {
        fprintf(stderr, "key_latency: no answer to press %d\n", measured + 1);
        return 1;
    }
    qsort(times, (size_t)measured, sizeof times[0], real_compare);
    printf("{\"presses\":%d,\"seconds_median\":%.4f,\"seconds_max\":%.4f}\n", measured, times[measured / 2],
           times[measured - 1]);
    return 0;
}
