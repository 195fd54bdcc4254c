#!/usr/bin/env bash
# Over TCP too, the class queue gives ranks on other nodes their classes while rank 0 computes.
# shellcheck source=tests/cluster/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

cluster_up
run on head srun --mpi=pmix --nodes=4 --ntasks=4 env OMPI_MCA_btl=tcp,self "$build_dir/tests/mpi_test_class_queue"
cat stdout stderr >output
# Ranks that do not find one another are four times a rank 0 that is alone, and skip what is tested here.
[ "$(grep -c 'PASSED.* 6 test' output)" -eq 4 ] || mistake "not all six tests passed on four ranks: $(cat output)"
finish
