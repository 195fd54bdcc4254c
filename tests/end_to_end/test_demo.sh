#!/usr/bin/env bash
# The demo, on few images: it runs through, and what it measures makes sense.
# shellcheck source=tests/end_to_end/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[ -d "${FACET_FASHION_MNIST:-/usr/share/datasets/fashion-mnist}" ] || skip "dataset-fashion-mnist is not installed"
"$source_dir/tests/demo/demo.sh" "$2/bin" out 200 | tee demo.txt

# at_least NAME KEY VALUE: that number of out/NAME.json is at least VALUE.
at_least() {
    local value
    value=$(tr '{},' '\n' <"out/$1.json" | sed -n "s|^ *\"$2\": *\([0-9.eE+-]*\) *\$|\1|p" | head -n 1)
    awk -v value="$value" -v least="$3" 'BEGIN { exit !(value != "" && value + 0 >= least) }' ||
        mistake "$1.json: $2 is ${value:-missing}, expected at least $3"
}
at_least network images 2000
at_least network top1 0.75
at_least composition top1 0.75
# With every unit that is ever active kept, ten modules say what their network says: within 0.1 points.
top1() {
    sed -n 's/^ *"top1": *\([0-9.e-]*\),$/\1/p' "out/$1.json"
}
awk -v one="$(top1 network)" -v ten="$(top1 composition)" 'BEGIN { d = one - ten; exit !(one != "" && d < 0.001 && d > -0.001) }' ||
    mistake "the network's top-1 is $(top1 network), its composition's $(top1 composition)"
at_least two images 400
at_least two top1 0.9
at_least network-two top1 0.9
at_least weak top1 0.5
at_least replaced top1 0.5
at_least calibrated top1 "$(top1 weak)" # on one measure the better module helps

expect_text demo.txt "monitor | "
expect_text demo.txt "== Result"
for file in train.h5 test.h5 lenet.h5 run/modules.h5 run/run.json run/events.jsonl composition.h5 two.h5 replaced.h5 calibrated.h5; do
    [ -s "out/$file" ] || mistake "the demo left no $file"
done

finish
