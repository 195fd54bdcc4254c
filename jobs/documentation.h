/* Man pages and shell completion, made of the option tables that the parser itself uses. */
#ifndef FACET_JOBS_DOCUMENTATION_H
#define FACET_JOBS_DOCUMENTATION_H

#include <argp.h>
#include <stdio.h>

/* A program, or a subcommand of one. */
struct documented {
    const char *program; /* "facet" */
    const char *command; /* "train"; NULL for a program without subcommands */
    const char *summary; /* one line, for NAME and for lists */
    const struct argp *argp;
};

/* The page PROGRAM-COMMAND(1) (or PROGRAM(1)) in man(7)'s language. see_also: comma-separated pages. */
void documentation_man(FILE *out, const struct documented *page, const char *see_also);

/* PROGRAM(1) of a program with subcommands: the list of them. `introduction` is plain text. */
void documentation_man_overview(FILE *out, const char *program, const char *introduction,
                                const struct documented *pages, int count);

/* A completion script for all pages, which are of one program: subcommands, their options, and file names for
 * arguments. */
void documentation_bash(FILE *out, const struct documented *pages, int count);
void documentation_zsh(FILE *out, const struct documented *pages, int count);

#endif
