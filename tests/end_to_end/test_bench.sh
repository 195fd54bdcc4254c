#!/usr/bin/env bash
# facet bench measures what was asked, alone and on ranks, and its JSON says what the table says.
# shellcheck source=tests/end_to_end/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# number FILE KEY: the first value of that key.
number() {
    sed -n "s/^ *\"$2\": \([0-9.e+-]*\),\{0,1\}\$/\1/p" "$1" | head -n 1
}

expect_positive() {
    awk -v value="$(number "$1" "$2")" 'BEGIN { exit !(value + 0 > 0) }' || mistake "$2 is not above 0: $(cat "$1")"
}

# expect_number FILE KEY VALUE
expect_number() {
    [ "$(number "$1" "$2")" = "$3" ] || mistake "$2 is $(number "$1" "$2"), expected $3"
}

small=(--net lenet --shape 28x28x1 --batch 32 --repeat 2)

expect 0 facet bench "${small[@]}"
expect_text stdout "inference: "
expect_text stdout "training: "
for layer in 1.conv pool2 output; do
    [ "$(grep -c "^  $layer " stdout)" -eq 2 ] || mistake "$layer does not stand in both tables: $(cat stdout)"
done

for ranks in 1 2; do
    expect 0 mpirun -n "$ranks" facet bench "${small[@]}" --threads 1 --mode train --json
    expect_number stdout ranks "$ranks"
    expect_number stdout batch 32
    for key in images_per_second gflops peak_gflops peak_memory_bytes pass_bytes; do
        expect_positive stdout "$key"
    done
    expect_text stdout '"backward"'
    ! grep -q '"inference"' stdout || mistake "inference was measured unasked"
done

# Ways of convolving: measured, written, read back by other commands, forced.
expect 0 mpirun -n 2 facet bench --net resnet20 --batch 32 --repeat 1 --threads 1 --mode infer --tune plan.json
expect_text stdout "convolutions tuned"
expect 0 facet bench --net resnet20 --batch 16 --repeat 1 --mode train --conv-plan plan.json --json
expect_text stdout '"conv": "plan '
expect_text stdout '"way": "'
expect 0 facet bench --net resnet20 --batch 16 --repeat 1 --mode infer --conv direct --json
[ "$(grep -c '"way": "direct"' stdout)" -eq 19 ] || mistake "not every convolution is direct: $(cat stdout)"
expect 2 facet bench "${small[@]}" --conv direct --conv-plan plan.json
expect_text stderr "give one"
expect 2 facet bench "${small[@]}" --conv direct --tune other.json
expect 2 facet bench "${small[@]}" --conv sideways
head -c 100 plan.json >half.json
expect 1 facet bench "${small[@]}" --conv-plan half.json
expect_text stderr half.json
expect 1 facet bench "${small[@]}" --tune none/plan.json

# More ranks than slices: some have nothing to do.
expect 0 mpirun -n 3 facet bench "${small[@]}" --threads 1 --json
expect_text stdout '"inference"'

# A network file, as it is trained.
import_fashion_mnist 10
run facet train --net mlp-1 --data train.h5 --epochs 1 -o net.h5
expect 0 facet bench net.h5 --mode infer --batch 5 --repeat 1 --json
expect_number stdout batch 5
expect_positive stdout images_per_second

expect 0 facet bench "${small[@]}" --conv im2col --mode infer --json
expect_text stdout '"conv": "im2col"'
expect 2 facet bench --net lenet --conv slowly
expect_text stderr "slowly"
expect 2 facet bench net.h5 --net lenet
expect 2 facet bench --net lenet --shape 28x28
expect_text stderr "28x28"
expect 2 facet bench --net lenet --mode quickly
expect_text stderr "quickly"
expect 1 facet bench --net no-such-network
expect_one_line_about "no-such-network"

# There is nothing to save: a signal ends it at once.
code=0
timeout --preserve-status --signal=TERM 2 facet bench --net resnet56 --batch 64 --repeat 1000 >stdout 2>stderr || code=$?
[ "$code" -eq 143 ] || mistake "told to end, facet bench ended with $code, expected 143: $(cat stderr)"

finish
