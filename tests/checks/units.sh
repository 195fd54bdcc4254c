#!/usr/bin/env bash
# The unit tests under the address and undefined behaviour sanitizers: units.sh SOURCE BUILD COMPILER, once compiler.sh
# has built them.
# shellcheck source=tests/checks/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

sanitized=$build_dir/checks/$3
need "$3"
export ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1
# Clang's OpenMP keeps what its threads had until the end.
export LSAN_OPTIONS=suppressions=$source_dir/tests/checks/leaks.txt:print_suppressions=0
ctest --test-dir "$sanitized" --output-on-failure --parallel "$(nproc)" --label-regex '^unit$' --no-tests=error
