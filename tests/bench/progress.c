/* What publishing progress costs: one rank sends 100 events a second, 99 of its state and one of a class, and
 * a server collects, publishes and writes them; the processor time of both together, as a part of the time
 * that passed. progress FOLDER [SECONDS]. Prints one JSON object. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "mpi/wire/progress.h"

enum { EVENTS_A_SECOND = 100 };

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void send(struct progress_sender *sender, int32_t number)
{
    struct event event = event_make(number % EVENTS_A_SECOND == 0 ? EVENT_CLASS : EVENT_RANK);
    event.state = STATE_RUNNING;
    event.class_index = 0;
    event.done = number;
    event.total = INT32_MAX;
    snprintf(event.text, sizeof event.text, "counting active units");
    progress_send(sender, &event);
}

/* Sends for so long, and tells what it cost. */
static void publish(struct progress_sender *sender, int seconds)
{
    const struct timespec pause = {0, 1000000000 / EVENTS_A_SECOND};
    double processor_start = seconds_of(CLOCK_PROCESS_CPUTIME_ID), start = seconds_of(CLOCK_MONOTONIC);
    int32_t number = 0;
    while (seconds_of(CLOCK_MONOTONIC) < start + seconds) {
        send(sender, number++);
        nanosleep(&pause, NULL);
    }
    double processor = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - processor_start;
    double passed = seconds_of(CLOCK_MONOTONIC) - start;
    printf("{\"events\": %d, \"seconds\": %.3f, \"processor_seconds\": %.4f, \"share\": %.5f}\n", (int)number,
           passed, processor, processor / passed);
}

int main(int argc, char **argv)
{
    struct progress_access access;
    struct progress_server *server = NULL;
    struct progress_sender *sender = NULL;
    int seconds = argc > 2 ? atoi(argv[2]) : 10;
    if (argc < 2 || seconds < 1) {
        fprintf(stderr, "Usage: progress FOLDER [SECONDS]\n");
        return 2;
    }
    struct event start = event_make(EVENT_RUN_START), end = event_make(EVENT_RUN_END);
    start.state = STATE_RUNNING;
    start.total = start.class_count = 1;
    end.state = STATE_DONE;
    enum status status = progress_server_start(argv[1], NULL, &start, &server, &access);
    if (status == STATUS_OK)
        status = progress_sender_create(&access, 0, &sender);
    if (status == STATUS_OK)
        publish(sender, seconds);
    progress_sender_destroy(&sender);
    if (status == STATUS_OK)
        status = progress_server_stop(&server, &end);
    if (status != STATUS_OK)
        fprintf(stderr, "progress: %s\n", error_message());
    return status == STATUS_OK ? 0 : 1;
}
