#!/usr/bin/env bash
# Every shell script passes shellcheck.
# shellcheck source=tests/checks/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need shellcheck
cd "$source_dir"
{
    list_sources -name '*.sh' -o -name '*.sbatch'
    printf '%s\0' run .ci/run tests/bench/peers/run slurm/cluster slurm/on-ranks
} | xargs -0 shellcheck --external-sources
