#include "jobs/monitor/screen.h"

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jobs/monitor/board.h"

enum { ESCAPE_MS = 50 }; /* after which an Esc is a key, not the start of one */

static SCREEN *terminal;
static attr_t attributes[GRID_STYLE_COUNT];
static short pairs[GRID_STYLE_COUNT];

/* Without colours the attributes alone tell styles apart; the words do without either. */
static void styles_prepare(void)
{
    static const short colours[GRID_STYLE_COUNT] = {
        [GRID_PLAIN] = -1,         [GRID_FAINT] = -1,        [GRID_STRONG] = -1,       [GRID_BAR] = -1,
        [GRID_GOOD] = COLOR_GREEN, [GRID_BUSY] = COLOR_CYAN, [GRID_KEPT] = COLOR_BLUE, [GRID_BAD] = COLOR_RED,
    };
    static const attr_t plain[GRID_STYLE_COUNT] = {
        [GRID_FAINT] = A_DIM,
        [GRID_STRONG] = A_BOLD,
        [GRID_BAR] = A_REVERSE,
        [GRID_BAD] = A_BOLD,
    };
    bool coloured =
        getenv("NO_COLOR") == NULL && has_colors() && start_color() == OK && use_default_colors() == OK;
    memcpy(attributes, plain, sizeof attributes);
    memset(pairs, 0, sizeof pairs);
    for (short i = 0; coloured && i < GRID_STYLE_COUNT; i++)
        if (colours[i] >= 0 && init_pair((short)(i + 1), colours[i], -1) == OK)
            pairs[i] = (short)(i + 1);
}

bool screen_is_possible(void)
{
    const char *kind = getenv("TERM");
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && kind != NULL && strcmp(kind, "dumb") != 0;
}

enum status screen_open(void)
{
    const char *kind = getenv("TERM");
    terminal = newterm(NULL, stdout, stdin);
    if (terminal == NULL)
        return error_set(STATUS_IO, "terminal \"%.64s\": of no kind that is known; set TERM, or give --plain",
                         kind != NULL ? kind : "");
    set_escdelay(ESCAPE_MS);
    cbreak();
    noecho();
    nonl();
    intrflush(stdscr, FALSE);
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    curs_set(0);
    styles_prepare();
    return STATUS_OK;
}

void screen_close(void)
{
    if (terminal == NULL)
        return;
    curs_set(1);
    endwin();
    delscreen(terminal);
    terminal = NULL;
}

void screen_leave(void)
{
    endwin();
}

void screen_return(void)
{
    refresh();
    clearok(stdscr, TRUE);
}

void screen_size(int *rows, int *columns)
{
    getmaxyx(stdscr, *rows, *columns);
}

void screen_forget(void)
{
    clearok(stdscr, TRUE);
}

void screen_show(const struct grid *grid)
{
    for (int row = 0; row < grid->rows; row++)
        for (int column = 0; column < grid->columns; column++) {
            const struct grid_cell *cell = &grid->cells[row * grid->columns + column];
            wchar_t text[2] = {cell->character, L'\0'};
            cchar_t content;
            if (cell->character == 0) /* the right half of a wide character */
                continue;
            if (setcchar(&content, text, attributes[cell->style], pairs[cell->style], NULL) == OK)
                mvadd_wch(row, column, &content);
        }
    refresh();
}

static int key_translate(wint_t key)
{
    switch (key) {
    case KEY_UP:
        return BOARD_KEY_UP;
    case KEY_DOWN:
        return BOARD_KEY_DOWN;
    case KEY_PPAGE:
        return BOARD_KEY_PAGE_UP;
    case KEY_NPAGE:
        return BOARD_KEY_PAGE_DOWN;
    case KEY_HOME:
        return BOARD_KEY_HOME;
    case KEY_END:
        return BOARD_KEY_END;
    case KEY_ENTER:
        return BOARD_KEY_ENTER;
    case KEY_BACKSPACE:
        return BOARD_KEY_BACKSPACE;
    default:
        return -1; /* one that means nothing here */
    }
}

int screen_key(bool *resized)
{
    wint_t key;
    int kind = get_wch(&key);
    if (kind == ERR)
        return 0;
    if (kind == KEY_CODE_YES && key == KEY_RESIZE) {
        *resized = true;
        return -1;
    }
    if (kind == KEY_CODE_YES)
        return key_translate(key);
    if (key == L'\r' || key == L'\n')
        return BOARD_KEY_ENTER;
    if (key == 0x1b)
        return BOARD_KEY_ESCAPE;
    if (key == 0x7f || key == L'\b')
        return BOARD_KEY_BACKSPACE;
    if (key == 0x0c) { /* Ctrl-L */
        screen_forget();
        return -1;
    }
    return key > 0 && key < 0x110000 ? (int)key : -1;
}

bool screen_has_unicode(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}
