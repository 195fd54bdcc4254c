/* A subcommand that runs inside another prints its result for people, which is not the other's to print. */
#ifndef FACET_JOBS_HUSHED_H
#define FACET_JOBS_HUSHED_H

struct hushed {
    int stdout_was;
};

/* Until unhush, what is printed on standard output goes nowhere. */
void hush(struct hushed *hushed);
void unhush(const struct hushed *hushed);

#endif
