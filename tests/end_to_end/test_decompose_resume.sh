#!/usr/bin/env bash
# A decomposition that is killed or stopped loses nothing it has finished: resumed, on whatever ranks, it ends with the
# bytes of one that was never disturbed; only whole parts of the same options are believed. And the plan of such a run.
# shellcheck source=tests/end_to_end/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

export OMPI_MCA_odls_base_sigkill_timeout=15

import_fashion_mnist 500
run facet train --net lenet --data train.h5 --epochs 1 --batch 64 -o net.h5
run facet train --net mlp-1 --data train.h5 --epochs 1 --batch 64 -o other.h5
decompose=(facet decompose net.h5 --data train.h5 --confidence 0.2 --threads 1)
run "${decompose[@]}" -o whole

two_parts() {
    local parts=("$1"/parts/class-?????.h5)
    [ ${#parts[@]} -ge 2 ]
}

# disturb SIGNAL RUN COMMAND... : runs it and sends the signal when `$begun RUN` says that there is something to lose.
begun=two_parts
disturb() {
    local signal=$1 run=$2 pid tenths
    shift 2
    "$@" -o "$run" >stdout 2>stderr </dev/null &
    pid=$!
    background+=("$pid")
    for ((tenths = 0; tenths < 3000; tenths++)); do
        ! "$begun" "$run" || break
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.02
    done
    kill -s "$signal" "$pid" 2>/dev/null || mistake "the run had ended before it could be disturbed: $(cat stderr)"
    code=0
    wait "$pid" || code=$?
    [ ! -e "$run/modules.h5" ] || mistake "a disturbed run left modules"
}

# Killed at once; two of its parts are damaged, one cut short and one by a single bit.
disturb KILL killed "${decompose[@]}"
[ "$code" -eq 137 ] || mistake "killed with exit code $code, expected 137"
parts=(killed/parts/class-?????.h5)
truncate -s -100 "${parts[0]}"
byte=$(od -An -tu1 -j5000 -N1 "${parts[1]}")
printf '%b' "\\x$(printf '%02x' $((byte ^ 4)))" | dd of="${parts[1]}" bs=1 seek=5000 conv=notrunc status=none
run mpirun -n 2 "${decompose[@]}" --resume -o killed
expect_text stderr "is damaged; the class is made again"
[ "$(grep -c "is damaged" stderr)" -eq 2 ] || mistake "two parts were damaged, but it says: $(cat stderr)"
expect_same_bytes whole/modules.h5 killed/modules.h5
[ ! -e killed/parts ] || mistake "a finished run left its parts"

# Stopped: all that is finished is kept, and other options do not go on from there.
disturb TERM stopped "${decompose[@]}"
[ "$code" -eq 75 ] || mistake "stopped with exit code $code, expected 75: $(cat stderr)"
cp stopped/run.json before.json
cp stopped/events.jsonl before.jsonl
expect 1 "${decompose[@]}" --tau-plus 0.1 --resume -o stopped
expect_text stderr "--tau-plus was 0, now it is 0.1"
expect 1 facet decompose other.h5 --data train.h5 --confidence 0.2 --resume -o stopped
expect_text stderr "network (digest) was"
expect 1 facet decompose net.h5 --data test.h5 --confidence 0.2 --resume -o stopped
expect_text stderr "--data (digest) was"
cmp -s stopped/run.json before.json || mistake "a refused run wrote run.json"
cmp -s stopped/events.jsonl before.jsonl || mistake "a refused run left events"
run mpirun -n 5 "${decompose[@]}" --ranks-per-class 3 --resume -o stopped
grep -q '"state":"resumed"' stopped/events.jsonl || mistake "no class was resumed"
expect_same_bytes whole/modules.h5 stopped/modules.h5

# From the beginning, without --resume.
disturb USR1 again "${decompose[@]}"
[ "$code" -eq 75 ] || mistake "stopped with exit code $code, expected 75: $(cat stderr)"
run mpirun -n 3 "${decompose[@]}" --keep-parts -o again
expect_text stderr "of an earlier run removed"
expect_same_bytes whole/modules.h5 again/modules.h5
[ "$(find again/parts -name 'class-?????.h5' | wc -l)" -eq 10 ] || mistake "--keep-parts kept $(ls again/parts)"

# Finished: there is nothing to do, on whatever ranks; other options are refused, and other classes are other modules.
run mpirun -n 2 "${decompose[@]}" --resume -o stopped
expect_text stdout "stopped/modules.h5: finished before"
run "${decompose[@]}" --resume --json -o stopped
expect_text stdout '"units_kept"'
expect 1 "${decompose[@]}" --classes 0-2 --resume -o stopped
expect_one_line_about "--classes was all, now it is 0-2"
modules=(facet train-modules --net mlp-1 --data train.h5 --epochs 1 --threads 1 -o own)
run "${modules[@]}" --classes 0,1
run "${modules[@]}" --classes 0,1 --resume
expect_text stdout "own/modules.h5: finished before"
run "${modules[@]}" --classes 1,2 --resume
expect_text stdout "own/modules.h5: 2 modules of mlp-1"

# A class that is stopped in the middle is gone on from there, also by ranks that share it.
within() { grep -q '"distilling"' "$1/events.jsonl" 2>/dev/null; }
begun=within
distill=(facet decompose net.h5 --data train.h5 --method distill --budget 0.5 --steps 60 --batch 32 --pool 1000
    --joint-steps 0 --classes 3 --threads 1)
run "${distill[@]}" -o distilled
disturb TERM within "${distill[@]}"
[ "$code" -eq 75 ] || mistake "stopped with exit code $code, expected 75: $(cat stderr)"
[ -s within/parts/class-00003.checkpoint.h5 ] || mistake "a class that was stopped left nothing: $(ls within/parts)"
cp within/run.json before.json
expect 1 "${distill[@]}" --temperature 3 --resume -o within
expect_text stderr "--temperature was 4, now it is 3"
cmp -s within/run.json before.json || mistake "a refused run wrote run.json"
run mpirun -n 2 "${distill[@]}" --resume -o within
expect_same_bytes distilled/modules.h5 within/modules.h5

# What was measured predicts itself, and more ranks are quicker.
if command -v gnuplot >/dev/null; then
    # shellcheck disable=SC2016 # a name is no command
    plot='it`touch by-gnuplot`'"'s.svg"
    run facet plan whole --plot "$plot"
    [ -s "$plot" ] || mistake "no plot in $plot"
    [ ! -e by-gnuplot ] || mistake "what a file is called was run as a command"
fi
run facet plan whole --ranks 1,4 --json
seconds() { grep -o '"seconds": [0-9.]*' stdout | sed -n "$1s/.*: //p"; }
awk -v recorded="$(seconds 1)" -v one="$(seconds 2)" -v four="$(seconds 3)" \
    'BEGIN { exit !(one > 0.85 * recorded && one < 1.15 * recorded && four < one) }' ||
    mistake "the plan of a run on one rank is not what it took: $(cat stdout)"
# A plan from a run that is made for it, of the first classes.
run mpirun -n 2 facet plan --ranks 1,2 --threads 1 --json -- "${decompose[@]:1:6}" -o trial
expect_text stdout '"classes": 3'
expect_text trial/run.json '"--classes": "0-2"'
# --threads may be the command's own, as it will be run.
run facet plan --trial 1 --classes 20 --ranks 4 --threads 2 --json -- "${decompose[@]:1:6}" --threads 1 -o trial
expect_text stdout '"classes": 20'
expect_text trial/run.json '"--classes": "0-0"'
expect_text trial/run.json '"threads": 1'
expect 2 facet plan -- "${decompose[@]:1:6}" --conv im2col -o trial
expect_text stderr "--conv is given to a command that runs inside another"
expect 2 facet plan -- decompose net.h5 --data train.h5
expect_text stderr "-o RUN"
expect 2 facet plan -- inspect net.h5
expect_text stderr "decompose or train-modules"
expect 1 facet plan .
expect_text stderr "events.jsonl"
expect 2 facet plan whole --ranks 0
mkdir moment
sed 's/"time":[0-9.]*/"time":1000/' whole/events.jsonl >moment/events.jsonl
expect 1 facet plan moment
expect_text stderr "all of one moment"

finish
