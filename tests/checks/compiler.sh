#!/usr/bin/env bash
# Everything builds with another compiler than the build's own and with the address and undefined behaviour sanitizers,
# without a warning: compiler.sh SOURCE BUILD COMPILER. units.sh runs what is built.
# shellcheck source=tests/checks/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

compiler=$3
need "$compiler"
cd "$source_dir"
cmake --preset asan -B "$build_dir/checks/$compiler" -DCMAKE_C_COMPILER="$compiler" -DCMAKE_COMPILE_WARNING_AS_ERROR=ON
cmake --build "$build_dir/checks/$compiler" --parallel "$(nproc)"
