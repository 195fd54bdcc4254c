#!/usr/bin/env bash
# on_ranks.sh RANKS PROGRAM: runs the program on so many ranks of this machine, more than it has cores if need be.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=tests/environment.sh
. "$here/../environment.sh"
export OMP_NUM_THREADS=2 OMP_WAIT_POLICY=passive OMPI_MCA_hwloc_base_binding_policy=none
exec mpirun --oversubscribe -n "$1" "$2"
