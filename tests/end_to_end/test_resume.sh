#!/usr/bin/env bash
# A training that is stopped says so, keeps its work, and resumed ends with the same bytes as one that never stopped.
# shellcheck source=tests/end_to_end/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Time for ranks that are asked to stop to save what they have before mpirun kills them; whenever a rank fails, mpirun
# waits as long, so only here.
export OMPI_MCA_odls_base_sigkill_timeout=15

import_fashion_mnist 60
train=(facet train --net lenet --data train.h5 --test test.h5 --epochs 4 --batch 48 --crop 2 --flip --threads 1)
run "${train[@]}" -o whole.h5

# stop_when TEXT SIGNAL COMMAND... : runs it and sends the signal when its run directory's events tell of TEXT.
stop_when() {
    local text=$1 signal=$2 pid tenths
    shift 2
    "$@" >stdout 2>stderr </dev/null &
    pid=$!
    background+=("$pid")
    for ((tenths = 0; tenths < 1200; tenths++)); do
        grep -qs -e "$text" stopped.h5.run/events.jsonl && break
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    kill -s "$signal" "$pid" 2>/dev/null || mistake "the run had ended before it could be stopped: $(cat stderr)"
    code=0
    wait "$pid" || code=$?
}

# One process, in its second epoch.
stop_when '"kind":"epoch".*"done":1' TERM "${train[@]}" -o stopped.h5
[ "$code" -eq 75 ] || mistake "stopped with exit code $code, expected 75: $(cat stderr)"
[ ! -e stopped.h5 ] || mistake "a stopped run left a result"
[ -s stopped.h5.run/checkpoint.h5 ] || mistake "a stopped run left no checkpoint"
expect 1 facet-monitor --once stopped.h5.run
expect_text stdout "stopped"

# Other options do not go on from there.
expect 1 "${train[@]}" --rate 0.01 -o stopped.h5 --resume
expect_text stderr "--rate"

# Two ranks go on from where one stopped; stopped again, and to the end.
stop_when '"kind":"epoch".*"done":3' USR1 mpirun -n 2 "${train[@]}" -o stopped.h5 --resume
[ "$code" -ne 0 ] || mistake "a stopped mpirun ended with exit code 0"
[ -s stopped.h5.run/checkpoint.h5 ] || mistake "a run stopped twice left no checkpoint"
run mpirun -n 2 "${train[@]}" -o stopped.h5 --resume
expect_same_bytes whole.h5 stopped.h5
[ ! -e stopped.h5.run/checkpoint.h5 ] || mistake "a finished run left its checkpoint"
expect 0 facet-monitor --once stopped.h5.run
expect_text stdout "finished"

finish
