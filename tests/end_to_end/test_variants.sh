#!/usr/bin/env bash
# What decompose makes of the variants of method activation: fewer units, the same scores while epsilon is 0, sliced
# modules that answer like maps, notes and errors for classes and modules with too little in them.
# shellcheck source=tests/end_to_end/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

import_fashion_mnist 60
run facet train --net lenet --data train.h5 --epochs 4 --batch 32 --threads 1 -o net.h5
decompose=(facet decompose net.h5 --data train.h5 --confidence 0.15 --threads 1 --tau-plus 0.2 --tau-minus 0.3)

# figure NAME FILE: the number of that name in a JSON result.
figure() {
    sed -n "s/^ *\"$1\": \([0-9.e-]*\),\{0,1\}\$/\1/p" "$2" | grep . || mistake "no $1 in $2: $(cat "$2")"
}

for variant in ci-ti-mc bc; do
    run "${decompose[@]}" --variant "$variant" --json -o "$variant"
    cp stdout "$variant.json"
    run facet evaluate "$variant/modules.h5" --data test.h5 --threads 1 --json
    cp stdout "$variant-evaluated.json"
done
run "${decompose[@]}" --variant bc --slice -o sliced
run facet evaluate sliced/modules.h5 --data test.h5 --threads 1 --json
cp stdout sliced-evaluated.json
for evaluated in bc sliced; do
    [ "$(figure top1 "$evaluated-evaluated.json")" = "$(figure top1 ci-ti-mc-evaluated.json)" ] ||
        mistake "$evaluated answers otherwise: $(cat "$evaluated-evaluated.json")"
done
awk -v bc="$(figure units_kept bc.json)" -v all="$(figure units_kept ci-ti-mc.json)" 'BEGIN { exit !(bc <= all) }' ||
    mistake "backtracking keeps more: $(cat bc.json)"
expect_text bc.json '"measure": "weights"'
awk -v jaccard="$(figure mean_between bc.json)" 'BEGIN { exit !(jaccard > 0 && jaccard <= 1) }' ||
    mistake "no overlap of modules: $(cat bc.json)"
run mpirun -n 2 "${decompose[@]}" --variant bc --slice -o ranks
expect_same_bytes sliced/modules.h5 ranks/modules.h5
run facet inspect sliced/modules.h5
expect_text stdout "Jaccard index of the channels kept"
run facet inspect bc/modules.h5
expect_text stdout "Jaccard index of the weights kept"

# Few positives: a note, and a module.
run facet decompose net.h5 --data train.h5 --confidence 0.15 --positives 3 --classes Bag --threads 1 -o few
expect_text stderr "class Bag: only 3 images"

# Nothing left: the layer where it died.
expect 1 facet decompose net.h5 --data train.h5 --confidence 0.15 --classes Bag --threads 1 --variant bc --tau-plus 1 --tau-minus 1 -o empty
expect_text stderr "is empty: no unit of layer"
[ ! -e empty/modules.h5 ] || mistake "left modules that are empty"

# Edges of dense layers that leave make modules smaller, on any number of ranks; inspect tells what decompose told;
# sliced, they answer alike.
run "${decompose[@]}" --edges 0.3 --json -o edges
cp stdout edges.json
awk -v edges="$(figure weights_kept edges.json)" -v all="$(figure weights_kept ci-ti-mc.json)" 'BEGIN { exit !(edges > 0.1 && edges < 0.9 * all) }' ||
    mistake "with --edges 0.3 too much is kept: $(cat edges.json)"
run facet inspect edges/modules.h5 --json
[ "$(figure mean_with_origin stdout)" = "$(figure mean_with_origin edges.json)" ] || mistake "inspect tells another index: $(cat stdout)"
run mpirun -n 2 "${decompose[@]}" --edges 0.3 -o edges-ranks
expect_same_bytes edges/modules.h5 edges-ranks/modules.h5
run "${decompose[@]}" --edges 0.3 --slice -o edges-sliced
for edges in edges edges-sliced; do
    run facet evaluate "$edges/modules.h5" --data test.h5 --threads 1 --json
    cp stdout "$edges-evaluated.json"
done
[ "$(figure top1 edges-evaluated.json)" = "$(figure top1 edges-sliced-evaluated.json)" ] || mistake "sliced without edges: $(cat edges-sliced-evaluated.json)"

expect 2 facet decompose net.h5 --data train.h5 --edges 1.5 -o wrong
expect 2 facet decompose net.h5 --data train.h5 --variant bcd -o wrong
expect_text stderr "ci-ti-mc, bd or bc"
expect 2 facet decompose net.h5 --data train.h5 --epsilon 1.5 -o wrong
expect 2 facet decompose net.h5 --data train.h5 --tau-minus -0.5 -o wrong

finish
