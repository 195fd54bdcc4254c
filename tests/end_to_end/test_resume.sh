#!/usr/bin/env bash
# A stopped training run goes on where it was and ends in the bytes of an undisturbed one; a changed one is refused.
# shellcheck source=tests/end_to_end/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

import_fashion_mnist 400
train() {
    facet train --net lenet --data train.h5 --test test.h5 --epochs 4 --batch 64 --flip "$@"
}

# wait_for FILE TEXT: until the text stands in the file.
wait_for() {
    local tries=0
    until grep -qF -e "$2" "$1" 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -lt 1200 ] || {
            mistake "\"$2\" did not appear in $1"
            finish
        }
        sleep 0.1
    done
}

run train -o whole.h5

# Stopped after the first epoch by each signal a launcher or a person sends.
for signal in INT TERM USR1; do
    rm -rf stopped.h5 stopped.h5.run
    facet train --net lenet --data train.h5 --test test.h5 --epochs 4 --batch 64 --flip -o stopped.h5 \
        >stdout 2>stderr &
    pid=$!
    background+=("$pid")
    wait_for stderr "epoch 1 of 4"
    kill -s "$signal" "$pid"
    code=0
    wait "$pid" || code=$?
    [ "$code" -eq 75 ] || mistake "SIG$signal: exit code $code, expected 75"
    expect_text stderr "--resume"
    [ -e stopped.h5.run/checkpoint.h5 ] || mistake "SIG$signal: no checkpoint was left"
    [ ! -e stopped.h5 ] || mistake "SIG$signal: a network was written although training had not ended"
    cp -r stopped.h5.run kept.run

    # Another option, other data: refused by name, and the checkpoint stays.
    expect 1 facet train --net lenet --data train.h5 --epochs 4 --batch 128 --flip --resume -o stopped.h5
    expect_one_line_about "--batch was 64, now it is 128"
    expect 1 facet train --net lenet --data test.h5 --epochs 4 --batch 64 --flip --resume -o stopped.h5
    expect_one_line_about "--data (digest)"
    expect 1 facet train --net mlp-1 --data train.h5 --epochs 4 --batch 64 --flip --resume -o stopped.h5
    expect_one_line_about "--net was lenet, now it is mlp-1"
    cmp stopped.h5.run/checkpoint.h5 kept.run/checkpoint.h5 || mistake "a refused --resume changed the checkpoint"
    rm -r kept.run

    # On another number of ranks and threads.
    run mpirun -n 2 facet train --net lenet --data train.h5 --test test.h5 --epochs 4 --batch 64 --flip --threads 1 \
        --resume -o stopped.h5
    expect_same_bytes whole.h5 stopped.h5
    [ ! -e stopped.h5.run/checkpoint.h5 ] || mistake "the checkpoint of a finished run was left"
done

# Two ranks stopped by their launcher.
rm -rf stopped.h5 stopped.h5.run
mpirun -n 2 facet train --net lenet --data train.h5 --epochs 4 --batch 64 --flip -o stopped.h5 >stdout 2>stderr &
pid=$!
background+=("$pid")
wait_for stderr "epoch 1 of 4"
kill -s TERM "$pid"
code=0
wait "$pid" || code=$?
[ "$code" -ne 0 ] || mistake "mpirun told of success although its job was stopped"
[ -e stopped.h5.run/checkpoint.h5 ] || mistake "mpirun and SIGTERM: no checkpoint was left"
run facet train --net lenet --data train.h5 --epochs 4 --batch 64 --flip --resume -o stopped.h5
expect_same_bytes whole.h5 stopped.h5

# Nothing to resume: said, and started from the beginning.
expect 0 facet train --net mlp-1 --data test.h5 --epochs 1 --resume -o fresh.h5
expect_text stderr "no checkpoint"

finish
