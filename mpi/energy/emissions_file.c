#include "mpi/energy/emissions_file.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "compute/base/output_file.h"
#include "mpi/wire/machine.h"

static const char header[] = "timestamp,project_name,run_id,duration,emissions,emissions_rate,cpu_power,gpu_"
                             "power,ram_power,cpu_energy,"
                             "gpu_energy,ram_energy,energy_consumed,country_name,country_iso_code,region,"
                             "cloud_provider,cloud_region,os,"
                             "python_version,codecarbon_version,cpu_count,cpu_model,gpu_count,gpu_model,"
                             "longitude,latitude,ram_total_size,"
                             "tracking_mode,on_cloud,pue\n";

enum { CELL_BYTES = 256 };

/* A cell's text between quotes, with quotes doubled and control characters left out. */
static void quote(const char *text, char cell[CELL_BYTES])
{
    size_t at = 0;
    cell[at++] = '"';
    for (; *text != '\0' && at + 4 < CELL_BYTES; text++) {
        if (*text == '"')
            cell[at++] = '"';
        if ((unsigned char)*text >= ' ')
            cell[at++] = *text;
    }
    cell[at++] = '"';
    cell[at] = '\0';
}

/* A random UUID (RFC 4122, version 4). */
static void make_run_id(char id[40])
{
    uint8_t b[16];
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        memset(b, 0, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0F) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3F) | 0x80);
    snprintf(id, 40, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
             b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static void write_row(FILE *file, const char *project, const struct energy_cost *cost)
{
    const double joules_per_kwh = 3.6e6;
    char now[32], id[40], name[CELL_BYTES], system[CELL_BYTES], release[192], processor[128],
        model[CELL_BYTES];
    struct tm parts;
    struct utsname host = {0};
    time_t seconds = time(NULL);
    strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%S", localtime_r(&seconds, &parts));
    make_run_id(id);
    uname(&host);
    snprintf(release, sizeof release, "%.60s-%.60s-%.60s", host.sysname, host.release, host.machine);
    quote(project, name);
    quote(release, system);
    machine_processor(processor, sizeof processor);
    quote(processor, model);
    double duration = cost->seconds > 0 ? cost->seconds : 1e-9, kilograms = cost->co2e_grams / 1000;
    double kwh = cost->pue / joules_per_kwh, cpu = cost->joules - cost->dram_joules;
    double gigabytes = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / (1 << 30);
    fprintf(file, "%s,%s,%s,%.9g,%.9g,%.9g,%.9g,0,%.9g,%.9g,0,%.9g,%.9g,", now, name, id, cost->seconds,
            kilograms, kilograms / duration, cpu / duration, cost->dram_joules / duration, cpu * kwh,
            cost->dram_joules * kwh, cost->joules * kwh);
    fprintf(file, ",,,,,%s,,,%ld,%s,,,,,%.9g,%s,N,%g\n", system, sysconf(_SC_NPROCESSORS_ONLN), model,
            gigabytes, cost->counted ? "machine" : "process", cost->pue);
}

/* What is there already, or the header, into the new file. */
static enum status copy_rows(const char *path, FILE *out)
{
    char line[4096];
    FILE *in = fopen(path, "re");
    if (in == NULL && errno != ENOENT)
        return error_set(STATUS_IO, "%s: %s", path, strerror(errno));
    if (in == NULL) {
        fputs(header, out);
        return STATUS_OK;
    }
    enum status status = STATUS_OK;
    if (fgets(line, (int)sizeof line, in) == NULL || strcmp(line, header) != 0)
        status = error_set(STATUS_FORMAT,
                           "%s: its columns are not those of CodeCarbon 2.x that Facet writes; move it away",
                           path);
    for (size_t n = strlen(header); status == STATUS_OK && n > 0; n = fread(line, 1, sizeof line, in))
        fwrite(line, 1, n, out);
    if (status == STATUS_OK && ferror(in) != 0) /* what was there is not to be lost */
        status = error_set(STATUS_IO, "%s: cannot be read: %s", path, strerror(errno));
    fclose(in);
    return status;
}

struct appending {
    const char *path, *project;
    const struct energy_cost *cost;
};

static enum status write_appended(void *context, FILE *file)
{
    const struct appending *appending = context;
    enum status status = copy_rows(appending->path, file);
    write_row(file, appending->project, appending->cost);
    return status;
}

enum status emissions_file_append(const char *path, const char *project, const struct energy_cost *cost)
{
    struct appending appending = {path, project, cost};
    return output_file_write(path, write_appended, &appending);
}
