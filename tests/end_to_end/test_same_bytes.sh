#!/usr/bin/env bash
# Networks, modules and compositions are the same bytes for any number of ranks and threads, and every time.
# shellcheck source=tests/end_to_end/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

import_fashion_mnist 60

# train NET NAME RANKS THREADS: LeNet long enough to know its classes.
train() {
    local epochs=1
    [ "$1" = lenet ] && epochs=2
    run mpirun -n "$3" facet train --net "$1" --data train.h5 --epochs "$epochs" --batch 48 --crop 2 --flip --threads "$4" \
        -o "$2.h5"
}
# LeNet has biases and pooling, a ResNet batch normalisation and shortcuts.
for net in lenet resnet20; do
    train "$net" "$net-1-1" 1 1
    for layout in "1 1" "1 2" "2 1" "2 2" "3 1" "3 2"; do
        read -r ranks threads <<<"$layout"
        train "$net" again "$ranks" "$threads"
        cmp "$net-1-1.h5" again.h5 || mistake "$net differs on $ranks ranks of $threads threads"
    done
done
run facet train --net lenet --data train.h5 --epochs 2 --batch 48 --crop 2 --flip -o alone.h5
expect_same_bytes lenet-1-1.h5 alone.h5

# decompose NAME RANKS THREADS: also on more ranks than classes.
decompose() {
    run mpirun -n "$2" facet decompose lenet-1-1.h5 --data train.h5 --method activation --confidence 0.2 \
        --threads "$3" -o "$1"
}
decompose run-one 1 1
for layout in "1 3" "2 1" "3 2" "4 1" "12 1"; do
    read -r ranks threads <<<"$layout"
    decompose again "$ranks" "$threads"
    cmp run-one/modules.h5 again/modules.h5 || mistake "modules differ on $ranks ranks of $threads threads"
done
run facet decompose lenet-1-1.h5 --data train.h5 --confidence 0.2 -o run-two
expect_same_bytes run-one/modules.h5 run-two/modules.h5

run facet compose run-one/modules.h5 -o composition-one.h5
run facet compose run-two/modules.h5 -o composition-two.h5
expect_same_bytes composition-one.h5 composition-two.h5

# The accuracy of a network is the same too (its cost is not).
for ranks in 1 2 3; do
    run mpirun -n "$ranks" facet evaluate lenet-1-1.h5 --data test.h5 --json
    grep -o '"\(top1\|top5\|images\)": *[0-9.e-]*' stdout | sort >"accuracy-$ranks"
    [ "$(wc -l <"accuracy-$ranks")" -eq 3 ] || mistake "evaluate --json lacks top1, top5 or images: $(cat stdout)"
    expect_same_bytes accuracy-1 "accuracy-$ranks"
done

finish
