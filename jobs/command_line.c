#include "jobs/command_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *command_line_join(int argc, char **argv)
{
    size_t bytes = 1;
    for (int i = 0; i < argc; i++)
        bytes += strlen(argv[i]) + 3; /* a blank and two quotes */
    char *line = malloc(bytes);
    if (line == NULL) {
        fputs("facet: no memory for the command line\n", stderr);
        exit(1);
    }
    char *at = line;
    *at = '\0';
    for (int i = 0; i < argc; i++) {
        /* argv[0] is "facet NAME" */
        const char *quote = i > 0 && strpbrk(argv[i], " \t'\"\\$#&;|<>()*?[]{}`!~") != NULL ? "'" : "";
        at += sprintf(at, "%s%s%s%s", i > 0 ? " " : "", quote, argv[i], quote);
    }
    return line;
}
