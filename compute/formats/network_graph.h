/* A network as files have it, a table of its layers and the entries of their inputs, and back again: with
 * every check that a file which nobody vouches for needs. For network groups, and for modules files, which
 * pack many networks. `where` is the open group or file to name in messages. */
#ifndef FACET_COMPUTE_FORMATS_NETWORK_GRAPH_H
#define FACET_COMPUTE_FORMATS_NETWORK_GRAPH_H

#include "compute/formats/network_records.h"

struct network_graph {
    struct layer_record *records; /* (layer_count) */
    int32_t *inputs;              /* (input_count): of all layers, one after the other */
    int32_t layer_count, input_count;
};

/* Room for so many; network_graph_clear frees it, also after a failure. */
enum status network_graph_allocate(struct network_graph *graph, int32_t layer_count, int32_t input_count);
void network_graph_clear(struct network_graph *graph);

/* --- out --- */

/* Inputs of all layers. */
int32_t network_graph_inputs(const struct network *network);
/* The graph of a network. */
enum status network_graph_of(const struct network *network, struct network_graph *graph);

/* Whether scaling, parameters and statistics are what may stand in a file: finite, variances not negative.
 * STATUS_FORMAT. The same is asked of what is written and of what is read. */
enum status network_values_check(hid_t where, const struct network *network);
/* The first channels of the input, which have a mean and a deviation of their own. */
int32_t network_scaled_channels(const struct network *network);

/* --- in --- */

/* The network of the graph, not yet finished: layer by layer, shapes inferred anew and compared. *network is
 * the caller's to destroy, also after a failure; NULL on entry. */
enum status network_graph_build(hid_t where, const struct network_graph *graph, const char *architecture,
                                struct network **network);

/* Finishes it, after comparing the counts of what there is to read with what the network will have: nothing
 * is allocated by them before. */
enum status network_graph_finish(hid_t where, struct network *network, uint64_t parameters,
                                 uint64_t statistics, const class_name *names, int32_t name_count);

#endif
