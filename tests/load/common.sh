# shellcheck shell=bash
# Sourced by the tests of load, which run as: TEST.sh BUILD_DIR [FIGURES...]; in a folder that is removed at the end.
set -euo pipefail
shopt -s inherit_errexit
export LC_ALL=C.UTF-8

build_dir=$1
shift
PATH=$build_dir/bin:$build_dir/tests:$PATH
scratch=$(mktemp -d "${TMPDIR:-/tmp}/facet-load.XXXXXX")
load_process=
clean_up() {
    [ -z "$load_process" ] || kill "$load_process" 2>/dev/null || true
    rm -rf "$scratch"
}
trap clean_up EXIT
cd "$scratch"
mkdir run

fail() {
    printf 'WRONG: %s\n' "$*"
    exit 1
}

# figure NAME < JSON : the number of that name in an object on one line.
figure() {
    sed -n "s/.*\"$1\": *\\([-0-9.e+]*\\).*/\\1/p" | head -n 1
}

# at_most VALUE LIMIT WHAT
at_most() {
    awk -v value="$1" -v limit="$2" 'BEGIN { exit !(value != "" && value + 0 <= limit + 0) }' ||
        fail "$3 is $1, expected at most $2"
}

# A run that only talks, in the background; its figures will be in the file load.
load_start() {
    run_load -d run "$@" >load &
    load_process=$!
    local tries=0
    until [ -e run/monitor.json ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 100 ] || fail "the run does not begin"
        sleep 0.1
    done
}

load_wait() {
    wait "$load_process" || fail "the run ended badly"
    load_process=
    cat load
}
