#!/usr/bin/env bash
# Modules of two datasets together: judged on both, calibrated, replaced, adapted to one another, and trained from
# scratch; the same bytes for any number of ranks.
# shellcheck source=tests/end_to_end/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

import_fashion_mnist 40
# The same pictures under other names, but one.
printf '%s\n' shirt trousers jersey frock overcoat slipper blouse trainer Bag boot >other-names.txt
images=${FACET_FASHION_MNIST:-/usr/share/datasets/fashion-mnist}
for split in train test; do
    run facet import-data "$images" --split "$split" --class-names other-names.txt --limit 40 -o "other-$split.h5"
done
run facet train --net mlp-1 --data train.h5 --epochs 20 --batch 32 -o net.h5
run facet train --net mlp-2 --data other-train.h5 --epochs 20 --batch 32 -o other-net.h5
run facet decompose net.h5 --data train.h5 --confidence 0.1 -o run
run facet decompose other-net.h5 --data other-train.h5 --confidence 0.1 -o other-run

# number FILE KEY: that number of a JSON file.
number() {
    tr '{},' '\n' <"$1" | sed -n "s|^ *\"$2\": *\([0-9.eE+-]*\) *\$|\1|p" | head -n 1
}

# --- judged on two datasets ---

tests=(--data a=test.h5 --data b=other-test.h5)
trains=(a=train.h5 b=other-train.h5)
run facet compose run/modules.h5:Trouser,Bag=a/Bag other-run/modules.h5:boot,slipper -o mixed.h5
run facet evaluate mixed.h5 "${tests[@]}" --json --confusion-csv alone.csv
cp stdout alone.json
run mpirun -n 3 facet evaluate mixed.h5 "${tests[@]}" --json --confusion-csv ranks.csv
expect_same_bytes alone.csv ranks.csv
[ "$(number alone.json images)" = 160 ] || mistake "$(number alone.json images) images were judged, expected 160"
[ "$(number alone.json top1)" = "$(number stdout top1)" ] || mistake "three ranks count another top-1"
expect_text alone.csv "truth,Trouser,a/Bag,boot,slipper"
[ "$(wc -l <alone.csv)" -eq 5 ] || mistake "a matrix of 4 labels has $(wc -l <alone.csv) lines, expected 5"

run facet compose run/modules.h5:Trouser,Bag other-run/modules.h5:boot -o torn.h5
expect 1 facet evaluate torn.h5 "${tests[@]}"
expect_one_line_about '"a/Bag" or "b/Bag"'
run facet evaluate torn.h5 --data other-test.h5 # with one dataset nothing is torn
expect 1 facet evaluate mixed.h5 --data test.h5 --classes boot
expect_one_line_about 'test.h5 has no class "boot"'

# --- calibrated, replaced ---

