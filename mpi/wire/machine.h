/* What this process knows of the machine it runs on. */
#ifndef FACET_MPI_WIRE_MACHINE_H
#define FACET_MPI_WIRE_MACHINE_H

#include <stddef.h>
#include <stdint.h>

/* Seconds since 1970. */
double machine_time(void);

/* Seconds on a clock that never jumps; only differences mean something. */
double machine_monotonic(void);

/* The host name, cut to `bytes`; "unknown" when the system has none. */
void machine_host(char *host, size_t bytes);

/* Resident memory of this process; 0 when /proc does not say. */
uint64_t machine_resident_bytes(void);

#endif
