/* emissions.csv: what runs cost, one row each, with the columns of CodeCarbon 2.x
 * (https://mlco2.github.io/codecarbon, as of 2.2 to 2.4), so that its dashboard and scripts for it read ours.
 */
#ifndef FACET_MPI_ENERGY_EMISSIONS_FILE_H
#define FACET_MPI_ENERGY_EMISSIONS_FILE_H

#include "mpi/energy/energy.h"

/* Appends a row to the file at `path`, which is made when it is not there; written beside and renamed. Units
 * are CodeCarbon's: seconds, kg of CO2e, W, kWh (with the data centre's overhead, as CodeCarbon counts them),
 * GB. What Facet does not know (place, GPUs, Python) stays empty, figures of GPUs 0. tracking_mode is
 * "machine" when energy was counted, "process" when it was estimated. STATUS_FORMAT when the file there has
 * other columns. */
enum status emissions_file_append(const char *path, const char *project, const struct energy_cost *cost);

#endif
