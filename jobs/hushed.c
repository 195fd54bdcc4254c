#include "jobs/hushed.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void hush(struct hushed *hushed)
{
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    fflush(stdout);
    hushed->stdout_was = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    if (nowhere >= 0) {
        dup2(nowhere, STDOUT_FILENO);
        close(nowhere);
    }
}

void unhush(const struct hushed *hushed)
{
    fflush(stdout);
    if (hushed->stdout_was >= 0) {
        dup2(hushed->stdout_was, STDOUT_FILENO);
        close(hushed->stdout_was);
    }
}
