#include "jobs/command_line.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
