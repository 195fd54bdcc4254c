#!/usr/bin/env bash
# Every C file is laid out as .clang-format says.
# shellcheck source=tests/checks/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need clang-format
# Versions differ in details; Debian 12's is the one that counts.
clang-format --version | grep -q 'version 14\.' || skip "needs clang-format 14, this is $(clang-format --version)"

cd "$source_dir"
wrong=$(list_sources -name '*.c' -o -name '*.h' |
    xargs -0 clang-format --dry-run --style=file 2>&1 | sed -n 's/: warning: code should be .*//p' | cut -d: -f1,2 | sort -u)
[ -z "$wrong" ] || fail "these lines are not laid out as .clang-format says (clang-format -i FILE does it):
$wrong"
