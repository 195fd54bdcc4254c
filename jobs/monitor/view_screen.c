#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "jobs/monitor/board.h"
#include "jobs/monitor/describe.h"
#include "jobs/monitor/screen.h"
#include "jobs/monitor/signals.h"
#include "jobs/monitor/view.h"
#include "mpi/wire/machine.h"

static const double REDRAW_SECONDS = 0.2; /* at most so often without a key */
static const double CLOCK_SECONDS = 1;    /* at least so often: times go on */

static struct {
    bool open, refused; /* refused: the terminal cannot show it */
    bool stay, ascii, changed;
    struct board board;
    struct grid grid;
    double drawn; /* monotonic */
} screen;

static void screen_news(struct view *view, const struct view_runs *runs, int place, enum follower_news news,
                        const struct event *event)
{
    (void)view;
    (void)runs;
    (void)place;
    (void)news;
    (void)event;
    screen.changed = true;
}

static bool all_are_over(const struct view_runs *runs)
{
    for (int i = 0; i < runs->count; i++)
        if (!follower_is_over(runs->followers[i]))
            return false;
    return true;
}

static void board_show(const struct view_runs *runs)
{
    struct board_run shown[VIEW_RUNS_MAX];
    int rows, columns;
    for (int i = 0; i < runs->count; i++) {
        struct snapshot_header header = follower_header(runs->followers[i]);
        shown[i] = (struct board_run){.name = follower_name(runs->followers[i]),
                                      .picture = follower_picture(runs->followers[i]),
                                      .notice = follower_notice(runs->followers[i]),
                                      .ignored = header.ignored,
                                      .refused = header.refused,
                                      .gaps = follower_gaps(runs->followers[i])};
    }
    screen_size(&rows, &columns);
    if (grid_resize(&screen.grid, rows, columns) != STATUS_OK)
        return; /* what is on the screen stays until there is memory again */
    screen.grid.unicode = !screen.ascii && screen_has_unicode();
    board_draw(&screen.board, &screen.grid, shown, runs->count, machine_time());
    screen_show(&screen.grid);
    screen.drawn = machine_monotonic();
    screen.changed = false;
}

/* True when a key was pressed that may have changed the screen. */
static bool keys_take(const struct view_runs *runs)
{
    bool any = false;
    int key;
    while (!screen.board.quit && (key = screen_key(&any)) != 0) {
        any = true;
        if (key > 0)
            board_press(&screen.board, key, runs->count);
    }
    return any;
}

static bool screen_tick(struct view *view, const struct view_runs *runs)
{
    if (!screen.open && (screen.refused || (all_are_over(runs) && !screen.stay)))
        return !screen.refused;
    if (!screen.open) {
        screen.refused = screen_open() != STATUS_OK;
        screen.open = !screen.refused;
        if (screen.refused) {
            fprintf(stderr, "facet-monitor: %s\n", error_message());
            return false;
        }
        board_start(&screen.board, runs->count);
        view->input = STDIN_FILENO;
        screen.changed = true;
    }
    if (signals_suspending()) {
        screen_leave();
        signals_suspend();
        screen_return();
        screen.changed = true;
    }
    bool pressed = keys_take(runs);
    double age = machine_monotonic() - screen.drawn;
    if (!screen.board.quit && (pressed || age >= CLOCK_SECONDS || (screen.changed && age >= REDRAW_SECONDS)))
        board_show(runs);
    return !screen.board.quit && (screen.stay || !all_are_over(runs));
}

/* On the terminal as it was before: how the runs ended, or how far they are. */
static void screen_end(struct view *view, const struct view_runs *runs, bool whole)
{
    char duration[DESCRIBE_NUMBER_BYTES];
    if (screen.open)
        screen_close();
    screen.open = false;
    grid_destroy(&screen.grid);
    for (int i = 0; i < runs->count; i++) {
        const struct picture *picture = follower_picture(runs->followers[i]);
        if (picture == NULL || picture->ended)
            continue;
        describe_duration(machine_time() - picture->start.time, duration);
        printf("%s goes on, after %s: ", follower_name(runs->followers[i]), duration);
        describe_progress(stdout, picture, machine_time());
        putchar('\n');
    }
    view->input = -1;
    struct view *plain = view_plain();
    plain->end(plain, runs, whole);
}

struct view *view_screen(bool stay, bool ascii)
{
    static struct view view = {-1, screen_news, screen_tick, screen_end};
    screen.stay = stay;
    screen.ascii = ascii;
    return &view;
}
