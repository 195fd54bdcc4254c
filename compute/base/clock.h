/* Clocks of the system in seconds. */
#ifndef FACET_COMPUTE_BASE_CLOCK_H
#define FACET_COMPUTE_BASE_CLOCK_H

#include <time.h>

/* CLOCK_MONOTONIC never jumps and only its differences mean something; CLOCK_REALTIME counts from 1970. 0 for
 * a clock that the system has not. */
static inline double clock_seconds(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0)
        return 0;
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
