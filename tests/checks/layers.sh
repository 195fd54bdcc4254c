#!/usr/bin/env bash
# Dependencies point one way: jobs -> mpi -> modules -> compute. No file includes a file of a floor above its own,
# and the floors below mpi include neither MPI's header nor (above compute/kernels) BLIS's.
# shellcheck source=tests/checks/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

cd "$source_dir"
violations=0

# forbid FOLDER PATTERN WHY: no file of the folder includes anything that matches.
forbid() {
    local folder=$1 pattern=$2 why=$3
    if grep --recursive --line-number --extended-regexp --include='*.[ch]' \
        "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($pattern)" "$folder"; then
        printf '  ^ %s\n' "$why"
        violations=$((violations + 1))
    fi
}

forbid compute '(modules|mpi|jobs|tests)/' 'compute/ knows only itself'
forbid modules '(mpi|jobs|tests)/' 'modules/ knows only itself and compute/'
forbid mpi '(jobs|tests)/' 'mpi/ knows only itself, modules/ and compute/'
forbid jobs 'tests/' 'jobs/ knows nothing of the tests'
forbid compute/base 'compute/(data|formats|kernels|network|reference)/' 'compute/base knows only itself'
forbid compute/kernels 'compute/(data|formats|network|reference)/' 'compute/kernels knows only itself and compute/base'
forbid compute/data 'compute/(formats|network|reference)/' 'compute/data knows only itself and what is below'
forbid compute/network 'compute/(formats|reference)/' 'compute/network knows only itself and what is below'
forbid compute/formats 'compute/reference/' 'compute/reference is for tests'
forbid compute 'mpi\.h' 'MPI belongs to mpi/'
forbid modules 'mpi\.h' 'MPI belongs to mpi/'
forbid mpi/wire '(mpi\.h|modules/|hdf5\.h|compute/[^b])' 'the progress wire stands on compute/base alone'
for folder in compute/base compute/data compute/network compute/formats modules mpi jobs; do
    forbid "$folder" '(blis\.h|cblas\.h|blis/)' 'compute/kernels is the only door to BLIS'
done

[ "$violations" -eq 0 ] || fail "includes that point the wrong way: $violations"
