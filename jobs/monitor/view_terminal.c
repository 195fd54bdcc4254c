#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "jobs/monitor/describe.h"
#include "jobs/monitor/signals.h"
#include "jobs/monitor/view.h"
#include "mpi/wire/machine.h"

/* Lines of the block besides ranks, epochs and log: command, headline, progress, figures, heading of the
 * ranks, the notice of lost contact, and the cursor's own. */
enum { FIXED_LINES = 7, EPOCH_LINES = 4, LOG_LINES = 5, RANK_LINES_MIN = 3 };

static const double REDRAW_SECONDS = 0.25; /* at most so often */
static const double CLOCK_SECONDS = 1;     /* at least so often: times go on */

#define CURSOR_HIDE "\033[?25l"
#define CURSOR_SHOW "\033[?25h"
#define LINE_CLEAR "\033[K"
#define BELOW_CLEAR "\033[J"
#define ALL_CLEAR "\033[H\033[2J"

static struct {
    bool cursor_hidden, changed;
    int lines; /* of the block on the screen, above the cursor */
    int columns, rows;
    double drawn; /* monotonic */
} screen;

static void size_read(int *columns, int *rows)
{
    struct winsize size;
    *columns = 80;
    *rows = 24;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        *columns = size.ws_col;
        *rows = size.ws_row;
    }
}

/* Writes as much of the line as fits the columns; what the terminal's character set lacks becomes '?'. */
static void line_put(const char *line, size_t length, int columns)
{
    mbstate_t state;
    memset(&state, 0, sizeof state);
    for (size_t at = 0; at < length;) {
        wchar_t character;
        size_t bytes = mbrtowc(&character, line + at, length - at, &state);
        bool readable = bytes != (size_t)-1 && bytes != (size_t)-2 && bytes != 0 && wcwidth(character) >= 0;
        int width = readable ? wcwidth(character) : 1;
        if (width > columns)
            break;
        if (readable) {
            fwrite(line + at, 1, bytes, stdout);
            at += bytes;
        } else {
            fputc('?', stdout);
            at++;
            memset(&state, 0, sizeof state);
        }
        columns -= width;
    }
}

/* Over the lines of the block before, so that nothing flickers. */
static void block_put(const char *text, int lines_max)
{
    int lines = 0;
    if (screen.lines > 0)
        printf("\033[%dA\r", screen.lines);
    while (*text != '\0' && lines < lines_max) {
        size_t length = strcspn(text, "\n");
        line_put(text, length, screen.columns);
        fputs(LINE_CLEAR "\n", stdout);
        text += length + (text[length] == '\n');
        lines++;
    }
    fputs(BELOW_CLEAR, stdout);
    fflush(stdout);
    screen.lines = lines;
}

static struct describe_limits limits_choose(const struct picture *picture)
{
    struct describe_limits limits = {.ranks = picture->rank_count, .epochs = EPOCH_LINES, .log = LOG_LINES};
    int32_t epochs = picture->epoch_count < EPOCH_LINES ? picture->epoch_count : EPOCH_LINES;
    int32_t log = picture->log_count < LOG_LINES ? picture->log_count : LOG_LINES;
    int room = screen.rows - FIXED_LINES - epochs - log;
    if (limits.ranks > room)
        limits.ranks = room > RANK_LINES_MIN ? room : RANK_LINES_MIN;
    return limits;
}

static void picture_draw(const struct picture *picture, double silence)
{
    char *text = NULL;
    size_t bytes;
    char duration[DESCRIBE_NUMBER_BYTES];
    int columns, rows;
    FILE *out = open_memstream(&text, &bytes);
    if (out == NULL)
        return;
    size_read(&columns, &rows);
    if (screen.lines > 0 && (columns != screen.columns || rows != screen.rows)) {
        fputs(ALL_CLEAR, stdout); /* the terminal has rearranged the lines as it liked */
        screen.lines = 0;
    }
    screen.columns = columns;
    screen.rows = rows;
    struct describe_limits limits = limits_choose(picture);
    describe_picture(out, picture, machine_time(), &limits);
    if (silence > 3) {
        describe_duration(silence, duration);
        fprintf(out, "no word from the run for %s\n", duration);
    }
    if (fclose(out) == 0) {
        if (!screen.cursor_hidden && !picture->ended)
            fputs(CURSOR_HIDE, stdout);
        screen.cursor_hidden = true;
        block_put(text, rows > 1 ? rows - 1 : 1);
    }
    free(text);
    screen.drawn = machine_monotonic();
    screen.changed = false;
}

static void cursor_restore(void)
{
    if (screen.cursor_hidden)
        fputs(CURSOR_SHOW, stdout);
    screen.cursor_hidden = false;
    fflush(stdout);
}

static void terminal_picture(struct view *view, const struct picture *picture)
{
    (void)view;
    (void)picture;
    screen.changed = true;
}

static void terminal_event(struct view *view, const struct picture *picture, const struct event *event)
{
    (void)view;
    (void)picture;
    (void)event;
    screen.changed = true;
}

static void terminal_tick(struct view *view, const struct picture *picture, double silence)
{
    (void)view;
    if (signals_suspending()) {
        cursor_restore();
        signals_suspend();
        screen.lines = 0; /* other programs have written below the block */
        screen.changed = true;
    }
    if (picture == NULL)
        return;
    double age = machine_monotonic() - screen.drawn;
    if (age >= CLOCK_SECONDS || (screen.changed && age >= REDRAW_SECONDS))
        picture_draw(picture, silence);
}

static void terminal_end(struct view *view, const struct picture *picture)
{
    (void)view;
    if (picture != NULL)
        picture_draw(picture, 0);
    cursor_restore();
}

struct view *view_terminal(void)
{
    static struct view view = {terminal_picture, terminal_event, terminal_tick, terminal_end};
    return &view;
}
