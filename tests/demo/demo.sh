#!/usr/bin/env bash
# The demo on Fashion-MNIST: demo.sh BIN_DIR OUT_DIR [LIMIT]
# BIN_DIR has facet and facet-monitor; OUT_DIR is emptied first; LIMIT is how many images of a class are used
# (0 or nothing: all).
set -euo pipefail
shopt -s inherit_errexit
export LC_ALL=C

readonly ranks=2
readonly full_epochs=3 limited_epochs=6 # of the good network: with all images, with few
readonly weak_epochs=1                  # of the one that gets a module from it
readonly weak_confidence=0.5            # it is seldom sure of anything
readonly images=${FACET_FASHION_MNIST:-/usr/share/datasets/fashion-mnist}
readonly reused='Sneaker,Ankle boot'
readonly replaced=Shirt

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
    sed -n '2,4s/^# //p' "$0" >&2
    exit 2
fi
bin_dir=$(cd "$1" && pwd)
out=$2
limit=${3:-0}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
epochs=$((limit > 0 ? limited_epochs : full_epochs))
readonly bin_dir out limit here epochs
# shellcheck source=tests/environment.sh
. "$here/../environment.sh"
export PATH=$bin_dir:$PATH
# Unbound ranks share the processors; mpirun would bind each to a single core.
readonly mpirun=(mpirun -n "$ranks" --bind-to none)

fail() {
    printf 'demo: %s\n' "$*" >&2
    exit 1
}

# ---- showing what happens ----

step_number=0
step_started=0
step() {
    end_step
    step_number=$((step_number + 1))
    step_started=$SECONDS
    printf '\n== %d. %s\n' "$step_number" "$1"
}

end_step() {
    [ "$step_number" -eq 0 ] || printf '   (%d s)\n' $((SECONDS - step_started))
}

# Prints a command as one would type it.
show() {
    local word line='$'
    for word in "$@"; do
        case "$word" in
        '&' | '>' | '2>') line+=" $word" ;;
        *[!A-Za-z0-9_./:,=@-]*) line+=" '$word'" ;;
        *) line+=" $word" ;;
        esac
    done
    printf '%s\n' "$line"
}

# Shows a command and runs it.
run() {
    show "$@"
    "$@"
}

# The same on all ranks.
run_on_ranks() {
    run "${mpirun[@]}" "$@"
}

# ---- facet, followed by facet-monitor ----

monitor_pid=
stop_monitor() {
    [ -z "$monitor_pid" ] || kill "$monitor_pid" 2>/dev/null || true
}
trap stop_monitor EXIT

# monitored RUN LOG COMMAND... : runs a command on all ranks, its messages going to LOG, while facet-monitor follows
# the run's directory.
monitored() {
    local run_directory=$1 log=$2 tenths
    shift 2
    show facet-monitor "$run_directory" '&'
    facet-monitor "$run_directory" > >(sed -u 's/^/   monitor | /') 2>&1 &
    monitor_pid=$!
    set -- "${mpirun[@]}" "$@"
    show "$@" '2>' "$log"
    "$@" 2>"$log" || {
        cat "$log" >&2
        fail "the command above failed"
    }
    for ((tenths = 0; tenths < 100; tenths++)); do
        kill -0 "$monitor_pid" 2>/dev/null || break
        sleep 0.1
    done
    kill -0 "$monitor_pid" 2>/dev/null && fail "facet-monitor still waits for the end of $run_directory, which has ended"
    wait "$monitor_pid" || fail "facet-monitor $run_directory ended with status $?"
    monitor_pid=
}

# evaluate NAME ARGUMENT... : judges a file on the test images; the answer goes to OUT/NAME.json.
evaluate() {
    local name=$1
    shift
    set -- "${mpirun[@]}" facet evaluate "$@" --data "$out/test.h5" --json
    show "$@" '>' "$out/$name.json"
    "$@" >"$out/$name.json"
    local top1 count
    top1=$(percent "$name" top1)
    count=$(number "$name" images)
    printf '   top-1 %s %% of %s images\n' "$top1" "$count"
}

# number NAME KEY: that number of OUT/NAME.json.
number() {
    local value
    value=$(tr '{},' '\n' <"$out/$1.json" | sed -n "s|^ *\"$2\": *\([0-9.eE+-]*\) *\$|\1|p" | head -n 1)
    [ -n "$value" ] || fail "$out/$1.json has no number \"$2\""
    printf '%s' "$value"
}

percent() {
    local fraction
    fraction=$(number "$1" "$2")
    awk -v fraction="$fraction" 'BEGIN { printf "%.2f", 100 * fraction }'
}

