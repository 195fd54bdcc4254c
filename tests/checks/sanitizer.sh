#!/usr/bin/env bash
# The unit tests, built and run under a preset's sanitizers: sanitizer.sh SOURCE BUILD asan|tsan.
# shellcheck source=tests/checks/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

preset=$3
sanitized=$build_dir/checks/$preset
cd "$source_dir"

export ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1
if [ "$preset" = tsan ]; then
    need clang
    # Archer tells the thread sanitizer of OpenMP's barriers; without it every parallel loop looks like a race.
    archer=$(dirname "$(dirname "$(readlink -f "$(command -v clang)")")")/lib/libarcher.so
    [ -e "$archer" ] || skip "libarcher.so is not installed (Debian: libomp-dev)"
    export OMP_TOOL_LIBRARIES=$archer TSAN_OPTIONS=allocator_may_return_null=1:ignore_noninstrumented_modules=1
fi

# Clang calls parallel regions through libomp, whose own leaks would be found here.
[ "$preset" != asan ] || need gcc
cmake --preset "$preset" -B "$sanitized" -DCMAKE_COMPILE_WARNING_AS_ERROR=ON
cmake --build "$sanitized" --parallel "$(nproc)" --target unit_tests
ctest --test-dir "$sanitized" --output-on-failure --parallel "$(nproc)" --label-regex '^unit$' --no-tests=error
