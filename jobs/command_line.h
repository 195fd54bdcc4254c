/* The command as it was typed, for run.json and the monitor. */
#ifndef FACET_JOBS_COMMAND_LINE_H
#define FACET_JOBS_COMMAND_LINE_H

/* "facet train --net lenet …": arguments joined by blanks, those that a shell would not take as they stand
 * quoted for it. The caller frees it with free; NULL is never returned (without memory the program ends).
 * Call before argp reorders argv. */
char *command_line_join(int argc, char **argv);

#endif
