#!/usr/bin/env bash
# A study runs its experiments as steps, goes on where it was killed, believes finished steps only while nothing they
# were made of has changed, and the page of results says what the records say.
# shellcheck source=tests/end_to_end/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

import_fashion_mnist 40
run facet train --net lenet --data train.h5 --epochs 12 --threads 1 -o lenet.h5
study=(facet study cost --network 'lenet=lenet.h5,train.h5,test.h5' --decompose '--confidence 0' --epsilon none -o study)


# The whole study, on two ranks.
run mpirun -n 2 "${study[@]}" --tau 0:0,0.1:0.2 --results page.md
expect_text stdout 'study/cost.json: 6 steps run, 0 done before; results in page.md'
for file in study/cost.json study/cost-cost.csv page/cost.json page/cost-cost.csv page.md study/emissions.csv; do
    [ -s "$file" ] || mistake "the study left no $file"
done
[ ! -e study/work/lenet-parent ] || mistake "a step without outputs left its folder"
[ "$(wc -l <page/cost-cost.csv)" -eq 4 ] || mistake "cost-cost.csv: $(cat page/cost-cost.csv)"
cmp study/cost-cost.csv page/cost-cost.csv || mistake "the published table is another"
if command -v gnuplot >/dev/null; then
    expect_text page/cost-plot-1.svg 'top-1 lost, pp'
    expect_text page.md '](page/cost-plot-1.svg)'
fi

# The page says what facet evaluate says, with the command above.
expect_text page.md "facet study cost --network lenet=lenet.h5,train.h5,test.h5 --decompose '--confidence 0' --epsilon none -o study"
expect_text page.md 'facet evaluate lenet.h5 --data test.h5 --json'
run facet evaluate study/work/lenet-ci-ti-mc-0.1-0.2-0/modules.h5 --data test.h5 --json
top1=$(sed -n 's/^  "top1": \([0-9.]*\),$/\1/p' stdout)
run awk -F, -v top1="$top1" '$4 == "0.2" && ($8 - 100 * top1) ^ 2 < 1e-9 { found = 1 } END { exit !found }' page/cost-cost.csv

# Done again, nothing runs, and the tables are the same; so on another number of ranks.
cp study/cost-cost.csv first.csv
cp page.md first.md
run "${study[@]}" --tau 0:0,0.1:0.2
expect_text stdout '0 steps run, 6 done before'
expect_same_bytes first.csv study/cost-cost.csv

# The page alone, from the records.
rm page.md
run facet study results --results page.md
expect_same_bytes first.md page.md

# One more experiment: only that is done. Other images: all that saw them.
run "${study[@]}" --tau 0:0,0.1:0.2,0.3:0.3
expect_text stdout '2 steps run, 6 done before'
mv test.h5 whole.h5
run facet import-data "${FACET_FASHION_MNIST:-/usr/share/datasets/fashion-mnist}" --split test --class-names class-names.txt --limit 30 -o test.h5
run "${study[@]}" --tau 0:0,0.1:0.2
expect_text stdout '3 steps run, 3 done before'

# A file that is gone or a record that is damaged is made again.
rm study/work/lenet-ci-ti-mc-0-0-0/modules.h5
echo '{"key": ' >study/steps/lenet-pass.json
run "${study[@]}" --tau 0:0,0.1:0.2
expect_text stdout '2 steps run, 4 done before'

# Killed in the middle, it goes on to the same figures.
mv whole.h5 test.h5
"${study[@]}" --tau 0:0,0.1:0.2 --threads 1 -o killed >stdout 2>stderr </dev/null &
pid=$!
background+=("$pid")
for ((tenths = 0; tenths < 600; tenths++)); do
    [ ! -e killed/steps/lenet-parent.json ] || break
    sleep 0.1
done
kill -s KILL "$pid" 2>/dev/null || mistake "the study had ended before it could be killed: $(cat stderr)"
wait "$pid" || true
[ ! -e killed/cost.json ] || mistake "a killed study left a record"
run "${study[@]}" --tau 0:0,0.1:0.2 -o killed
grep -qE '[1-5] steps run, [1-5] done before' stdout || mistake "nothing was done before: $(cat stdout)"
cut -d, -f1-14 first.csv >first.figures
cut -d, -f1-14 killed/cost-cost.csv >killed.figures
expect_same_bytes first.figures killed.figures

