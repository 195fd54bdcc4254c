#include "compute/formats/images/class_tree.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/formats/images/class_path.h"

struct class_tree {
    const char *folder; /* borrowed */
    FTS *walk;
    FTSENT *entry;
    FILE *file; /* of the entry at hand, once it is read */
};

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void file_close(struct class_tree *tree)
{
    if (tree->file != NULL)
        fclose(tree->file); /* read only: nothing is lost if that fails */
    tree->file = NULL;
}

static void tree_close(void *state)
{
    struct class_tree *tree = state;
    file_close(tree);
    if (tree->walk != NULL)
        fts_close(tree->walk);
    memory_free(&tree);
}

enum status class_tree_open(const char *folder, void **state)
{
    struct class_tree *tree = NULL;
    *state = NULL;
    enum status status = memory_allocate(&tree, 1, sizeof *tree, folder);
    if (status != STATUS_OK)
        return status;
    const union {
        const char *given;
        char *taken; /* fts_open does not write to it */
    } root = {folder};
    char *const roots[] = {root.taken, NULL};
    tree->folder = folder;
    tree->walk = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    if (tree->walk == NULL) {
        status = error_set(STATUS_IO, "%s: cannot open: %s", folder, strerror(errno));
        tree_close(tree);
        return status;
    }
    *state = tree;
    return STATUS_OK;
}

/* The path below the root: fts puts the root's own path and a "/" in front. */
static const char *path_below(const struct class_tree *tree)
{
    const char *path = tree->entry->fts_path + strlen(tree->folder);
    while (*path == '/')
        path++;
    return path;
}

/* Whether the entry is one to report; *status tells of those that cannot be read. */
static bool entry_counts(struct class_tree *tree, enum status *status)
{
    FTSENT *entry = tree->entry;
    if (entry->fts_level > 0 && path_is_hidden(entry->fts_name)) {
        fts_set(tree->walk, entry, FTS_SKIP);
        return false;
    }
    switch (entry->fts_info) {
    case FTS_D:
        return entry->fts_level > 0;
    case FTS_F:
        return true;
    case FTS_DC:
        *status = error_set(STATUS_FORMAT, "%s: a link that leads back to a folder above it; remove it",
                            entry->fts_path);
        return false;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
    case FTS_SLNONE:
        *status = error_set(STATUS_IO, "%s: cannot open: %s", entry->fts_path,
                            entry->fts_errno != 0 ? strerror(entry->fts_errno) : "a link to nowhere");
        return false;
    default:
        return false; /* a folder the second time, a device or a socket */
    }
}

static enum status tree_next(void *state, const char **path, bool *folder)
{
    struct class_tree *tree = state;
    enum status status = STATUS_OK;
    *path = NULL;
    file_close(tree);
    do {
        errno = 0;
        tree->entry = fts_read(tree->walk);
        if (tree->entry == NULL)
            return errno == 0 ? STATUS_OK
                              : error_set(STATUS_IO, "%s: cannot read: %s", tree->folder, strerror(errno));
    } while (!entry_counts(tree, &status) && status == STATUS_OK);
    if (status != STATUS_OK)
        return status;
    *path = path_below(tree);
    *folder = tree->entry->fts_info == FTS_D;
    return STATUS_OK;
}

static enum status tree_read(void *state, uint8_t *data, size_t bytes, size_t *got)
{
    struct class_tree *tree = state;
    const char *path = tree->entry->fts_accpath;
    if (tree->file == NULL && (tree->file = fopen(path, "rbe")) == NULL)
        return error_set(STATUS_IO, "%s: cannot open: %s", path, strerror(errno));
    *got = fread(data, 1, bytes, tree->file);
    if (*got < bytes && ferror(tree->file) != 0)
        return error_set(STATUS_IO, "%s: cannot read: %s", path, strerror(errno));
    return STATUS_OK;
}

const struct image_source_calls class_tree_calls = {tree_next, tree_read, tree_close};
