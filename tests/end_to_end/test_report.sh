#!/usr/bin/env bash
# A report shows what a run left, needs nothing but itself, and takes every name for text.
# shellcheck source=tests/end_to_end/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

command -v gnuplot >/dev/null || skip 'gnuplot is not there (Debian: gnuplot-nox)'
images=${FACET_FASHION_MNIST:-/usr/share/datasets/fashion-mnist}
[ -d "$images" ] || skip "$images is not there (Debian: dataset-fashion-mnist)"

# Names that would be tags, attributes, links and cells.
hostile='<script>alert(1)</script>'
printf '%s\n' "$hostile" '" onload="x' '![a](//b/c)' "a|b\`c\`" '</svg><h1>' '&amp;' "it's" Sneaker Bag Boot >names
for split in train test; do
    run facet import-data "$images" --split "$split" --class-names names --limit 40 -o "$split.h5"
done
run mpirun -n 2 facet train --net mlp-1 --data train.h5 --test test.h5 --epochs 5 -o 'net.h5'
run mpirun -n 2 facet decompose net.h5 --data train.h5 --confidence 0 -o run

# whole FILE: nothing is loaded or run, every picture has a text alternative, no name got out of its text.
whole() {
    if grep -qE '(https?:|src=["'\'']?[^d"]|src="[^d]|<script|<link|@import|url\(["'\'']?[^#]|<h1>[^F]|onload="x)' "$1"; then
        mistake "$1 has what it should not have: $(grep -oE '.{20}(https?:|<script|<link|@import|<h1>[^F]|onload="x).{20}' "$1" | head -n 3)"
    fi
    [ "$(grep -o '<svg' "$1" | wc -l)" -eq "$(grep -o '<svg role="img" aria-labelledby="t[0-9]* d[0-9]*"' "$1" | wc -l)" ] ||
        mistake "$1: a drawing has no text alternative"
    [ "$(grep -o '<img' "$1" | wc -l)" -eq "$(grep -oE '<img alt="[^"]+" src="data:image/(png|svg\+xml);base64,[A-Za-z0-9+/=]+">' "$1" | wc -l)" ] ||
        mistake "$1: an image has no text alternative, or is not in the page"
    [ "$(grep -oE ' id=["'\''][^"'\'']*' "$1" | sort | uniq -d | wc -l)" -eq 0 ] || mistake "$1: names of parts stand twice"
    [ ! -e "$1.part" ] || mistake "left behind $1.part"
}

# A training run.
run facet report net.h5.run --test test.h5 -o training.html
expect_text stdout 'training.html: report of net.h5.run'
whole training.html
for text in 'Learning curves' 'Loss by epoch' 'facet train --net mlp-1' 'On test images' 'Energy and CO2e' 'Timeline of ranks'; do
    expect_text training.html "$text"
done
# The curves end where the events say.
last=$(grep '"kind":"epoch"' net.h5.run/events.jsonl | tail -n 1 | sed 's/.*"value":\([0-9.]*\).*/\1/')
expect_text training.html "on the test images then $(awk -v x="$last" 'BEGIN { printf "%.2f", 100 * x }') %."

# A decomposition, alone and on two ranks: the figures are those of facet evaluate.
run facet report run --test test.h5 -o report.html
whole report.html
for text in 'Parent against composition' 'Confusion matrix of the parent' 'Confusion matrix of the composition' 'Overlap of modules' \
    'A few test images' 'Timeline of ranks' 'rank 1' '&lt;script&gt;alert(1)&lt;/script&gt;' 'it&#39;s' '&amp;amp;'; do
    expect_text report.html "$text"
done
for classifier in net.h5 run/modules.h5; do
    run facet evaluate "$classifier" --data test.h5 --json
    top1=$(sed -n 's/^  "top1": \([0-9.]*\),$/\1/p' stdout)
    expect_text report.html "<td class=n>400</td><td class=n>$(awk -v x="$top1" 'BEGIN { printf "%.2f", 100 * x }')</td>"
done
run mpirun -n 2 facet report run --test test.h5 -o ranks.html
expect_same_bytes report.html ranks.html

# Without test images; with a composition of two classes.
run facet report run -o short.html
whole short.html
if grep -q 'Parent against' short.html; then mistake 'classes were judged without test images'; fi
run facet compose 'run/modules.h5:#7,#8' -o two.h5
run facet report run --modules two.h5 --test test.h5 -o two.html
whole two.html
run facet evaluate net.h5 --data test.h5 --classes '#7,#8' --json
top1=$(sed -n 's/^  "top1": \([0-9.]*\),$/\1/p' stdout)
expect_text two.html "<td class=n>80</td><td class=n>$(awk -v x="$top1" 'BEGIN { printf "%.2f", 100 * x }')</td>"

# Markdown: pictures beside it, links and tags of names are text.
run facet report run --test test.h5 --format md -o report.md
expect_text report.md '## Parent against composition'
expect_text report.md '![Confusion matrix of the parent'
expect_text report.md '!\[a\](//b/c)'
# shellcheck disable=SC2016 # the backquotes are the name's
expect_text report.md 'a\|b\`c\`'
if grep -qE '(^|[^\\])<(script|/svg)|(^|[^\\])\]\([^<]' report.md; then mistake 'a name is more than text in report.md'; fi
sed -nE 's/^!\[.*\]\(<(.*)>\)$/\1/p' report.md >linked
[ "$(wc -l <linked)" -ge 4 ] || mistake "pictures in report.md: $(cat linked)"
while read -r picture; do
    [ -s "$picture" ] || mistake "report.md shows $picture, which is not there"
done <linked

# A damaged line is said and left out; events of something else are an error, and what was there stays.
cp -r run damaged
sed -i '5s/.*/{"v":1,"kind":/' damaged/events.jsonl
printf '{"v":1,"kind":"rank","state":"run' >>damaged/events.jsonl
run facet report damaged -o damaged.html
expect_text damaged.html 'Note: 2 lines of events.jsonl were damaged'
echo 'nothing of ours' >damaged/events.jsonl
cp damaged.html before.html
expect 1 facet report damaged -o damaged.html
expect_one_line_about 'damaged/events.jsonl'
expect_same_bytes before.html damaged.html
rm damaged/events.jsonl
run facet report damaged -o damaged.html
echo 'timestamp,cost' >damaged/emissions.csv
expect 1 facet report damaged -o damaged.html
expect_one_line_about 'damaged/emissions.csv'

# A study.
mkdir study
cat >study/cost.json <<'STUDY'
{"facet.kind": "study", "kind": "cost", "name": "mine", "command": "facet study <b>", "plots": [{"file": "p.svg", "title": "a \"plot\""}],
 "tables": [{"name": "t", "title": "A table", "columns": [{"name": "network", "decimals": -1}, {"name": "top-1 %", "decimals": 2}], "rows": [["<i>", 81.25]]}]}
STUDY
echo '<svg xmlns="http://www.w3.org/2000/svg"/>' >study/p.svg
run facet report study -o study.html
whole study.html
expect_text study.html '<td>&lt;i&gt;</td><td class=n>81.25</td>'
expect_text study.html 'alt="a &quot;plot&quot;"'
sed -i 's/"p.svg"/"..\/secret.svg"/' study/cost.json
echo secret >secret.svg
expect 1 facet report study -o stolen.html
expect_one_line_about '../secret.svg'
[ ! -e stolen.html ] || mistake 'a plot outside of the study was shown'
sed -i 's/\["<i>", 81.25\]/["<i>"]/' study/cost.json
expect 1 facet report study -o stolen.html
expect_one_line_about 'study/cost.json'

# A study of scaling: 3 s on twice the ranks that needed 4 s is two thirds of what it could be.
mkdir scaling
printf '%s\n' kind,nodes,ranks,seconds strong,2,8,3 strong,1,4,4 weak,1,4,2 weak,2,8,2.5 >scaling/scaling.csv
run facet report scaling -o scaling.html
whole scaling.html
expect_text scaling.html '<td>strong</td><td class=n>2</td><td class=n>8</td><td class=n>3.00</td><td class=n>2.00</td><td class=n>66.7</td>'
expect_text scaling.html '<td>weak</td><td class=n>2</td><td class=n>8</td><td class=n>2.50</td><td class=n>2.00</td><td class=n>80.0</td>'
for text in 'Strong scaling: time by ranks' 'Weak scaling: time by ranks' 'Efficiency by ranks: strong scaling 66.7 % on 8 ranks'; do
    expect_text scaling.html "$text"
done
for line in strong,0,8,3 sideways,1,4,4 strong,1,4,nan strong,1,4; do
    printf '%s\n' kind,nodes,ranks,seconds "$line" >scaling/scaling.csv
    expect 1 facet report scaling -o out.html
    expect_one_line_about 'scaling/scaling.csv: line 2'
done
echo kind,nodes,ranks,seconds >scaling/scaling.csv
expect 1 facet report scaling -o out.html
expect_one_line_about 'scaling/scaling.csv: has no run'

# A run that failed, or goes on, has not made what lies in its directory.
cp -r run again
run facet report again -o again.html
! grep -q 'not ended well' again.html || mistake "a finished run is said not to have ended well"
sed -i '/"kind":"run_end"/d' again/events.jsonl
run facet report again -o again.html
expect_text again.html 'again/modules.h5, of which the following tells, is what an earlier run left'

# Bad input.
mkdir empty
expect 1 facet report empty -o out.html
expect_one_line_about 'empty: has neither run.json'
expect 1 facet report nowhere -o out.html
expect_one_line_about 'nowhere'
expect 1 facet report run -o no-such-folder/out.html
expect_one_line_about 'no-such-folder'
expect 1 facet report run --test nowhere.h5 -o out.html
expect_one_line_about 'nowhere.h5'
expect 2 facet report run -o out.html --format pdf
expect_text stderr 'html or md'
expect 2 facet report run
[ ! -e out.html ] || mistake 'a failed report left out.html'
# Without gnuplot.
mkdir programs
ln -s "$(command -v facet)" "$(command -v sh)" programs
expect 1 env PATH="$PWD/programs" OMPI_MCA_plm_rsh_agent=sh facet report net.h5.run -o out.html
expect_text stderr 'gnuplot-nox'
[ ! -e out.html ] || mistake 'a failed report left out.html'

finish
