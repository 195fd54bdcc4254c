/* Counters of energy: which zones are counted, wrap-around, what cannot be read. */
#include "tests/unit/base/scratch_folder.h"

#include "mpi/energy/powercap.h"
#include "tests/powercap_tree.h"

static const char range[] = "262143328850";

static void expect_joules(struct powercap *powercap, double package, double dram)
{
    struct powercap_joules joules;
    assert_int_equal(powercap_read(powercap, &joules), STATUS_OK);
    assert_true(joules.package > package - 1e-6 && joules.package < package + 1e-6);
    assert_true(joules.dram > dram - 1e-6 && joules.dram < dram + 1e-6);
}

static void test_packages_and_dram_are_summed_and_nothing_twice(void **state)
{
    struct scratch *scratch = *state;
    const char *root = scratch->folder;
    struct powercap *powercap = NULL;
    struct powercap_joules joules;
    powercap_put(root, "intel-rapl", "enabled", "1");
    powercap_zone(root, "intel-rapl:0", "package-0", "1000000", range);
    powercap_zone(root, "intel-rapl:0:0", "core", "5", range);
    powercap_zone(root, "intel-rapl:0:1", "dram", "2000000", range);
    powercap_zone(root, "intel-rapl:1", "package-1", "7", range);
    powercap_zone(root, "intel-rapl:2", "psys", "9", range);
    powercap_zone(root, "intel-rapl-mmio:0", "package-0", "1000000", range);
    assert_int_equal(powercap_open(root, &powercap), STATUS_OK);
    expect_joules(powercap, 0, 0);
    powercap_zone(root, "intel-rapl:0", "package-0", "4500000", range);
    powercap_zone(root, "intel-rapl:0:0", "core", "3000000", range);
    powercap_zone(root, "intel-rapl:0:1", "dram", "2250000", range);
    powercap_zone(root, "intel-rapl:1", "package-1", "1000007", range);
    powercap_zone(root, "intel-rapl:2", "psys", "9000000", range);
    powercap_zone(root, "intel-rapl-mmio:0", "package-0", "4500000", range);
    expect_joules(powercap, 3.5 + 1, 0.25);
    expect_joules(powercap, 3.5 + 1, 0.25); /* nothing was used since */
    assert_int_equal(powercap_read(powercap, &joules), STATUS_OK);
    assert_true(joules.has_dram);
    powercap_close(&powercap);
    powercap_close(&powercap);
}

static void test_a_counter_runs_round(void **state)
{
    struct scratch *scratch = *state;
    const char *root = scratch->folder;
    struct powercap *powercap = NULL;
    struct powercap_joules joules;
    powercap_zone(root, "intel-rapl:0", "package-0", "262143000000", range);
    assert_int_equal(powercap_open(root, &powercap), STATUS_OK);
    powercap_zone(root, "intel-rapl:0", "package-0", "671150", range);
    expect_joules(powercap, 1, 0);
    powercap_zone(root, "intel-rapl:0", "package-0", "1671150", range);
    expect_joules(powercap, 2, 0);
    assert_int_equal(powercap_read(powercap, &joules), STATUS_OK);
    assert_false(joules.has_dram);
    powercap_close(&powercap);
}

static void expect_unreadable(const char *root, const char *about)
{
    struct powercap *powercap = NULL;
    assert_int_equal(powercap_open(root, &powercap), STATUS_NOT_FOUND);
    assert_null(powercap);
    assert_non_null(strstr(error_message(), about));
}

static void test_no_tree_no_package_no_counter(void **state)
{
    struct scratch *scratch = *state;
    expect_unreadable("/nowhere/powercap", "/nowhere/powercap");
    expect_unreadable(scratch->folder, "no energy counter");
    powercap_zone(scratch->folder, "intel-rapl:0:0", "dram", "1", range);
    expect_unreadable(scratch->folder, "no energy counter");
    powercap_put(scratch->folder, "intel-rapl:1", "name", "package-1");
    expect_unreadable(scratch->folder, "max_energy_range_uj");
    powercap_put(scratch->folder, "intel-rapl:1", "max_energy_range_uj", range);
    expect_unreadable(scratch->folder, "energy_uj");
}

static void test_nonsense_is_refused(void **state)
{
    struct scratch *scratch = *state;
    const char *root = scratch->folder;
    struct powercap *powercap = NULL;
    struct powercap_joules joules;
    powercap_zone(root, "intel-rapl:0", "package-0", "-5", range);
    assert_int_equal(powercap_open(root, &powercap), STATUS_FORMAT);
    powercap_zone(root, "intel-rapl:0", "package-0", "12", "1000");
    assert_int_equal(powercap_open(root, &powercap), STATUS_OK);
    powercap_zone(root, "intel-rapl:0", "package-0", "2000", "1000");
    assert_int_equal(powercap_read(powercap, &joules), STATUS_FORMAT);
    assert_non_null(strstr(error_message(), "2000"));
    remove(scratch_path(scratch, "intel-rapl:0/energy_uj"));
    assert_int_equal(powercap_read(powercap, &joules), STATUS_NOT_FOUND);
    powercap_close(&powercap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_packages_and_dram_are_summed_and_nothing_twice, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(test_a_counter_runs_round, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_no_tree_no_package_no_counter, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_nonsense_is_refused, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
