#!/usr/bin/env bash
# Eight ranks on four nodes train and decompose, started by srun and by mpirun; a monitor on the head node follows them;
# and what they write is what one rank writes.
# shellcheck source=tests/cluster/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

cluster_up
import_fashion_mnist 60
mapfile -t options < <(training 6)
decomposition=(--data train.h5 --method activation --confidence 0.2)
run facet train "${options[@]}" --threads 1 -o one.h5
run facet decompose one.h5 "${decomposition[@]}" --threads 1 -o one

# follow DIR: a monitor on the head node; $monitor is its process.
follow() {
    on head "$build_dir/bin/facet-monitor" "$1" >"$1.monitor.txt" 2>&1 </dev/null &
    monitor=$!
    background+=("$monitor")
}

# expect_followed DIR TEXT RANK...: the monitor saw the run's end and this, and these ranks told how far they were.
expect_followed() {
    local code=0 rank
    wait "$monitor" || code=$?
    [ "$code" -eq 0 ] || mistake "the monitor of $1 ended with $code: $(cat "$1.monitor.txt")"
    expect_text "$1.monitor.txt" "$2"
    grep -q '"publish": "tcp://10\.77\.0\.1:' "$1/monitor.json" ||
        mistake "rank 0 is not to be found under its node's address: $(cat "$1/monitor.json")"
    for rank in "${@:3}"; do
        expect_text "$1/events.jsonl" "\"rank\":$rank,"
    done
}

for launcher in srun mpirun; do
    export FACET_LAUNCHER=$launcher
    follow "$launcher.h5.run"
    submit "$launcher-train" "$source_dir/slurm/train.sbatch" "${options[@]}" -o "$launcher.h5"
    expect_job COMPLETED "$launcher-train"
    expect_same_bytes one.h5 "$launcher.h5"
    expect_followed "$launcher.h5.run" "epoch 6 of 6" {1..7}

    follow "$launcher-run"
    submit "$launcher-decompose" "$source_dir/slurm/decompose.sbatch" one.h5 "${decomposition[@]}" -o "$launcher-run"
    expect_job COMPLETED "$launcher-decompose"
    expect_same_bytes one/modules.h5 "$launcher-run/modules.h5"
    expect_followed "$launcher-run" "$launcher-run/modules.h5" {1..7}
done

# A job on one node is followed from the head node, too.
follow one-node
submit one-node --nodes=1 "$source_dir/slurm/decompose.sbatch" one.h5 "${decomposition[@]}" -o one-node
expect_job COMPLETED one-node
expect_same_bytes one/modules.h5 one-node/modules.h5
expect_followed one-node one-node/modules.h5 1

finish
