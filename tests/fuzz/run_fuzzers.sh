#!/usr/bin/env bash
# Builds the fuzzers and runs each for a while: run_fuzzers.sh SOURCE BUILD SECONDS HARNESS...
# What they find is left in BUILD/fuzzers/found, what they learn in BUILD/fuzzers/learnt.
# shellcheck source=tests/checks/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../checks/common.sh"

seconds=$3
shift 3
need clang
fuzzers=$build_dir/fuzzers
cmake -G Ninja -S "$source_dir" -B "$fuzzers" -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DFACET_FUZZERS=ON -DFACET_TESTS=OFF
cmake --build "$fuzzers" --parallel "$(nproc)" --target "${@/#/fuzz_}"

export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
mkdir -p "$fuzzers/found"
for harness; do
    mkdir -p "$fuzzers/learnt/$harness"
    printf '%s: %s s\n' "$harness" "$seconds"
    "$fuzzers/fuzz/fuzz_$harness" -max_total_time="$seconds" -max_len=65536 -timeout=30 -rss_limit_mb=2048 \
        -print_final_stats=1 -verbosity=0 -artifact_prefix="$fuzzers/found/$harness-" \
        "$fuzzers/learnt/$harness" "$source_dir/tests/fuzz/corpus/$harness" ||
        fail "$harness: see $fuzzers/found"
done