run facet compose mixed.h5 --calibrate "${trains[0]}" --calibrate "${trains[1]}" -o calibrated.h5
expect_text stdout "calibrated on 16 held-back images"
run mpirun -n 2 facet compose mixed.h5 --calibrate "${trains[0]}" --calibrate "${trains[1]}" -o ranks.h5
expect_same_bytes calibrated.h5 ranks.h5
# By network, the modules of one have one scale and one offset.
by_network=(--calibrate "${trains[0]}" --calibrate "${trains[1]}" --calibrate-each network)
run facet compose mixed.h5 "${by_network[@]}" -o calibrated.h5
run mpirun -n 2 facet compose mixed.h5 "${by_network[@]}" -o ranks.h5
expect_same_bytes calibrated.h5 ranks.h5
run facet inspect calibrated.h5 --json
mapfile -t offsets < <(sed -n 's/^ *"offset": //p' stdout)
if [ ${#offsets[@]} -ne 4 ] || [ "${offsets[0]}" != "${offsets[1]}" ] || [ "${offsets[2]}" != "${offsets[3]}" ] ||
    [ "${offsets[0]}" = "${offsets[2]}" ]; then
    mistake "offsets of two networks' modules: ${offsets[*]}"
fi
expect 2 facet compose mixed.h5 --calibrate-each network -o refused.h5
expect_text stderr "goes with --calibrate"
expect 2 facet replace all.h5 --class Bag --with mixed.h5:boot --calibrate train.h5 --calibrate-each class -o refused.h5
expect_text stderr "expected module or network"
expect 1 facet compose mixed.h5 --calibrate train.h5 -o refused.h5
expect_one_line_about 'no class'
[ ! -e refused.h5 ] || mistake "a composition that could not be calibrated was written"

run facet compose run/modules.h5 -o all.h5
run facet replace all.h5 --class Bag --with other-run/modules.h5:Bag --calibrate train.h5 -o replaced.h5
run mpirun -n 3 facet replace all.h5 --class Bag --with other-run/modules.h5:Bag --calibrate train.h5 -o ranks.h5
expect_same_bytes replaced.h5 ranks.h5

# --- adapted ---

adapt=(facet adapt mixed.h5 --data "${trains[0]}" --data "${trains[1]}" --steps 15 --batch 32)
run "${adapt[@]}" -o adapted.h5 --json
[ "$(number stdout adapted)" = 4 ] || mistake "adapt told of $(number stdout adapted) modules, expected 4"
# What was tuned is the better of two, by the held-back images.
loss=$(number stdout held_back_loss)
for part in head last-stage; do
    run "${adapt[@]}" --tune "$part" -o part.h5 --json
    awk -v chosen="$loss" -v other="$(number stdout held_back_loss)" 'BEGIN { exit !(chosen <= other) }' ||
        mistake "$part alone does better than what was chosen: $(number stdout held_back_loss), chosen $loss"
done
for ranks in 2 3; do
    run mpirun -n "$ranks" "${adapt[@]}" -o ranks.h5
    expect_same_bytes adapted.h5 ranks.h5
done
run facet evaluate adapted.h5 "${tests[@]}" --json
awk -v top1="$(number stdout top1)" 'BEGIN { exit !(top1 >= 0.85) }' || mistake "top-1 $(number stdout top1) after adapting"
for part in head all; do
    run "${adapt[@]}" --tune "$part" --seed 2 -o part.h5
    run facet evaluate part.h5 "${tests[@]}" --json
    awk -v top1="$(number stdout top1)" 'BEGIN { exit !(top1 >= 0.85) }' ||
        mistake "top-1 $(number stdout top1) after adapting $part"
done
# What was adapted is composed, calibrated and adapted again like any other.
run facet compose adapted.h5:boot,Trouser -o two.h5
run facet adapt adapted.h5 --data "${trains[0]}" --data "${trains[1]}" --modules boot --steps 2 -o again.h5

expect 1 facet adapt mixed.h5 --data a=train.h5 -o refused.h5
expect_one_line_about 'no class "boot" in train.h5'
expect 1 mpirun -n 2 facet adapt mixed.h5 --data a=train.h5 -o refused.h5
[ "$(grep -c '^facet: ' stderr)" -eq 1 ] || mistake "a missing class was told of not once: $(cat stderr)"
[ ! -e refused.h5 ] || mistake "a composition that could not be adapted was written"
run facet adapt mixed.h5 --data a=train.h5 --modules Trouser,a/Bag --steps 2 -o some.h5
expect_text stderr "not calibrated"
expect 1 facet adapt net.h5 --data train.h5 -o refused.h5
expect_text stderr "net.h5"
expect 1 facet adapt mixed.h5 --data train.h5 --modules Teapot -o refused.h5
expect_one_line_about Teapot
expect 2 facet adapt mixed.h5 --data train.h5 --tune tail -o refused.h5

# --- trained from scratch ---

train=(facet train-modules --net mlp-1 --data train.h5 --epochs 4 --batch 16)
run "${train[@]}" -o scratch
run mpirun -n 3 "${train[@]}" -o ranks
expect_same_bytes scratch/modules.h5 ranks/modules.h5
run mpirun -n 2 "${train[@]}" --ranks-per-class 2 -o shared
expect_same_bytes scratch/modules.h5 shared/modules.h5
run facet compose scratch/modules.h5 --calibrate train.h5 -o scratch.h5
run facet evaluate scratch.h5 --data test.h5 --json
awk -v top1="$(number stdout top1)" 'BEGIN { exit !(top1 >= 0.5) }' || mistake "top-1 $(number stdout top1) from scratch"
# What an earlier run finished is not trained again.
run "${train[@]}" --classes 0-3 --keep-parts -o parts
run "${train[@]}" --resume -o parts --json
[ "$(number stdout resumed)" = 4 ] || mistake "$(number stdout resumed) classes were resumed, expected 4"
expect_same_bytes scratch/modules.h5 parts/modules.h5
expect 2 facet train-modules --net mlp-1 --data train.h5 --batch 1 -o one
expect_text stderr "batches of 1 images"
expect 1 facet train-modules --net no-such-net --data train.h5 -o refused
expect_text stderr "no-such-net"
expect 1 facet train-modules --net mlp-1 --data train.h5 --classes Teapot -o refused
expect_one_line_about Teapot

finish
