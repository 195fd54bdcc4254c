/* The command line: options that are kept as they are given, and the whole of it as it was typed. */
#ifndef FACET_JOBS_COMMAND_LINE_H
#define FACET_JOBS_COMMAND_LINE_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

/* An option whose text is kept as it stands, or that is given or not: a parser needs no case for it. */
struct plain_option {
    size_t offset;        /* of the parser's input: a const char *, or a bool for a flag */
    const char *required; /* its name for people ("--data"), when it must be given */
    int key;              /* ARGP_KEY_ARG: the argument beside the options */
    bool flag;            /* takes no value */
};

#define PLAIN_TEXT(key, arguments, member, required)                                                         \
    {                                                                                                        \
        offsetof(arguments, member), required, key, false                                                    \
    }
#define PLAIN_FLAG(key, arguments, member)                                                                   \
    {                                                                                                        \
        offsetof(arguments, member), NULL, key, true                                                         \
    }

/* What a parser does with keys it has no case for: keeps plain options in state->input, wants at ARGP_KEY_END
 * those that are required, in the table's order, and refuses an argument too many. ARGP_ERR_UNKNOWN for keys
 * that are none of theirs. */
error_t plain_options_parse(const struct plain_option *options, size_t count, int key, char *text,
                            struct argp_state *state);

/* "facet train --net lenet …": arguments joined by blanks, those that a shell would not take as they stand
 * quoted for it. The caller frees it with free; NULL is never returned (without memory the program ends).
 * Call before argp reorders argv. */
char *command_line_join(int argc, char **argv);

#endif
