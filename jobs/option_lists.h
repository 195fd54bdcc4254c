/* Values of options that are lists, apart by commas. */
#ifndef FACET_JOBS_OPTION_LISTS_H
#define FACET_JOBS_OPTION_LISTS_H

#include <argp.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers from `least` to `most`, or "none"; with `seconds` (else NULL) each is a pair A:B, B going there.
 * Returns how many. argp_error for anything else, and for more than most_values. */
int32_t parse_number_list(const struct argp_state *state, const char *option, const char *text, double least,
                          double most, double *firsts, double *seconds, int32_t most_values);

/* argp_error unless all names are among `known`. */
void check_name_list(const struct argp_state *state, const char *option, const char *text,
                     const char *const *known, size_t known_count);

#endif
