#include "mpi/wire/machine.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compute/base/clock.h"
#include "mpi/wire/text.h"

double machine_time(void)
{
    return clock_seconds(CLOCK_REALTIME);
}

double machine_monotonic(void)
{
    return clock_seconds(CLOCK_MONOTONIC);
}

double machine_processor_seconds(void)
{
    return clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
}

enum status machine_thread_start(pthread_t *thread, void *(*run)(void *argument), void *argument,
                                 const char *name)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(thread, NULL, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        return STATUS_OK;
    return error_set(STATUS_IO, "%s: cannot start a thread: %s", name, strerror(error));
}

void machine_host(char *host, size_t bytes)
{
    char name[256] = "";
    if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0')
        snprintf(name, sizeof name, "unknown");
    text_clean(host, bytes, name);
}

uint64_t machine_resident_bytes(void)
{
    unsigned long long total = 0, resident = 0;
    long page_bytes = sysconf(_SC_PAGESIZE);
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%llu %llu", &total, &resident) != 2)
        resident = 0;
    fclose(file);
    return page_bytes > 0 ? (uint64_t)resident * (uint64_t)page_bytes : 0;
}

void machine_processor(char *name, size_t bytes)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "re");
    snprintf(name, bytes, "unknown");
    while (file != NULL && fgets(line, (int)sizeof line, file) != NULL) {
        const char *value = strchr(line, ':');
        if (strncmp(line, "model name", strlen("model name")) != 0 || value == NULL || value[1] != ' ')
            continue;
        line[strcspn(line, "\n")] = '\0';
        text_clean(name, bytes, value + 2);
        break;
    }
    if (file != NULL)
        fclose(file);
}
