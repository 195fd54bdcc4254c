# shellcheck shell=bash
# Sourced by the cluster tests, which run as: TEST.sh SOURCE_DIR BUILD_DIR. Each has a cluster of its own, whose shared
# file system is the test's scratch folder; cluster and folder are gone at the end.

# shellcheck source=tests/end_to_end/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../end_to_end/common.sh"

build_dir=$2
export FACET_HOME=$source_dir FACET_BIN=$build_dir/bin
clean_up_scratch=$(declare -f clean_up)
eval "${clean_up_scratch/clean_up/remove_scratch}"
clean_up() {
    "$source_dir/slurm/cluster" down "$scratch"
    remove_scratch
}

cluster_up() {
    local code=0
    "$source_dir/slurm/cluster" up "$scratch" "$build_dir" >up.txt 2>&1 || code=$?
    [ "$code" -ne 77 ] || skip "$(tail -n 1 up.txt)"
    [ "$code" -eq 0 ] || {
        cat up.txt
        mistake "the cluster does not come up: exit code $code"
        finish
    }
}

# on NODE COMMAND... : in the shared folder.
on() {
    "$source_dir/slurm/cluster" on "$scratch" "$@"
}

# submit NAME OPTION... SCRIPT ARGUMENT... : eight ranks on four nodes; the job's output is in NAME.out, its number in $job.
submit() {
    local name=$1
    shift
    job=$(on head sbatch --parsable --nodes=4 --ntasks-per-node=2 --cpus-per-task=1 --output="$name.out" "$@")
}

# wait_until SECONDS WHAT COMMAND... : until the command succeeds; a mistake, and 1, when it takes longer.
wait_until() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || {
            mistake "after so long still not: $what"
            return 1
        }
        sleep 0.2
    done
}

job_state() {
    on head scontrol show job "$job" | sed -n 's/^ *JobState=\([A-Z_]*\).*/\1/p'
}
job_restarts() {
    on head scontrol show job "$job" | sed -n 's/.*Restarts=\([0-9]*\).*/\1/p'
}
job_is_over() {
    [[ $(job_state) =~ ^(COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL)$ ]]
}

# expect_job STATE NAME: the job ends, and so.
expect_job() {
    local state
    wait_until 600 "job $job ($2) is over" job_is_over || finish
    state=$(job_state)
    [ "$state" = "$1" ] || mistake "job $job ($2) ended as $state, expected $1: $(cat "$2.out")
$(on head scontrol show job "$job")
$(tail -n 30 .cluster/head/slurmctld.log)"
}

job_was_restarted() {
    [ "$(job_restarts)" -ge 1 ]
}

# What every test trains: 600 images, so that even one rank has done in seconds.
training() {
    printf '%s\n' --net lenet --data train.h5 --test test.h5 --batch 128 --crop 2 --flip --epochs "$1"
}
