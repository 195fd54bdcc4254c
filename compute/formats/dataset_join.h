/* Several datasets as one: the union of their classes. Images keep the shape they have in their own dataset.
 *
 * A class that only one dataset has is found by its name. Any class is found as NAME/class, where NAME is the
 * dataset's: given as NAME=FILE, else the file's name without folder and ".h5". */
#ifndef FACET_COMPUTE_FORMATS_DATASET_JOIN_H
#define FACET_COMPUTE_FORMATS_DATASET_JOIN_H

#include <stdio.h>

#include "compute/data/dataset.h"

struct joined_dataset {
    struct dataset *dataset;
    const char *path; /* NULL: all its images are loaded */
    char name[CLASS_NAME_BYTES];
};

struct dataset_join {
    int32_t count; /* ≥ 1 */
    struct joined_dataset *sets;
};

/* A class of one of the datasets. */
struct joined_class {
    int32_t dataset; /* −1: none */
    int32_t class_index;
};

/* Opens "FILE" or "NAME=FILE" each (a text with "=" that is the name of a file is a FILE), of which nothing
 * is loaded yet. The texts must outlive the join. STATUS_USAGE for a name that is empty, too long or not
 * printable, else the errors of dataset_file_open. */
enum status dataset_join_open(char *const *arguments, int32_t count, struct dataset_join **join);

/* A join of one dataset whose images are all loaded; dataset and `set`, which holds it, stay the caller's. */
static inline struct dataset_join dataset_join_of(struct dataset *dataset, const char *name,
                                                  struct joined_dataset *set)
{
    *set = (struct joined_dataset){.dataset = dataset};
    snprintf(set->name, sizeof set->name, "%s", name);
    return (struct dataset_join){1, set};
}

/* Of a join that dataset_join_open made; NULL is fine. */
void dataset_join_destroy(struct dataset_join **join);

/* Reads all images of all datasets. */
enum status dataset_join_load(struct dataset_join *join);

/* *found = the class that `label` (of `where`) means: the one called NAME/class, else the one called so in
 * one dataset alone; dataset −1 when there is none. STATUS_MISMATCH, saying how to label it, when several
 * could be meant. */
enum status dataset_join_find(const struct dataset_join *join, const char *label, const char *where,
                              struct joined_class *found);

/* How many images the class has. */
int64_t dataset_join_class_images(const struct dataset_join *join, struct joined_class class);

/* pixels (count, the dataset's H, W, C) = images `place`, place + stride, … of the class (stride ≥ 1), from
 * memory when all of the dataset is loaded, else from its file. */
enum status dataset_join_read(struct dataset_join *join, struct joined_class class, int64_t place,
                              int64_t stride, int64_t count, uint8_t *pixels);

/* For messages: the paths, as in "a.h5 and b.h5"; text has `bytes` ≥ 1 bytes. */
void dataset_join_describe(const struct dataset_join *join, char *text, size_t bytes);

#endif
