/* emissions.csv: CodeCarbon's columns, rows that add up, a stranger's file left alone. */
#include "tests/unit/base/scratch_folder.h"

#include "mpi/energy/emissions_file.h"

static const struct energy_cost cost = {.seconds = 10,
                                        .processor_seconds = 20,
                                        .joules = 3.6e6,
                                        .dram_joules = 0.9e6,
                                        .co2e_grams = 600,
                                        .grid_intensity = 400,
                                        .pue = 1.5,
                                        .counted = true,
                                        .source = "RAPL"};

enum { COLUMNS = 31 };

/* The cells of a line, quotes kept; a comma between quotes is part of its cell. */
static int split(char *line, char *cells[COLUMNS + 1])
{
    int count = 0;
    bool quoted = false;
    cells[count++] = line;
    for (; *line != '\0'; line++) {
        quoted ^= *line == '"';
        if ((*line == ',' && !quoted) || *line == '\n') {
            bool more = *line == ',';
            *line = '\0';
            if (more && count <= COLUMNS)
                cells[count++] = line + 1;
        }
    }
    return count;
}

static char *cell(char *names[], char *cells[], const char *name)
{
    for (int i = 0; i < COLUMNS; i++)
        if (strcmp(names[i], name) == 0)
            return cells[i];
    fail_msg("no column %s", name);
    return NULL;
}

static void expect_number(char *names[], char *cells[], const char *name, double expected)
{
    double value = strtod(cell(names, cells, name), NULL);
    assert_true(value > expected - 1e-9 && value < expected + 1e-9);
}

static void test_rows_have_codecarbons_columns_and_units(void **state)
{
    const char *path = scratch_path(*state, "emissions.csv");
    char first[2048], second[2048], third[2048], *names[COLUMNS + 1], *cells[COLUMNS + 1];
    struct energy_cost estimate = cost;
    estimate.counted = false;
    assert_int_equal(emissions_file_append(path, "facet decompose \"x, y\"", &cost), STATUS_OK);
    assert_int_equal(emissions_file_append(path, "facet train", &estimate), STATUS_OK);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(first, sizeof first, file));
    assert_non_null(fgets(second, sizeof second, file));
    assert_non_null(fgets(third, sizeof third, file));
    assert_int_equal(fgetc(file), EOF);
    fclose(file);
    assert_int_equal(split(first, names), COLUMNS);
    assert_int_equal(split(second, cells), COLUMNS);
    assert_string_equal(names[0], "timestamp");
    assert_string_equal(names[COLUMNS - 1], "pue");
    assert_string_equal(cell(names, cells, "project_name"), "\"facet decompose \"\"x, y\"\"\"");
    assert_int_equal(strlen(cell(names, cells, "run_id")), 36);
    expect_number(names, cells, "duration", 10);
    expect_number(names, cells, "emissions", 0.6);
    expect_number(names, cells, "emissions_rate", 0.06);
    expect_number(names, cells, "cpu_power", 2.7e5);
    expect_number(names, cells, "ram_power", 0.9e5);
    expect_number(names, cells, "cpu_energy", 0.75 * 1.5);
    expect_number(names, cells, "ram_energy", 0.25 * 1.5);
    expect_number(names, cells, "energy_consumed", 1.5);
    expect_number(names, cells, "pue", 1.5);
    assert_string_equal(cell(names, cells, "tracking_mode"), "machine");
    assert_string_equal(cell(names, cells, "on_cloud"), "N");
    assert_int_equal(split(third, cells), COLUMNS);
    assert_string_equal(cell(names, cells, "project_name"), "\"facet train\"");
    assert_string_equal(cell(names, cells, "tracking_mode"), "process");
}

static void test_a_file_with_other_columns_is_left_alone(void **state)
{
    struct scratch *scratch = *state;
    const char *path = scratch_path(scratch, "emissions.csv"), *text = "a,b\n1,2\n";
    size_t bytes;
    file_write(path, text, strlen(text));
    assert_int_equal(emissions_file_append(path, "facet train", &cost), STATUS_FORMAT);
    assert_non_null(strstr(error_message(), "emissions.csv"));
    uint8_t *data = file_read(path, &bytes);
    assert_int_equal(bytes, strlen(text));
    assert_memory_equal(data, text, bytes);
    free(data);
    assert_false(file_exists(scratch_path(scratch, "emissions.csv.part")));
}

static void test_a_folder_that_is_not_there(void **state)
{
    (void)state;
    assert_int_equal(emissions_file_append("/nowhere/emissions.csv", "facet train", &cost), STATUS_IO);
    assert_non_null(strstr(error_message(), "/nowhere/emissions.csv"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows_have_codecarbons_columns_and_units, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(test_a_file_with_other_columns_is_left_alone, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test(test_a_folder_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
