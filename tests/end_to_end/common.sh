# shellcheck shell=bash
# Sourced by the end-to-end tests, which run as: TEST.sh SOURCE_DIR BUILD_DIR. They use the built programs as a person
# would, in a folder that is removed at the end; a mistake does not stop a test, finish does.
set -euo pipefail
shopt -s inherit_errexit
export LC_ALL=C

# shellcheck disable=SC2034 # used by the tests
source_dir=$1
PATH=$2/bin:$PATH
# shellcheck source=tests/environment.sh
. "$source_dir/tests/environment.sh"
# Tests run beside one another: ranks are not bound to cores, and may be more than there are cores.
export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_rmaps_base_oversubscribe=1

scratch=$(mktemp -d "${TMPDIR:-/tmp}/facet-test.XXXXXX")
background=()
clean_up() {
    local pid
    for pid in "${background[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    rm -rf "$scratch"
}
trap clean_up EXIT
cd "$scratch"

skip() {
    printf 'Skipped: %s\n' "$*"
    exit 77
}

mistakes=0
mistake() {
    printf 'WRONG: %s\n' "$*"
    mistakes=$((mistakes + 1))
}

# Ends a test: fails if anything was wrong.
finish() {
    [ "$mistakes" -eq 0 ] || {
        printf '%d things were wrong\n' "$mistakes"
        exit 1
    }
}

# try COMMAND... : runs it; its exit code is in $code, its output in the files stdout and stderr.
try() {
    code=0
    "$@" >stdout 2>stderr </dev/null || code=$?
}

# expect CODE COMMAND... : runs it and wants that exit code.
expect() {
    local wanted=$1
    shift
    try "$@"
    [ "$code" -eq "$wanted" ] || mistake "exit code $code, expected $wanted: $*
$(head -n 20 stderr)"
}

# The last command said nothing there.
expect_empty() {
    [ ! -s "$1" ] || mistake "expected nothing on $1 but read: $(head -n 5 "$1")"
}

# expect_text FILE TEXT: the text stands in the file.
expect_text() {
    grep -qF -e "$2" "$1" || mistake "expected \"$2\" in $1 but read: $(head -n 5 "$1")"
}

# An error is told once, in one line that names what is wrong.
expect_one_line_about() {
    [ "$(wc -l <stderr)" -eq 1 ] || mistake "expected one line on stderr but read: $(head -n 20 stderr)"
    expect_text stderr "$1"
}

expect_same_bytes() {
    cmp "$1" "$2" || mistake "$1 and $2 differ"
}

# run COMMAND... : has to succeed, or the test ends here.
run() {
    try "$@"
    [ "$code" -eq 0 ] || {
        cat stderr
        mistake "exit code $code: $*"
        finish
    }
}

# Images of Fashion-MNIST as train.h5 and test.h5: so many of each class.
import_fashion_mnist() {
    local images=${FACET_FASHION_MNIST:-/usr/share/datasets/fashion-mnist}
    [ -d "$images" ] || skip "$images is not there (Debian: dataset-fashion-mnist)"
    printf '%s\n' T-shirt/top Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag 'Ankle boot' >class-names.txt
    run facet import-data "$images" --split train --class-names class-names.txt --limit "$1" -o train.h5
    run facet import-data "$images" --split test --class-names class-names.txt --limit "$1" -o test.h5
}
