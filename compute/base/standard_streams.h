/* Standard input, output and error are there, whoever started the program. */
#ifndef FACET_COMPUTE_BASE_STANDARD_STREAMS_H
#define FACET_COMPUTE_BASE_STANDARD_STREAMS_H

/* First thing in main. Descriptors 0 to 2 that are closed (`facet … >&-`) would be those of the next files or
 * sockets opened, and messages would be written into them: they become such that nothing can be read or
 * written, which printing then reports as it reports any other failure. */
void standard_streams_occupy(void);

#endif
