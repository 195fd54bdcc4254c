#!/usr/bin/env bash
# A training, and a decomposition, that reaches its job's time limit is saved, goes back into the queue by itself, and ends
# with the bytes of one that was never stopped.
# shellcheck source=tests/cluster/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

cluster_up
import_fashion_mnist 60
mapfile -t options < <(training 60)
run facet train "${options[@]}" --threads 1 -o one.h5

distillation=(one.h5 --data train.h5 --method distill --budget 0.5 --steps 1500 --joint-steps 0)

# Slurm counts limits in minutes and looks at them twice a minute: the signal comes within the first half minute, and leaves
# a busy machine one and a half to save in.
#
# submit_short NAME SCRIPT ARGUMENT... : with a limit that it reaches; back when the job is in the queue again.
submit_short() {
    local name=$1
    shift
    submit "$name" --time=2 --signal=B:USR1@119 "$@"
    wait_until 300 "$name: job $job goes back into the queue" job_was_restarted || {
        cat "$name.out"
        finish
    }
    on head scontrol update "JobId=$job" TimeLimit=30 # once is enough
    expect_job COMPLETED "$name"
    expect_text "$name.out" "go on with --resume"
}

for launcher in srun mpirun; do
    export FACET_LAUNCHER=$launcher
    submit_short "$launcher" "$source_dir/slurm/train.sbatch" "${options[@]}" -o "$launcher.h5"
    expect_same_bytes one.h5 "$launcher.h5"
done

run facet decompose "${distillation[@]}" -o one
submit_short decompose "$source_dir/slurm/decompose.sbatch" "${distillation[@]}" -o parts-run
expect_same_bytes one/modules.h5 parts-run/modules.h5

finish
