/* Energy over ranks: a node's counters are read once, whatever the number of its ranks; without them it is
 * estimated. */
#include "tests/mpi/on_ranks.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mpi/energy/energy.h"
#include "mpi/ranks.h"
#include "mpi/wire/machine.h"
#include "tests/powercap_tree.h"

static char root[64];

static int remove_one(const char *path, const struct stat *found, int type, struct FTW *place)
{
    (void)found;
    (void)type;
    (void)place;
    return remove(path);
}

/* One tree for all ranks. */
static void make_tree(void)
{
    snprintf(root, sizeof root, "/tmp/facet-energy.XXXXXX");
    if (ranks_rank(MPI_COMM_WORLD) == 0) {
        assert_on_ranks(mkdtemp(root) != NULL);
        powercap_zone(root, "intel-rapl:0", "package-0", "100", "1000000000");
        powercap_zone(root, "intel-rapl:0:0", "dram", "200", "1000000000");
    }
    MPI_Bcast(root, (int)sizeof root, MPI_CHAR, 0, MPI_COMM_WORLD);
}

static void remove_tree(void)
{
    MPI_Barrier(MPI_COMM_WORLD);
    if (ranks_rank(MPI_COMM_WORLD) == 0)
        assert_on_ranks(nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

/* The machine uses so much more, as all see it. */
static void count_to(const char *package, const char *dram)
{
    MPI_Barrier(MPI_COMM_WORLD);
    if (ranks_rank(MPI_COMM_WORLD) == 0) {
        powercap_put(root, "intel-rapl:0", "energy_uj", package);
        powercap_put(root, "intel-rapl:0:0", "energy_uj", dram);
    }
    MPI_Barrier(MPI_COMM_WORLD);
}

static bool close_to(double value, double expected)
{
    return value > expected - 1e-6 && value < expected + 1e-6;
}

static void test_a_nodes_counters_are_read_once(void **state)
{
    (void)state;
    struct energy_settings settings = {.grid_intensity = 360, .pue = 2, .powercap = root};
    struct energy_meter meter;
    make_tree();
    assert_on_ranks(energy_open(MPI_COMM_WORLD, &settings) == STATUS_OK);
    assert_on_ranks(energy_open(MPI_COMM_WORLD, &settings) == STATUS_INTERNAL);
    count_to("1000100", "200");
    energy_start(&meter);
    count_to("5000100", "1000200");
    struct energy_cost cost = energy_read(MPI_COMM_WORLD, &meter);
    assert_on_ranks(close_to(cost.joules, 5));
    assert_on_ranks(close_to(cost.dram_joules, 1));
    assert_on_ranks(close_to(cost.co2e_grams, 5 / 3.6e6 * 2 * 360));
    assert_on_ranks(cost.counted);
    assert_on_ranks(strstr(cost.source, "RAPL package and DRAM") != NULL);
    energy_close();
    remove_tree();
}

static void test_a_lost_counter_makes_an_estimate_of_all(void **state)
{
    (void)state;
    struct energy_settings settings = {.grid_intensity = 360, .pue = 2, .powercap = root};
    struct energy_meter meter;
    make_tree();
    assert_on_ranks(energy_open(MPI_COMM_WORLD, &settings) == STATUS_OK);
    energy_start(&meter);
    count_to("5000100", "nonsense");
    struct energy_cost cost = energy_read(MPI_COMM_WORLD, &meter);
    assert_on_ranks(!cost.counted);
    assert_on_ranks(close_to(cost.joules, cost.processor_seconds * ENERGY_WATTS_PER_CORE));
    assert_on_ranks(strncmp(cost.source, "estimate", strlen("estimate")) == 0);
    energy_close();
    remove_tree();
}

static void test_without_counters_it_is_an_estimate_that_says_so(void **state)
{
    (void)state;
    struct energy_settings settings = energy_settings_default();
    struct energy_meter meter;
    settings.powercap = "/nowhere/powercap";
    assert_on_ranks(energy_open(MPI_COMM_WORLD, &settings) == STATUS_OK);
    energy_start(&meter);
    struct energy_cost cost = energy_read(MPI_COMM_WORLD, &meter);
    energy_close();
    assert_on_ranks(!cost.counted);
    assert_on_ranks(strstr(cost.source, "12 W") != NULL);
    assert_on_ranks(close_to(cost.joules, cost.processor_seconds * ENERGY_WATTS_PER_CORE));
    /* Strubell et al.: 1 kWh is 1.58 · 0.954 lb */
    assert_on_ranks(close_to(cost.co2e_grams, cost.joules / 3.6e6 * 1.58 * 0.954 * 453.59237));
}

static double joules_of_all(const struct energy_meter *meter, bool *all_counted)
{
    struct energy_share share = energy_share_read(meter);
    double joules;
    int counted = share.counted, least;
    MPI_Allreduce(&share.joules, &joules, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    MPI_Allreduce(&counted, &least, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    *all_counted = least != 0;
    return joules;
}

static void test_shares_of_ranks_add_up(void **state)
{
    (void)state;
    struct energy_settings settings = {.grid_intensity = 360, .pue = 2, .powercap = root};
    struct energy_meter meter;
    bool counted;
    make_tree();
    assert_on_ranks(energy_open(MPI_COMM_WORLD, &settings) == STATUS_OK);
    count_to("1000100", "200");
    energy_start(&meter);
    count_to("5000100", "1000200");
    assert_on_ranks(close_to(joules_of_all(&meter, &counted), 5));
    assert_on_ranks(counted);
    count_to("6000100", "nonsense");
    double lost = joules_of_all(&meter, &counted);
    assert_on_ranks(!counted);
    assert_on_ranks(lost >= 5);
    energy_close();
    remove_tree();
}

static void test_shares_without_counters_are_estimates(void **state)
{
    (void)state;
    struct energy_settings settings = energy_settings_default();
    struct energy_meter meter;
    bool counted;
    settings.powercap = "/nowhere/powercap";
    assert_on_ranks(energy_open(MPI_COMM_WORLD, &settings) == STATUS_OK);
    energy_start(&meter);
    while (machine_processor_seconds() < meter.processor + 0.01)
        continue;
    double joules = joules_of_all(&meter, &counted);
    struct energy_cost cost = energy_read(MPI_COMM_WORLD, &meter);
    assert_on_ranks(!counted);
    assert_on_ranks(joules >= 0.01 * ENERGY_WATTS_PER_CORE && joules <= cost.joules);
    energy_close();
}

static void test_settings_out_of_range(void **state)
{
    (void)state;
    struct energy_settings settings = energy_settings_default();
    settings.pue = 0.9;
    assert_on_ranks(energy_open(MPI_COMM_WORLD, &settings) == STATUS_USAGE);
    settings.pue = 1;
    settings.grid_intensity = 0;
    assert_on_ranks(energy_open(MPI_COMM_WORLD, &settings) == STATUS_USAGE);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_a_nodes_counters_are_read_once),
    cmocka_unit_test(test_a_lost_counter_makes_an_estimate_of_all),
    cmocka_unit_test(test_without_counters_it_is_an_estimate_that_says_so),
    cmocka_unit_test(test_shares_of_ranks_add_up),
    cmocka_unit_test(test_shares_without_counters_are_estimates),
    cmocka_unit_test(test_settings_out_of_range),
};

ON_RANKS_MAIN(tests)
