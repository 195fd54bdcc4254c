/* Energy counters of this node's processors, as Linux shows them: the powercap tree of the RAPL driver
 * (Documentation/power/powercap/powercap.rst of the kernel), /sys/class/powercap/intel-rapl:N for a package
 * and intel-rapl:N:M for its parts. AMD processors appear under the same names. Packages and their DRAM are
 * counted; core and uncore are parts of the package, psys holds packages: neither is counted again. */
#ifndef FACET_MPI_ENERGY_POWERCAP_H
#define FACET_MPI_ENERGY_POWERCAP_H

#include <stdbool.h>

#include "compute/base/error.h"

#define POWERCAP_ROOT "/sys/class/powercap"

/* Joules counted since powercap_open. */
struct powercap_joules {
    double package, dram;
    bool has_dram; /* the processor counts its memory apart; without it `dram` stays 0 */
};

struct powercap;

/* Opens the counters below `root` and reads each once. STATUS_NOT_FOUND when there is no package or one of
 * them cannot be read (the kernel lets only root read unless told otherwise), naming the file and the reason.
 */
enum status powercap_open(const char *root, struct powercap **powercap);
void powercap_close(struct powercap **powercap);

/* Reads all counters. They run round (a package's after 262 kJ, eleven minutes at 400 W): to be called more
 * often than that. STATUS_NOT_FOUND or STATUS_FORMAT names a counter that is gone or says nonsense. */
enum status powercap_read(struct powercap *powercap, struct powercap_joules *joules);

#endif
