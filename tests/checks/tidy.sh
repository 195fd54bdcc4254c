#!/usr/bin/env bash
# clang-tidy over every C file of the build: tidy.sh SOURCE BUILD CHECKS [LEFT_OUT], where CHECKS is added to those of
# .clang-tidy; files whose path has LEFT_OUT in it are passed over.
# The analyzer takes twenty times as long as all other checks together, so it is a test of its own, without the tests:
# it does not know that cmocka's assertions end one.
# shellcheck source=tests/checks/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need clang-tidy
commands=$build_dir/compile_commands.json
[ -f "$commands" ] || fail "$commands is missing: configure with CMAKE_EXPORT_COMPILE_COMMANDS=ON"

left_out=("$build_dir/" "${@:4}") # what the build makes itself (protobuf's messages) is not ours
sed -n 's/^ *"file": *"\(.*\)",\{0,1\}$/\1/p' "$commands" | grep -v -F "$(printf '%s\n' "${left_out[@]}")" | sort -u | tr '\n' '\0' |
    xargs -0 --max-procs="$(nproc)" --max-args=1 clang-tidy --quiet --checks="$3" -p "$build_dir" --warnings-as-errors='*' \
        2> >(grep -v -E '^[0-9]+ warnings? (generated|treated as error)' >&2 || true)
