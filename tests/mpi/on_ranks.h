/* What tests on ranks share: a main that starts MPI and runs the same cmocka group on every rank. A failed
 * assertion on one rank would leave the others waiting in a collective, so it ends the job. */
#ifndef FACET_TESTS_MPI_ON_RANKS_H
#define FACET_TESTS_MPI_ON_RANKS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <mpi.h>

/* In place of a cmocka assertion where ranks could be left behind. */
#define assert_on_ranks(condition)                                                                           \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            print_error("%s:%d: %s\n", __FILE__, __LINE__, #condition);                                      \
            MPI_Abort(MPI_COMM_WORLD, 1);                                                                    \
        }                                                                                                    \
    } while (0)

#define ON_RANKS_MAIN(tests)                                                                                 \
    int main(int argc, char **argv)                                                                          \
    {                                                                                                        \
        int provided = 0;                                                                                    \
        MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);                                       \
        int failures = cmocka_run_group_tests(tests, NULL, NULL);                                            \
        MPI_Finalize();                                                                                      \
        return failures;                                                                                     \
    }

#endif
