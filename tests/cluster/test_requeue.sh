#!/usr/bin/env bash
# A training that reaches its job's time limit is saved, goes back into the queue by itself, and ends with the bytes of
# one that was never stopped.
# shellcheck source=tests/cluster/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

cluster_up
import_fashion_mnist 60
mapfile -t options < <(training 60)
run facet train "${options[@]}" --threads 1 -o one.h5

# Slurm counts limits in minutes and looks at them twice a minute: the signal comes within the first half minute, and leaves
# a busy machine one and a half to save in.
for launcher in srun mpirun; do
    export FACET_LAUNCHER=$launcher
    submit "$launcher" --time=2 --signal=B:USR1@119 "$source_dir/slurm/train.sbatch" "${options[@]}" -o "$launcher.h5"
    wait_until 300 "$launcher: job $job goes back into the queue" job_was_restarted || {
        cat "$launcher.out"
        finish
    }
    on head scontrol update "JobId=$job" TimeLimit=30 # once is enough
    expect_job COMPLETED "$launcher"
    expect_text "$launcher.out" "go on with --resume"
    expect_same_bytes one.h5 "$launcher.h5"
done

finish
