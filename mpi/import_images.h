/* Class folders (a tree or an archive) into a dataset file, decoding shared among ranks. */
#ifndef FACET_MPI_IMPORT_IMAGES_H
#define FACET_MPI_IMPORT_IMAGES_H

#include <mpi.h>
#include <signal.h>

#include "compute/formats/images/image_listing.h"

/* Collective. The first rank lists the source, each rank streams it and decodes its share of the images into
 * its place in the file, which is written beside `output` and renamed when it is whole: the same bytes for
 * any number of ranks and threads. names (name_count) stand in the file instead of the folders' names, in
 * their order; NULL keeps those, another number of them than classes is STATUS_MISMATCH. *listing tells every
 * rank what was imported; NULL on failure. `stop` (may be NULL) ends the import with STATUS_STOPPED. */
enum status import_images(MPI_Comm comm, const char *source, const struct image_options *options,
                          const class_name *names, int32_t name_count, const char *output,
                          const volatile sig_atomic_t *stop, struct image_listing **listing);

#endif
