# shellcheck shell=bash
# Sourced by the checks, which run as: CHECK.sh SOURCE_DIR BUILD_DIR [ARGUMENT...], the build configured before.
set -euo pipefail
export LC_ALL=C

# shellcheck disable=SC2034 # used by the checks
source_dir=$1 build_dir=$2

# Ends a check that cannot run here; ctest shows it as skipped.
skip() {
    printf 'Skipped: %s\n' "$*"
    exit 77
}

fail() {
    printf 'FAILED: %s\n' "$*"
    exit 1
}

need() {
    command -v "$1" >/dev/null || skip "$1 is not installed"
}

# The house's C files, NUL between them, relative to the source directory.
list_sources() {
    (cd "$source_dir" && find . \( -name '.?*' -o -path './build*' -o -path './demo*' \) -type d -prune -o \
        \( "$@" \) -type f -print0 | sort -z)
}
