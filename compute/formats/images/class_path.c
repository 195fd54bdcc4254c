#include "compute/formats/images/class_path.h"

#include <string.h>
#include <strings.h>

bool path_piece_is(struct path_piece piece, const char *text)
{
    return piece.bytes == strlen(text) && memcmp(piece.text, text, piece.bytes) == 0;
}

static bool is_split(struct path_piece piece)
{
    return path_piece_is(piece, "train") || path_piece_is(piece, "test") || path_piece_is(piece, "val");
}

/* Takes the last component off `rest`; empty when there is none. */
static struct path_piece take_last(struct path_piece *rest)
{
    size_t from = rest->bytes;
    while (from > 0 && rest->text[from - 1] != '/')
        from--;
    struct path_piece last = {rest->text + from, rest->bytes - from};
    rest->bytes = from > 0 ? from - 1 : 0;
    return last;
}

static struct class_path class_path_of(struct path_piece folder)
{
    struct class_path path = {.prefix = folder, .split = {"", 0}};
    path.class_folder = take_last(&path.prefix);
    struct path_piece above = path.prefix, split = take_last(&above);
    if (is_split(split)) {
        path.split = split;
        path.prefix = above;
    }
    return path;
}

struct class_path class_path_of_folder(const char *path)
{
    return class_path_of((struct path_piece){path, strlen(path)});
}

struct class_path class_path_of_file(const char *path)
{
    struct path_piece folder = {path, strlen(path)};
    take_last(&folder);
    return class_path_of(folder);
}

enum class_place class_layout_place(const struct class_layout *layout, const struct class_path *path)
{
    if (path->class_folder.bytes == 0 || !path_piece_is(path->prefix, layout->prefix))
        return CLASS_PLACE_ELSEWHERE;
    if (path_piece_is(path->split, layout->split))
        return CLASS_PLACE_HERE;
    return path->split.bytes > 0 && layout->split[0] != '\0' ? CLASS_PLACE_OTHER_SPLIT
                                                             : CLASS_PLACE_ELSEWHERE;
}

bool path_is_hidden(const char *path)
{
    for (const char *at = path; *at != '\0'; at++) {
        bool begins = at == path || at[-1] == '/';
        if (begins && *at == '.' && at[1] != '/' && at[1] != '\0' && strcmp(at, "..") != 0 &&
            strncmp(at, "../", 3) != 0)
            return true;
        if (begins && strncmp(at, "__MACOSX", 8) == 0 && (at[8] == '/' || at[8] == '\0'))
            return true;
    }
    return false;
}

bool path_is_image(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot != NULL &&
           (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
}
