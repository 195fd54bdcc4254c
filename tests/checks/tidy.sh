#!/usr/bin/env bash
# clang-tidy, with the checks of .clang-tidy, over every C file of the build.
# shellcheck source=tests/checks/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need clang-tidy
commands=$build_dir/compile_commands.json
[ -f "$commands" ] || fail "$commands is missing: configure with CMAKE_EXPORT_COMPILE_COMMANDS=ON"

sed -n 's/^ *"file": *"\(.*\)",\{0,1\}$/\1/p' "$commands" | sort -u | tr '\n' '\0' |
    xargs -0 --max-procs="$(nproc)" --max-args=1 clang-tidy --quiet -p "$build_dir" --warnings-as-errors='*' \
        2> >(grep -v -E '^[0-9]+ warnings? (generated|treated as error)' >&2 || true)
