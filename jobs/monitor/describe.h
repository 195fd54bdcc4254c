/* A run in words and bars, as lines of text. */
#ifndef FACET_JOBS_MONITOR_DESCRIBE_H
#define FACET_JOBS_MONITOR_DESCRIBE_H

#include <stddef.h>
#include <stdio.h>

#include "mpi/wire/summary.h"

enum { DESCRIBE_NUMBER_BYTES = 32, DESCRIBE_ENERGY_BYTES = 64 };

/* "12 s", "3 min 12 s", "2 h 05 min", "1 d 3 h". */
void describe_duration(double seconds, char text[DESCRIBE_NUMBER_BYTES]);

/* "HH:MM:SS", local time. */
void describe_clock(double time, char text[DESCRIBE_NUMBER_BYTES]);

/* 5210 as "5,210". */
void describe_count(double count, char text[DESCRIBE_NUMBER_BYTES]);

/* Bytes in MiB or GiB. */
void describe_bytes(uint64_t bytes, char text[DESCRIBE_NUMBER_BYTES]);

/* "est. 1.98 Wh, 1.35 g CO2e", "counted …", "part est. …": by whom is never left out. "" when it is not
 * known. */
void describe_energy(const struct picture_summary *summary, char text[DESCRIBE_ENERGY_BYTES]);

/* One line on how far the run is: "41 of 100 classes done, …". */
void describe_progress(FILE *out, const struct picture *picture, double now);

/* One line, without its end, on one epoch, class or log line. */
void describe_epoch(FILE *out, const struct picture_epoch *epoch);
void describe_class(FILE *out, const struct picture *picture, int32_t class_index);
void describe_log(FILE *out, const struct event *event);

struct describe_limits {
    int ranks, epochs, log; /* lines for each at most */
};

/* The whole picture: what runs, how it is doing, its ranks, epochs and last log lines; or, when it has ended,
 * its result. */
void describe_picture(FILE *out, const struct picture *picture, double now,
                      const struct describe_limits *limits);

#endif
