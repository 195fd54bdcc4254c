#include "jobs/option_lists.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int32_t parse_number_list(const struct argp_state *state, const char *option, const char *text, double least,
                          double most, double *firsts, double *seconds, int32_t most_values)
{
    int32_t count = 0;
    if (strcmp(text, "none") == 0)
        return 0;
    for (const char *at = text;; at++) {
        char *end = NULL;
        if (count == most_values)
            argp_error(state, "%s: more than %d values", option, (int)most_values);
        firsts[count] = strtod(at, &end);
        bool good = end != at && firsts[count] >= least && firsts[count] <= most;
        if (good && seconds != NULL) {
            good = *end == ':';
            at = end + good;
            seconds[count] = strtod(at, &end);
            good = good && end != at && seconds[count] >= least && seconds[count] <= most;
        }
        if (!good || (*end != ',' && *end != '\0'))
            argp_error(state, "%s: '%s' given, expected numbers from %g to %g%s, apart by commas", option,
                       text, least, most, seconds != NULL ? " in pairs A:B" : "");
        count++;
        at = end;
        if (*end == '\0')
            return count;
    }
}

void check_name_list(const struct argp_state *state, const char *option, const char *text,
                     const char *const *known, size_t known_count)
{
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ","), found = 0;
        char expected[128] = "";
        for (size_t i = 0; i < known_count; i++) {
            size_t used = strlen(expected);
            found += strlen(known[i]) == length && strncmp(at, known[i], length) == 0;
            snprintf(expected + used, sizeof expected - used, "%s%s", i > 0 ? ", " : "", known[i]);
        }
        if (found == 0)
            argp_error(state, "%s: '%.*s' given, expected some of %s", option, (int)length, at, expected);
        at += length;
        if (*at == '\0')
            return;
    }
}
