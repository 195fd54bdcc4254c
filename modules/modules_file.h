/* Modules and composition files: one schema (docs/file-formats.md).
 *
 * Creating one can be collective: give an MPI-IO access property list to modules_file_create and a collective
 * transfer property list to modules_file_write; every rank calls them with the same parents and totals, and
 * each writes the rows of its own modules. This folder knows no ranks: it only passes the lists on. */
#ifndef FACET_MODULES_MODULES_FILE_H
#define FACET_MODULES_MODULES_FILE_H

#include <hdf5.h>

#include "modules/module_set.h"

/* Who writes what: module i of the file is written by the caller that has `rows` entry i. */
enum status modules_file_create(const char *path, const char *kind, hid_t access,
                                const struct network *const *parents, int32_t parent_count,
                                const int32_t *module_parents, int32_t module_count, bool write_parents,
                                hid_t *file);

/* Writes `count` modules as rows rows[0] < rows[1] < … of the file (count may be 0: with a collective
 * `transfer` everybody calls, whoever has nothing selects nothing). */
enum status modules_file_write(hid_t file, hid_t transfer, const struct module *const *modules,
                               const int32_t *rows, int32_t count);

/* One process, a whole set, beside and renamed. */
enum status modules_file_save(const struct module_set *set, const char *kind, const char *path);

/* Reads either kind ("modules" or "composition"; NULL for both), checking everything. */
enum status modules_file_load(const char *path, const char *kind, struct module_set **set);

#endif
