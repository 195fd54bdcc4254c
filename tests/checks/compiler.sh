#!/usr/bin/env bash
# Everything builds with another compiler than the build's own, without a warning: compiler.sh SOURCE BUILD COMPILER.
# shellcheck source=tests/checks/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

compiler=$3
need "$compiler"
cmake -S "$source_dir" -B "$build_dir/checks/$compiler" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_C_COMPILER="$compiler" -DCMAKE_COMPILE_WARNING_AS_ERROR=ON -DFACET_SANITIZE=
cmake --build "$build_dir/checks/$compiler" --parallel "$(nproc)"
