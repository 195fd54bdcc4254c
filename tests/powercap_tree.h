/* A powercap tree like the kernel's, in a folder of the test's own. */
#ifndef FACET_TESTS_POWERCAP_TREE_H
#define FACET_TESTS_POWERCAP_TREE_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ROOT/ZONE/NAME = text, folders made on the way. The test ends when that cannot be done. */
static inline void powercap_put(const char *root, const char *zone, const char *name, const char *text)
{
    char path[512];
    mkdir(root, 0777);
    snprintf(path, sizeof path, "%s/%s", root, zone);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s", root, zone, name);
    FILE *file = fopen(path, "w");
    if (file == NULL || fprintf(file, "%s\n", text) < 0 || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

/* A zone of that name which has counted `energy` of `range` microjoules. */
static inline void powercap_zone(const char *root, const char *zone, const char *name, const char *energy,
                                 const char *range)
{
    powercap_put(root, zone, "name", name);
    powercap_put(root, zone, "energy_uj", energy);
    powercap_put(root, zone, "max_energy_range_uj", range);
}

#endif
