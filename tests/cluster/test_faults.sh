#!/usr/bin/env bash
# Signals and killed ranks on four nodes: whatever ends a training, the next start goes on, to the bytes of one that was
# never disturbed.
# shellcheck source=tests/cluster/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

cluster_up
import_fashion_mnist 60
mapfile -t options < <(training 30)
run facet train "${options[@]}" --threads 1 -o one.h5

# train NAME: submits a training and waits until it has saved an epoch or two.
train() {
    submit "$1" "$source_dir/slurm/train.sbatch" "${options[@]}" -o "$1.h5"
    wait_until 120 "two epochs of $1" grep -q '"kind":"epoch".*"done":2,' "$1.h5.run/events.jsonl" ||
        finish
}

# kill_rank NODE RANK: as when the node runs out of memory.
kill_rank() {
    local killed
    # shellcheck disable=SC2016 # expanded on the node
    killed=$(on "$1" sh -c 'for process in /proc/[0-9]*; do
        if tr "\0" "\n" <$process/environ | grep -qx -e "PMIX_RANK='"$2"'" && grep -q "^Name:.facet$" $process/status; then
            kill -KILL ${process#/proc/} && echo $process
        fi
    done' 2>/dev/null)
    [ -n "$killed" ] || mistake "there was no rank $2 to kill on $1"
}

for launcher in srun mpirun; do
    export FACET_LAUNCHER=$launcher

    train "$launcher-killed"
    kill_rank n3 5
    expect_job FAILED "$launcher-killed"
    [ ! -e "$launcher-killed.h5" ] || mistake "a killed training left a result"
    submit "$launcher-killed" "$source_dir/slurm/train.sbatch" "${options[@]}" -o "$launcher-killed.h5"
    expect_job COMPLETED "$launcher-killed"
    expect_text "$launcher-killed.out" "epoch 30 of 30"
    [ "$(grep -c '^epoch 1 of 30' "$launcher-killed.out")" -eq 1 ] || mistake "it began anew instead of going on"
    expect_same_bytes one.h5 "$launcher-killed.h5"

    # A user's own stop: saved, and not started again.
    train "$launcher-stopped"
    on head scancel --batch --signal=TERM "$job"
    expect_job FAILED "$launcher-stopped"
    [ "$(job_restarts)" -eq 0 ] || mistake "$launcher: a training that its user stopped was started again"
    expect_text "$launcher-stopped.out" "go on with --resume"
    [ -s "$launcher-stopped.h5.run/checkpoint.h5" ] || mistake "$launcher: a stopped training left no checkpoint"
done

# The ranks themselves get SIGTERM: they save, and the job starts again.
export FACET_LAUNCHER=srun
train ranks
on head scancel --signal=TERM "$job"
expect_job COMPLETED ranks
job_was_restarted || mistake "job $job was not started again: $(cat ranks.out)"
expect_same_bytes one.h5 ranks.h5

finish
