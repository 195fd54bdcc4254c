#!/usr/bin/env bash
# What a command cost: counters where they can be read, else an estimate that says so; emissions.csv in the run directory.
# shellcheck source=tests/end_to_end/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

import_fashion_mnist 20
train=(facet train --net mlp-1 --data train.h5 --epochs 1 --json)

mkdir -p tree/intel-rapl:0
echo package-0 >tree/intel-rapl:0/name
echo 1000 >tree/intel-rapl:0/energy_uj
echo 262143328850 >tree/intel-rapl:0/max_energy_range_uj
FACET_POWERCAP=tree run mpirun -n 2 "${train[@]}" --grid-intensity 100 --pue 1.25 -o counted.h5
expect_text stdout '"energy_source": "RAPL package counters, whole nodes"'
expect_text stdout '"energy_joules": 0.0'
expect_text stdout '"grid_intensity": 100.0'
expect_text stdout '"pue": 1.25'
[ "$(wc -l <counted.h5.run/emissions.csv)" -eq 2 ] || mistake "emissions.csv: $(cat counted.h5.run/emissions.csv)"
expect_text counted.h5.run/emissions.csv ',machine,N,1.25'

FACET_POWERCAP=$scratch/nowhere run "${train[@]}" -o estimated.h5
expect_text stdout '"energy_source": "estimate: 12 W for each second of processor time"'
expect_text estimated.h5.run/emissions.csv ',process,N,1.58'
FACET_POWERCAP=$scratch/nowhere run "${train[@]}" -o estimated.h5
[ "$(wc -l <estimated.h5.run/emissions.csv)" -eq 3 ] || mistake "a second run added no row to emissions.csv"

expect 2 "${train[@]}" --pue 0.5 -o never.h5
expect_text stderr "--pue"
expect 2 "${train[@]}" --grid-intensity 0 -o never.h5
expect_text stderr "--grid-intensity"

finish
