#include "jobs/monitor/signals.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t ending;
static volatile sig_atomic_t suspending;

static void note_signal(int number)
{
    if (number == SIGTSTP)
        suspending = 1;
    else
        ending = number;
}

static void signal_handle(int number, void (*handler)(int))
{
    struct sigaction action;
    memset(&action, 0, sizeof action); /* no SA_RESTART: waiting ends */
    action.sa_handler = handler;
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

/* A signal that whoever started the program ignores (nohup) stays ignored. */
static void signal_catch(int number)
{
    struct sigaction before;
    if (sigaction(number, NULL, &before) == 0 && before.sa_handler == SIG_IGN)
        return;
    signal_handle(number, note_signal);
}

void signals_catch(void)
{
    signal_catch(SIGINT);
    signal_catch(SIGTERM);
    signal_catch(SIGHUP);
    signal_catch(SIGTSTP);
}

int signals_ending(void)
{
    return ending;
}

bool signals_suspending(void)
{
    bool wanted = suspending != 0;
    suspending = 0;
    return wanted;
}

void signals_suspend(void)
{
    signal_handle(SIGTSTP, SIG_DFL);
    raise(SIGTSTP);
    signal_handle(SIGTSTP, note_signal);
}

_Noreturn void signals_obey(int signal_number)
{
    signal_handle(signal_number, SIG_DFL);
    raise(signal_number);
    exit(128 + signal_number);
}
