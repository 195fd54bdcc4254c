#!/usr/bin/env bash
# facet-monitor runs on login nodes: it is linked with neither MPI nor HDF5 nor BLIS.
# shellcheck source=tests/checks/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need ldd
monitor=$build_dir/bin/facet-monitor
[ -x "$monitor" ] || fail "$monitor has not been built"
if ldd "$monitor" | grep -E 'lib(mpi|open-rte|open-pal|pmix|hdf5|blis|blas)'; then
    fail "facet-monitor is linked with the libraries above"
fi
