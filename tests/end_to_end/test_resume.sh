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

# A finished run has nothing left to do, and says so; of other options it is no run.
cp stopped.h5.run/events.jsonl events.before
run "${train[@]}" -o stopped.h5 --resume
expect_text stdout "stopped.h5: finished before"
run "${train[@]}" -o stopped.h5 --resume --json
expect_text stdout '"already_finished": true'
expect_text stdout '"test_top1"'
expect 1 "${train[@]}" --rate 0.01 -o stopped.h5 --resume
expect_one_line_about "stopped.h5.run/result.json: cannot resume: --rate was 0.05, now it is 0.01"
cmp -s events.before stopped.h5.run/events.jsonl || mistake "a run that did nothing, or was refused, left events"
[ "$(wc -l <stopped.h5.run/emissions.csv)" -eq 2 ] || mistake "a run that did nothing cost: $(cat stopped.h5.run/emissions.csv)"
# What it made is no longer there, or another file, or what is told of it is damaged: made anew.
rm stopped.h5
run "${train[@]}" -o stopped.h5 --resume
expect_same_bytes whole.h5 stopped.h5
printf 'x' >>stopped.h5
run "${train[@]}" -o stopped.h5 --resume
expect_same_bytes whole.h5 stopped.h5
printf '{"options": {"--net": 1}}' >stopped.h5.run/result.json
run "${train[@]}" -o stopped.h5 --resume
expect_text stdout "test top-1"
expect_same_bytes whole.h5 stopped.h5
# A run that was stopped is no finished one, even where one finished before.
rm stopped.h5.run/events.jsonl
stop_when '"kind":"epoch".*"done":1' TERM "${train[@]}" -o stopped.h5
[ "$code" -eq 75 ] || mistake "stopped with exit code $code, expected 75: $(cat stderr)"
run "${train[@]}" -o stopped.h5 --resume
expect_text stdout "test top-1"

finish