# The other kinds, each with one or two experiments; modules made once serve them all.
kinds=(--network 'lenet=lenet.h5,train.h5,test.h5' --decompose '--confidence 0' --net lenet --train '--rate 0.02' -o other --results kinds.md)
run facet study cost "${kinds[@]}" --tau none --epsilon 0
[ "$(grep -cE '^lenet,b[dc],' kinds/cost-cost.csv)" -eq 2 ] || mistake "variants: $(cat kinds/cost-cost.csv)"
run facet study reuse "${kinds[@]}" --draws 2 --scratch-draws 1 --epochs 1
[ "$(wc -l <kinds/reuse-within.csv)" -eq 3 ] || mistake "reuse-within.csv: $(cat kinds/reuse-within.csv)"
grep -qE '^lenet,1,2,"[A-Z][a-zA-Z/ -]*, [A-Z]' kinds/reuse-within.csv || mistake "two classes are not named: $(cat kinds/reuse-within.csv)"
run facet study replace "${kinds[@]}" --draws 1 --weak-epochs 12
expect_text kinds/replace-replace.csv 'lenet,1,T-shirt/top,'
run facet study carbon "${kinds[@]}" --draws 1 --epochs 2 --replace-draws 1 --weak-epochs 12
grep -qE '^lenet,1,T-shirt/top,.*(,yes|,no: the factor is a lower bound)$' kinds/carbon-carbon-replace.csv || mistake "carbon-carbon-replace.csv: $(cat kinds/carbon-carbon-replace.csv)"
grep -qE '(,yes|,no: the factor is a lower bound)$' kinds/carbon-carbon.csv || mistake "carbon-carbon.csv: $(cat kinds/carbon-carbon.csv)"
run facet study pareto "${kinds[@]}" --methods activation
[ "$(grep -cE '^lenet,activation,(votes|union),' kinds/pareto-pareto.csv)" -eq 2 ] || mistake "pareto: $(cat kinds/pareto-pareto.csv)"
[ "$(grep -c '"name": "lenet-activation-1"' kinds/pareto.json)" -eq 1 ] || mistake "modules made once are counted more often in pareto.json"
run facet decompose lenet.h5 --data train.h5 --method gradient --stem none --budget 0.4 --steps 8 --pool 256 --batch 16 --no-flip --classes 0-3 -o gradient
run facet compose gradient/modules.h5:#0,#2 --plan union --parent lenet.h5 -o union.h5
run facet adapt union.h5 --parent lenet.h5 --data train.h5 --steps 16 --budget 0.3 --batch 16 --pool 64 -o adapted.h5
grep -qE ' 0\.(2[0-9]|30) times the parent' stdout || mistake "the union is not cut to its budget: $(cat stdout)"
run mpirun -n 2 facet adapt union.h5 --parent lenet.h5 --data train.h5 --steps 16 --budget 0.3 --batch 16 --pool 64 -o ranks.h5
expect_same_bytes adapted.h5 ranks.h5
expect 1 facet adapt union.h5 --data train.h5 -o never.h5
expect_text stderr --parent
expect 1 facet compose gradient/modules.h5:#0,#2 --plan union -o never.h5
expect_text stderr --parent
expect 2 facet adapt union.h5 --parent lenet.h5 --tune all --data train.h5 -o never.h5
expect_text stderr --tune
run facet study pareto "${kinds[@]}" --methods none --modules four=gradient/modules.h5 --name ready
grep -qE '^lenet,four,votes,,' kinds/ready-pareto.csv || mistake "modules made already: $(cat kinds/ready-pareto.csv)"
# Subsets of modules made already: as votes, as a union, and adapted; the same subsets of each modules file.
subsets=(facet study subsets "${kinds[@]}" --modules one=other/work/lenet-modules/modules.h5 --modules two=other/work/lenet-modules/modules.h5 --plan 'votes,union' --draws 2 --sizes '2,3' --adapt '--steps 16 --budget 0.5 --pool 64 --batch 16')
run "${subsets[@]}"
[ "$(wc -l <kinds/subsets-each.csv)" -eq 25 ] || mistake "subsets-each.csv: $(cat kinds/subsets-each.csv)"
[ "$(wc -l <kinds/subsets-means.csv)" -eq 13 ] || mistake "subsets-means.csv: $(cat kinds/subsets-means.csv)"
for k in 2 3; do
    [ "$(grep -E "^lenet,(one|two),votes,$k," kinds/subsets-each.csv | cut -d, -f5- | grep -oE '"[^"]*"' | sort | uniq -c | grep -c '^ *2 ')" -eq 2 ] || mistake "subsets of $k differ: $(cat kinds/subsets-each.csv)"
done
grep -q '^lenet,one,"union, adapted",3,2,' kinds/subsets-means.csv || mistake "subsets-means.csv: $(cat kinds/subsets-means.csv)"
run "${subsets[@]}"
expect_text stdout 'subsets.json: 0 steps run'
run facet study reuse "${kinds[@]}" --network 'other=lenet.h5,train.h5,test.h5' --draws 1 --pair-draws 1 --adapt '--steps 3' --name both
[ "$(wc -l <kinds/both-between.csv)" -eq 2 ] || mistake "both-between.csv: $(cat kinds/both-between.csv)"
expect_text kinds.md '## both: '

# A class of another dataset takes a place; what is within one dataset can be left out, as can backtracking's rule.
for ((class = 0; class < 10; class++)); do echo "thing $class"; done >things.txt
run facet import-data "${FACET_FASHION_MNIST:-/usr/share/datasets/fashion-mnist}" --split train --class-names things.txt --limit 40 -o things.h5
run facet train --net lenet --data things.h5 --epochs 4 --threads 1 -o other.h5
run facet study replace "${kinds[@]}" --network 'things=other.h5,things.h5,things.h5' --draws 0 --pair-draws 1 --adapt '--steps 3' --name exchanged
[ "$(wc -l <kinds/exchanged-between.csv)" -eq 2 ] || mistake "exchanged-between.csv: $(cat kinds/exchanged-between.csv)"
grep -q ' by thing [0-9],200,' kinds/exchanged-between.csv || mistake "exchanged-between.csv: $(cat kinds/exchanged-between.csv)"
[ ! -e kinds/exchanged-replace.csv ] || mistake "classes were replaced within the dataset"
run facet study cost "${kinds[@]}" --tau none --epsilon none --edges 0.1 --backtrack-tau 0:0.1 --compose '--calibrate train.h5' --name edges
grep -q '^lenet,bd,0,0.1,0,0.1,' kinds/edges-cost.csv || mistake "edges-cost.csv: $(cat kinds/edges-cost.csv)"
expect_text kinds.md '| A class replaced by another dataset'
for kind in cost reuse replace carbon pareto subsets; do
    expect_text kinds.md "## $kind: "
done
expect_text kinds.md "facet evaluate lenet.h5 --data test.h5 --classes '#"

# Bad input.
expect 2 facet study
expect 2 facet study nothing --network a=lenet.h5,train.h5,test.h5 -o never
expect_text stderr "nothing"
expect 2 facet study cost -o never
expect_text stderr "--network"
expect 2 facet study cost --network lenet.h5,train.h5 -o never
expect_text stderr "NAME=NET,TRAIN,TEST"
expect 2 facet study cost --network a=lenet.h5,train.h5,test.h5 --tau 0.1 -o never
expect_text stderr "--tau"
expect 2 facet study cost --network a=lenet.h5,train.h5,test.h5 --tau 0:2 -o never
expect 2 facet study cost --network a=lenet.h5,train.h5,test.h5 --results page.txt -o never
expect_text stderr ".md"
expect 2 facet study carbon --network a=lenet.h5,train.h5,test.h5 --draws 0 -o never
expect_text stderr "--draws"
expect 2 facet study cost --network a=lenet.h5,train.h5,test.h5 --backtrack-tau 0:0,0.1:0.1 -o never
expect_text stderr "--backtrack-tau"
expect 2 facet study pareto --network a=lenet.h5,train.h5,test.h5 --methods magic -o never
expect_text stderr "magic"
expect 2 facet study subsets --modules a=lenet.h5 --network a=lenet.h5,train.h5,test.h5 -o never
expect_text stderr "before the --network"
expect 2 facet study subsets --network a=lenet.h5,train.h5,test.h5 --modules b -o never
expect_text stderr "NAME=FILE"
expect 2 facet study subsets --network a=lenet.h5,train.h5,test.h5 --sizes 2.5 -o never
expect_text stderr "whole numbers"
expect 2 facet study subsets --network a=lenet.h5,train.h5,test.h5 --plan auto -o never
expect_text stderr "votes, union"
expect 1 facet study results --results nowhere.md
echo '{"kind": "cost"}' >page/other.json
expect 1 facet study results --results page.md
expect_text stderr "page/other.json"
expect_same_bytes first.md page.md

finish
