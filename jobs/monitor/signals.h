/* Signals as flags, so that the terminal is put right before the program obeys them. */
#ifndef FACET_JOBS_MONITOR_SIGNALS_H
#define FACET_JOBS_MONITOR_SIGNALS_H

#include <stdbool.h>

/* From now on SIGINT, SIGTERM, SIGHUP and SIGTSTP (Ctrl-Z) only leave their flag. */
void signals_catch(void);

/* The signal that asks the program to end; 0: none. */
int signals_ending(void);

/* True once after each Ctrl-Z. */
bool signals_suspending(void);

/* Stops the program until it is continued, as Ctrl-Z would have. */
void signals_suspend(void);

/* Ends the program as the signal would have. */
_Noreturn void signals_obey(int signal_number);

#endif