# row TEXT NAME KEY [NAME KEY]: a line of the table; with two, also first minus second in percentage points.
row() {
    local text=$1 fraction other difference=
    fraction=$(number "$2" "$3")
    if [ $# -eq 5 ]; then
        other=$(number "$4" "$5")
        difference=$(awk -v a="$fraction" -v b="$other" 'BEGIN { printf "  %+6.2f pp", 100 * (a - b) }')
    fi
    awk -v text="$text" -v fraction="$fraction" -v difference="$difference" \
        'BEGIN { printf "  %-58s %6.2f %%%s\n", text, 100 * fraction, difference }'
}

# ---- the demo ----

[ -d "$images" ] || fail "$images is not there. On Debian: apt-get install dataset-fashion-mnist. Elsewhere put the four
  files of https://github.com/zalandoresearch/fashion-mnist into a folder and set FACET_FASHION_MNIST to it."
rm -rf "$out"
mkdir -p "$out"
limit_option=()
[ "$limit" -eq 0 ] || limit_option=(--limit "$limit")

step "Fashion-MNIST becomes two dataset files"
printf '%s\n' T-shirt/top Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag 'Ankle boot' >"$out/class-names.txt"
for split in train test; do
    run facet import-data "$images" --split "$split" --class-names "$out/class-names.txt" "${limit_option[@]}" \
        -o "$out/$split.h5"
done

step "Training a LeNet on $ranks MPI ranks"
monitored "$out/lenet.h5.run" "$out/lenet.log" facet train --net lenet --data "$out/train.h5" --test "$out/test.h5" \
    --epochs "$epochs" -o "$out/lenet.h5"

step "Decomposing it into a module a class"
monitored "$out/run" "$out/decompose.log" facet decompose "$out/lenet.h5" --data "$out/train.h5" --method activation \
    -o "$out/run"

step "Composing all modules, and judging the network and the composition on the test images"
run facet compose "$out/run/modules.h5" -o "$out/composition.h5"
evaluate network "$out/lenet.h5"
evaluate composition "$out/composition.h5"

step "Reusing the modules of two classes, against the whole network asked about these two"
run facet compose "$out/run/modules.h5:$reused" -o "$out/two.h5"
evaluate two "$out/two.h5"
evaluate network-two "$out/lenet.h5" --classes "$reused"

step "Replacing a module of a weaker network by the better one"
run_on_ranks facet train --net mlp-1 --data "$out/train.h5" --epochs "$weak_epochs" -o "$out/weak-network.h5"
run_on_ranks facet decompose "$out/weak-network.h5" --data "$out/train.h5" --method activation \
    --confidence "$weak_confidence" -o "$out/weak-run"
run facet compose "$out/weak-run/modules.h5" -o "$out/weak.h5"
evaluate weak "$out/weak.h5"
run facet replace "$out/weak.h5" --class "$replaced" --with "$out/run/modules.h5:$replaced" -o "$out/replaced.h5"
evaluate replaced "$out/replaced.h5"
# The same on one measure: fitted on training images held back for it, never on those it is judged on.
run_on_ranks facet replace "$out/weak.h5" --class "$replaced" --with "$out/run/modules.h5:$replaced" \
    --calibrate "$out/train.h5" -o "$out/calibrated.h5"
evaluate calibrated "$out/calibrated.h5"
end_step

printf '\n== Result (top-1 on the test images)\n\n'
row "LeNet after $epochs epochs" network top1
row "the composition of its ten modules" composition top1 network top1
printf '\n'
row "LeNet, asked about $reused" network-two top1
row "the modules of these two classes alone" two top1 network-two top1
printf '\n'
row "ten modules of a weaker network (mlp-1, $weak_epochs epoch)" weak top1
row "the same with its $replaced module replaced by LeNet's" replaced top1 weak top1
row "... and all ten calibrated together" calibrated top1 weak top1
row "  images of $replaced recognised, before" weak "$replaced"
row "  images of $replaced recognised, replaced" replaced "$replaced" weak "$replaced"
row "  images of $replaced recognised, replaced and calibrated" calibrated "$replaced" weak "$replaced"
printf '%s\n' "  (Modules of different networks are not equally sure of themselves: the surer one also takes some of" \
    "  its neighbours' images, until all are calibrated on training images held back for that.)"

cat <<END

== Files in $out

  train.h5 test.h5                 the images
  lenet.h5 weak-network.h5         the networks
  run/modules.h5                   LeNet's ten modules; run/run.json and run/events.jsonl tell of the run
  composition.h5 two.h5            compositions: all of them; $reused
  weak.h5 replaced.h5              the weaker network's modules; the same with one replaced
  calibrated.h5                    the latter, calibrated
  *.json *.log                     the evaluations behind the table; messages of the runs

Look inside: $1/facet inspect $out/run/modules.h5
The demo took $SECONDS s.
END
