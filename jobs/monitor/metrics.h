/* The runs as figures for Prometheus, over HTTP. */
#ifndef FACET_JOBS_MONITOR_METRICS_H
#define FACET_JOBS_MONITOR_METRICS_H

#include <poll.h>
#include <stdio.h>

#include "jobs/monitor/view.h"

enum { METRICS_CLIENTS_MAX = 16, METRICS_DESCRIPTORS_MAX = METRICS_CLIENTS_MAX + 1 };

struct metrics_server;

/* Listens on "PORT" (then on the loopback address alone), "ADDRESS:PORT" or "[ADDRESS]:PORT"; port 0: any.
 * STATUS_USAGE when that is none of these, STATUS_IO when it cannot be had. */
enum status metrics_open(const char *where, struct metrics_server **server);
void metrics_close(struct metrics_server **server);

/* "HOST:PORT" it listens on. */
const char *metrics_where(const struct metrics_server *server);

/* Answers who is there. At most METRICS_CLIENTS_MAX are heard at a time; who does not say within five seconds
 * what he wants, in 2 KiB, is sent away; never waits. NULL: does nothing. */
void metrics_turn(struct metrics_server *server, const struct view_runs *runs);

/* What to poll for: at most METRICS_DESCRIPTORS_MAX. NULL: none. */
int metrics_descriptors(const struct metrics_server *server, struct pollfd *descriptors);

/* Prometheus' text format, version 0.0.4. `names` tell the runs apart. */
void metrics_write(FILE *out, const struct picture *const *pictures, const char *const *names, int count,
                   double now);

#endif
