#include "jobs/command_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/job.h"

/* --- plain options --- */

static void keep(const struct plain_option *option, char *text, struct argp_state *state)
{
    void *member = (char *)state->input + option->offset;
    if (option->flag) {
        *(bool *)member = true;
        return;
    }
    const char **kept = member;
    if (option->key == ARGP_KEY_ARG && *kept != NULL)
        argp_error(state, "'%s' and '%s' given, one argument is expected beside the options", *kept, text);
    *kept = text;
}

static void require_all(const struct plain_option *options, size_t count, const struct argp_state *state)
{
    for (size_t i = 0; i < count; i++)
        if (options[i].required != NULL)
            parse_require(
                state, options[i].required,
                *(const char *const *)(const void *)((const char *)state->input + options[i].offset));
}

error_t plain_options_parse(const struct plain_option *options, size_t count, int key, char *text,
                            struct argp_state *state)
{
    for (size_t i = 0; i < count; i++)
        if (options[i].key == key) {
            keep(&options[i], text, state);
            return 0;
        }
    if (key == ARGP_KEY_ARG)
        argp_error(state, "'%s' given, but no argument is expected beside the options", text);
    if (key != ARGP_KEY_END)
        return ARGP_ERR_UNKNOWN;
    require_all(options, count, state);
    return 0;
}

/* --- the whole --- */

/* A word that a shell reads as it stands. */
static bool is_plain(const char *word)
{
    return *word != '\0' && strpbrk(word, " \t\n'\"\\$#&;|<>()*?[]{}`!~") == NULL;
}

/* In single quotes, those within it as '\''; returns its end. */
static char *append_quoted(char *at, const char *word)
{
    *at++ = '\'';
    for (; *word != '\0'; word++)
        if (*word == '\'')
            at = stpcpy(at, "'\\''");
        else
            *at++ = *word;
    *at++ = '\'';
    return at;
}

char *command_line_join(int argc, char **argv)
{
    size_t bytes = 1;
    for (int i = 0; i < argc; i++)
        bytes += 4 * strlen(argv[i]) + 3; /* a blank and two quotes; a quote becomes four characters */
    char *line = malloc(bytes);
    if (line == NULL) {
        fputs("facet: no memory for the command line\n", stderr);
        exit(1);
    }
    char *at = line;
    for (int i = 0; i < argc; i++) {
        if (i > 0)
            *at++ = ' ';
        /* argv[0] is "facet NAME" */
        at = i == 0 || is_plain(argv[i]) ? stpcpy(at, argv[i]) : append_quoted(at, argv[i]);
    }
    *at = '\0';
    return line;
}
