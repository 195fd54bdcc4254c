/* Closed standard streams are occupied, and still cannot be used; open ones stay as they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "compute/base/standard_streams.h"

enum { STREAMS = 3 };

/* What was seen while the streams were closed: cmocka prints on them. */
struct seen {
    int next;          /* the descriptor of a file opened afterwards */
    int open[STREAMS]; /* whether each is */
    ssize_t read_bytes, written_bytes[STREAMS];
};

static struct seen occupy_closed(void)
{
    struct seen seen = {0};
    char byte = 'x';
    int kept[STREAMS];
    for (int i = 0; i < STREAMS; i++) {
        kept[i] = fcntl(i, F_DUPFD_CLOEXEC, STREAMS);
        close(i);
    }
    standard_streams_occupy();
    for (int i = 0; i < STREAMS; i++)
        seen.open[i] = fcntl(i, F_GETFD) != -1;
    seen.read_bytes = read(0, &byte, 1);
    for (int i = 1; i < STREAMS; i++)
        seen.written_bytes[i] = write(i, &byte, 1);
    seen.next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(seen.next);
    for (int i = 0; i < STREAMS; i++) {
        dup2(kept[i], i);
        close(kept[i]);
    }
    return seen;
}

static void test_closed_streams_are_occupied(void **state)
{
    (void)state;
    struct seen seen = occupy_closed();
    for (int i = 0; i < STREAMS; i++)
        assert_true(seen.open[i]);
    assert_true(seen.next >= STREAMS);
    assert_int_equal(seen.read_bytes, -1);
    assert_int_equal(seen.written_bytes[1], -1);
    assert_int_equal(seen.written_bytes[2], -1);
}

static void test_open_streams_stay(void **state)
{
    (void)state;
    int ends[2], kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STREAMS);
    char byte = 0;
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    standard_streams_occupy();
    ssize_t written = write(STDERR_FILENO, "y", 1);
    dup2(kept, STDERR_FILENO);
    assert_int_equal(written, 1);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    close(ends[0]);
    close(ends[1]);
    close(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed_streams_are_occupied),
        cmocka_unit_test(test_open_streams_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
