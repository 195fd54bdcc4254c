/* What this process knows of the machine it runs on. */
#ifndef FACET_MPI_WIRE_MACHINE_H
#define FACET_MPI_WIRE_MACHINE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "compute/base/error.h"

/* Seconds since 1970. */
double machine_time(void);

/* Seconds on a clock that never jumps; only differences mean something. */
double machine_monotonic(void);

/* The host name, cut to `bytes`; "unknown" when the system has none. */
void machine_host(char *host, size_t bytes);

/* Processor time of all threads of this process so far, user and system, in seconds. */
double machine_processor_seconds(void);

/* Starts a thread that takes no signals: those are meant for the program's main thread. `name` is for the
 * message of a failure. */
enum status machine_thread_start(pthread_t *thread, void *(*run)(void *argument), void *argument,
                                 const char *name);

/* What the processor calls itself, made fit for JSON; "unknown" when /proc does not say. */
void machine_processor(char *name, size_t bytes);

/* Resident memory of this process; 0 when /proc does not say. */
uint64_t machine_resident_bytes(void);

#endif
