#!/usr/bin/env bash
# The command line keeps its promises: help and version, usage errors, one-line errors, what goes to which stream.
# shellcheck source=tests/end_to_end/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

expect 0 facet --version
expect_text stdout "facet "
expect_empty stderr
expect 0 facet --help
expect_empty stderr
for command in import-data train decompose compose replace evaluate inspect bench; do
    expect_text stdout "  $command "
done
for command in import-data train decompose compose replace evaluate inspect bench; do
    expect 0 facet "$command" --help
    expect_text stdout "Usage: facet $command"
    expect_empty stderr
    expect 2 facet "$command" --no-such-option
    expect_empty stdout
    expect_text stderr "no-such-option"
    expect 2 facet "$command"
    expect_empty stdout
done
expect 2 facet
expect_empty stdout
expect 2 facet no-such-command
expect_empty stdout
expect_one_line_about "no-such-command"
expect 2 facet help no-such-command
expect_empty stdout
expect_one_line_about "no-such-command"
expect 2 facet decompose a.h5 --data b.h5 --method distill --budget 0 -o untouched
expect_one_line_about "--budget"
[ ! -e untouched ] || mistake "a run directory was made for options that make no sense"
expect 2 facet train --net lenet --data a.h5 -o b.h5 --epochs none
expect_text stderr "--epochs"
expect 2 facet evaluate a.h5 b.h5 --data c.h5
expect_text stderr "'a.h5' and 'b.h5' given"
expect 2 facet study cost reuse -o study
expect_text stderr "'cost' and 'reuse' given"
# A study looks for its files before its first step.
touch here.h5
for files in gone.h5,here.h5,here.h5 here.h5,gone.h5,here.h5 here.h5,here.h5,gone.h5; do
    expect 1 facet study cost --network "a=$files" -o study
    expect_one_line_about "gone.h5"
done
expect 1 facet study pareto --network a=here.h5,here.h5,here.h5 --modules b=gone.h5 -o study
expect_one_line_about "gone.h5"
expect 1 facet study cost --network a=here.h5,here.h5,here.h5 --results no-such-folder/page.md -o study
expect_one_line_about "no-such-folder"
[ ! -e study ] || mistake "a study was begun without its files"
expect 1 facet plan no-such-run
expect_one_line_about "expected the directory of a run"
for option in --json --top=3; do
    expect 2 facet predict net.h5 --input x.npy --output y.npy "$option"
    expect_text stderr "${option%=*}"
done

# Files that are missing or something else.
echo "not an HDF5 file" >other.h5
for file in missing.h5 other.h5; do
    expect 1 facet inspect "$file"
    expect_empty stdout
    expect_one_line_about "$file"
    expect 1 facet evaluate "$file" --data "$file"
    expect_empty stdout
    expect_one_line_about "$file"
    expect 1 facet decompose "$file" --data "$file" -o run
    expect_one_line_about "$file"
    expect 1 facet compose "$file" -o composition.h5
    expect_one_line_about "$file"
    expect 1 facet replace "$file" --class 1 --with "$file:1" -o replaced.h5
    expect_one_line_about "$file"
    expect 1 facet train --net lenet --data "$file" -o net.h5
    expect_one_line_about "$file"
    for result in net.h5 composition.h5 replaced.h5; do
        [ ! -e "$result" ] || mistake "a command that failed left $result"
    done
done
expect 1 facet import-data no-such-folder -o data.h5
expect_one_line_about "no-such-folder"

# Several ranks say it once, too.
expect 1 mpirun -n 3 facet evaluate missing.h5 --data missing.h5
expect_empty stdout
[ "$(grep -c '^facet.*missing.h5' stderr)" -eq 1 ] || mistake "three ranks told of missing.h5 not once: $(cat stderr)"

# After --, nothing is an option.
expect 1 facet inspect -- --help
expect_one_line_about "--help"

# Streams that are closed: what cannot be told is a failure, and goes into no file or socket of the program's.
mkdir idx
printf '\0\0\10\3\0\0\0\4\0\0\0\2\0\0\0\2abcdefghijklmnop' >idx/train-images-idx3-ubyte
printf '\0\0\10\1\0\0\0\4\0\1\0\1' >idx/train-labels-idx1-ubyte
run facet import-data idx -o two.h5
run facet train --net mlp-1 --data two.h5 --epochs 1 -o open.h5
expect 2 facet train --net mlp-1 --shortcut B --data two.h5 --epochs 1 -o shortcut.h5
expect_one_line_about "mlp-1"
cp two.h5 "it's two.h5"
run facet train --net mlp-1 --data "it's two.h5" --epochs 1 -o odd.h5
expect_text odd.h5.run/run.json "facet train --net mlp-1 --data 'it'\\\\''s two.h5' --epochs 1 -o odd.h5\""
code=0
facet train --net mlp-1 --data two.h5 --epochs 1 -o closed.h5 <&- >&- 2>&- || code=$?
[ "$code" -eq 1 ] || mistake "exit code $code, expected 1: train with nowhere to tell its result"
expect_same_bytes open.h5 closed.h5

# Ranks that did not find one another: one of them says so, none works.
for variable in SLURM_STEP_NUM_TASKS PMI_SIZE; do
    expect 2 env "$variable=2" SLURM_PROCID=0 facet train --net mlp-1 --data two.h5 --epochs 1 -o lonely.h5
    expect_text stderr "$variable tells of 2 tasks, but MPI of one rank"
    expect 2 env "$variable=2" SLURM_PROCID=1 facet train --net mlp-1 --data two.h5 --epochs 1 -o lonely.h5
    expect_empty stderr
done
[ ! -e lonely.h5.run ] || mistake "a rank that is alone began to work"
run mpirun -n 1 env SLURM_STEP_NUM_TASKS=2 facet train --net mlp-1 --data two.h5 --epochs 1 -o alone.h5

expect 0 facet-monitor --help
expect_empty stderr
expect 2 facet-monitor
expect_empty stdout

finish
