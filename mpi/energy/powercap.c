#include "mpi/energy/powercap.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"

enum { ZONES_MAX = 256 };

enum zone_kind { ZONE_OTHER, ZONE_PACKAGE, ZONE_DRAM };

struct zone {
    char path[PATH_MAX]; /* of energy_uj */
    enum zone_kind kind;
    uint64_t last, range; /* microjoules */
};

struct powercap {
    int zone_count;
    struct powercap_joules joules;
    struct zone zones[ZONES_MAX];
};

static enum status name_path(const char *root, const char *zone, const char *name, char path[PATH_MAX])
{
    if (snprintf(path, PATH_MAX, "%s/%s/%s", root, zone, name) >= PATH_MAX)
        return error_set(STATUS_NOT_FOUND, "%s/%s: the path is too long for an energy counter", root, zone);
    return STATUS_OK;
}

static enum status read_line(const char *path, char *line, int line_bytes)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return error_set(STATUS_NOT_FOUND, "%s: %s", path, strerror(errno));
    bool read = fgets(line, line_bytes, file) != NULL;
    fclose(file);
    line[read ? strcspn(line, "\n") : 0] = '\0';
    return read ? STATUS_OK : error_set(STATUS_NOT_FOUND, "%s: nothing can be read from it", path);
}

static enum status read_microjoules(const char *path, uint64_t *value)
{
    char line[64], *end = NULL;
    enum status status = read_line(path, line, (int)sizeof line);
    if (status != STATUS_OK)
        return status;
    errno = 0;
    unsigned long long parsed = strtoull(line, &end, 10);
    if (errno != 0 || !isdigit((unsigned char)*line) || *end != '\0')
        return error_set(STATUS_FORMAT, "%s: '%.40s' read, expected a number of microjoules", path, line);
    *value = parsed;
    return STATUS_OK;
}

static enum zone_kind kind_of(const char *root, const char *zone)
{
    char path[PATH_MAX], name[64];
    const char *prefix = "intel-rapl:";
    if (strncmp(zone, prefix, strlen(prefix)) != 0 || /* intel-rapl-mmio shows the same counters again */
        name_path(root, zone, "name", path) != STATUS_OK ||
        read_line(path, name, (int)sizeof name) != STATUS_OK)
        return ZONE_OTHER;
    bool part = strchr(zone + strlen(prefix), ':') != NULL;
    if (!part && strncmp(name, "package", strlen("package")) == 0)
        return ZONE_PACKAGE;
    return part && strcmp(name, "dram") == 0 ? ZONE_DRAM : ZONE_OTHER;
}

static enum status add_zone(struct powercap *powercap, const char *root, const char *name)
{
    struct zone zone = {.kind = kind_of(root, name)};
    char path[PATH_MAX];
    if (zone.kind == ZONE_OTHER)
        return STATUS_OK;
    if (powercap->zone_count == ZONES_MAX)
        return error_set(STATUS_NOT_FOUND, "%s: more than %d energy counters", root, (int)ZONES_MAX);
    enum status status = name_path(root, name, "max_energy_range_uj", path);
    if (status == STATUS_OK)
        status = read_microjoules(path, &zone.range);
    if (status == STATUS_OK)
        status = name_path(root, name, "energy_uj", zone.path);
    if (status == STATUS_OK)
        status = read_microjoules(zone.path, &zone.last);
    if (status == STATUS_OK) {
        powercap->joules.has_dram |= zone.kind == ZONE_DRAM;
        powercap->zones[powercap->zone_count++] = zone;
    }
    return status;
}

static enum status find_zones(struct powercap *powercap, const char *root)
{
    DIR *folder = opendir(root);
    enum status status = STATUS_OK;
    bool package = false;
    if (folder == NULL)
        return error_set(STATUS_NOT_FOUND, "%s: %s", root, strerror(errno));
    for (const struct dirent *entry = readdir(folder); entry != NULL && status == STATUS_OK;
         entry = readdir(folder))
        status = add_zone(powercap, root, entry->d_name);
    closedir(folder);
    for (int i = 0; i < powercap->zone_count; i++)
        package |= powercap->zones[i].kind == ZONE_PACKAGE;
    if (status == STATUS_OK && !package)
        return error_set(STATUS_NOT_FOUND, "%s: it has no energy counter of a processor package", root);
    return status;
}

enum status powercap_open(const char *root, struct powercap **powercap)
{
    enum status status = memory_allocate(powercap, 1, sizeof **powercap, "energy counters");
    if (status == STATUS_OK)
        status = find_zones(*powercap, root);
    if (status != STATUS_OK)
        powercap_close(powercap);
    return status;
}

void powercap_close(struct powercap **powercap)
{
    memory_free(powercap);
}

static enum status read_zone(struct zone *zone, double *joules)
{
    uint64_t now = 0;
    enum status status = read_microjoules(zone->path, &now);
    if (status == STATUS_OK && now > zone->range)
        status = error_set(STATUS_FORMAT, "%s: %" PRIu64 " microjoules read, more than its range of %" PRIu64,
                           zone->path, now, zone->range);
    if (status != STATUS_OK)
        return status;
    uint64_t used = now >= zone->last ? now - zone->last : zone->range - zone->last + now;
    *joules += 1e-6 * (double)used;
    zone->last = now;
    return STATUS_OK;
}

enum status powercap_read(struct powercap *powercap, struct powercap_joules *joules)
{
    for (int i = 0; i < powercap->zone_count; i++) {
        struct zone *zone = &powercap->zones[i];
        enum status status =
            read_zone(zone, zone->kind == ZONE_PACKAGE ? &powercap->joules.package : &powercap->joules.dram);
        if (status != STATUS_OK)
            return status;
    }
    *joules = powercap->joules;
    return STATUS_OK;
}
