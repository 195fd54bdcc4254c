#!/usr/bin/env bash
# Decomposing on four nodes survives its user's stop, a time limit's signal, a node that is cut off and a restart of Slurm's
# controller: every finished class is kept, and the end is the bytes of a run that was never disturbed.
# shellcheck source=tests/cluster/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

cluster_up
import_fashion_mnist 60
run facet train --net lenet --data train.h5 --epochs 6 --batch 64 -o net.h5
import_fashion_mnist 2000 # so that decomposing takes its time
options=(net.h5 --data train.h5 --positives 2000 --confidence 0.2)
run facet decompose "${options[@]}" -o one

parts_there() {
    local parts=("$1"/parts/class-?????.h5)
    [ -e "${parts[0]}" ] && [ ${#parts[@]} -ge "$2" ]
}

# decompose NAME: submits it and waits for its second part.
decompose() {
    submit "$1" "$source_dir/slurm/decompose.sbatch" "${options[@]}" -o "$1"
    wait_until 240 "two classes of $1" parts_there "$1" 2 || finish
    [ ! -e "$1/modules.h5" ] || mistake "$1 was finished before it could be disturbed"
}

# expect_whole NAME: the job ends well, having gone on instead of begun anew, with the right bytes.
expect_whole() {
    expect_job COMPLETED "$1"
    grep -q '"state":"resumed"' "$1/events.jsonl" || mistake "$1: no class was resumed"
    expect_same_bytes one/modules.h5 "$1/modules.h5"
}

for launcher in srun mpirun; do
    export FACET_LAUNCHER=$launcher
    decompose "$launcher-stopped"
    on head scancel --batch --signal=TERM "$job"
    expect_job FAILED "$launcher-stopped"
    expect_text "$launcher-stopped.out" "go on with --resume"
    submit "$launcher-stopped" "$source_dir/slurm/decompose.sbatch" "${options[@]}" -o "$launcher-stopped"
    expect_whole "$launcher-stopped"

    decompose "$launcher-limit" # USR1 is what a time limit sends
    on head scancel --batch --signal=USR1 "$job"
    wait_until 300 "$launcher: job $job goes back into the queue" job_was_restarted || finish
    expect_whole "$launcher-limit"
done
export FACET_LAUNCHER=srun

# The controller is away while classes are made; the ranks do not notice.
decompose controller
restarted=$(<.cluster/head/slurmctld.pid)
on head sh -c "kill $restarted; while kill -0 $restarted 2>/dev/null; do sleep 0.1; done; slurmctld -f $scratch/.cluster/slurm.conf"
wait_until 60 "the controller answers again" on head scontrol ping
expect_job COMPLETED controller
expect_same_bytes one/modules.h5 controller/modules.h5

# A node is cut off: Slurm takes it for lost and starts the job again, when the node is back.
decompose node
on n3 ip link set eth0 down
wait_until 300 "job $job goes back into the queue" job_was_restarted || finish
on n3 ip link set eth0 up
expect_whole node

finish
