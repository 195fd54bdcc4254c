#!/usr/bin/env bash
# Networks, modules and compositions are the same bytes for any number of ranks and threads, and every time.
# shellcheck source=tests/end_to_end/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

import_fashion_mnist 60
train() {
    local name=$1
    shift
    run "$@" facet train --net lenet --data train.h5 --epochs 2 --batch 48 --crop 2 --flip --threads "${threads:-1}" -o "$name.h5"
}
train one env
train again env
threads=3 train threads env
train two mpirun -n 2
threads=2 train three mpirun -n 3
for name in again threads two three; do
    expect_same_bytes one.h5 "$name.h5"
done

decompose() {
    local name=$1
    shift
    run "$@" facet decompose one.h5 --data train.h5 --method activation --confidence 0.2 \
        --threads "${threads:-1}" -o "$name"
}
decompose run-one env
threads=3 decompose run-threads env
decompose run-two mpirun -n 2
threads=2 decompose run-three mpirun -n 3
for name in run-threads run-two run-three; do
    expect_same_bytes run-one/modules.h5 "$name/modules.h5"
done

run facet compose run-one/modules.h5 -o composition-one.h5
run facet compose run-two/modules.h5 -o composition-two.h5
expect_same_bytes composition-one.h5 composition-two.h5

# The accuracy of a network is the same too (its cost is not).
for ranks in 1 2 3; do
    run mpirun -n "$ranks" facet evaluate one.h5 --data test.h5 --json
    grep -o '"\(top1\|top5\|images\)": *[0-9.e-]*' stdout | sort >"accuracy-$ranks"
    [ "$(wc -l <"accuracy-$ranks")" -eq 3 ] || mistake "evaluate --json lacks top1, top5 or images: $(cat stdout)"
    expect_same_bytes accuracy-1 "accuracy-$ranks"
done

finish
