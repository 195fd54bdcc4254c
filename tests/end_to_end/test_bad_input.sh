#!/usr/bin/env bash
# Bad input ends in one line that names the file, what was seen and what was expected; with exit code 1, also from the
# launcher; told once however many ranks there are; and nothing is left under the output's name.
# shellcheck source=tests/end_to_end/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

expect_no_output() {
    local path
    for path in out.h5 out.h5.part; do
        [ ! -e "$path" ] || mistake "left behind $path: $1"
    done
}

# refused TEXT COMMAND... : alone, it fails with one line that says TEXT.
refused() {
    local text=$1
    shift
    expect 1 "$@"
    expect_empty stdout
    expect_one_line_about "$text"
    expect_no_output "$*"
}

# refused_on_ranks TEXT COMMAND... : on three ranks too, told once.
refused_on_ranks() {
    local text=$1
    shift
    refused "$text" "$@"
    expect 1 timeout 60 mpirun -n 3 "$@"
    expect_empty stdout
    [ "$(grep -c '^facet: ' stderr)" -eq 1 ] || mistake "three ranks told of it not once: $* : $(cat stderr)"
    expect_text stderr "$text"
    expect_no_output "$*"
}

# --- IDX ---

# bytes NUMBER... : these bytes.
bytes() {
    local byte
    for byte in "$@"; do
        printf '%b' "\\x$(printf '%02x' "$byte")"
    done
}
# An IDX folder of four 2 × 2 images with labels 0 1 0 1.
make_idx() {
    rm -rf idx
    mkdir idx
    { bytes 0 0 8 3 0 0 0 4 0 0 0 2 0 0 0 2; bytes 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; } >idx/train-images-idx3-ubyte
    bytes 0 0 8 1 0 0 0 4 0 1 0 1 >idx/train-labels-idx1-ubyte
}
make_idx
run facet import-data idx -o small.h5

head -c 20 idx/train-images-idx3-ubyte >shortened; mv shortened idx/train-images-idx3-ubyte
refused "idx/train-images-idx3-ubyte" facet import-data idx -o out.h5
make_idx
head -c 7 idx/train-labels-idx1-ubyte >shortened; mv shortened idx/train-labels-idx1-ubyte
refused "idx/train-labels-idx1-ubyte" facet import-data idx -o out.h5
make_idx
cp idx/train-images-idx3-ubyte idx/train-labels-idx1-ubyte
refused "idx/train-labels-idx1-ubyte" facet import-data idx -o out.h5
make_idx
bytes 0 0 8 1 0 0 0 3 0 1 0 >idx/train-labels-idx1-ubyte
refused "3 labels" facet import-data idx -o out.h5
make_idx
printf 'only\n' >names
refused "label" facet import-data idx --class-names names -o out.h5
make_idx
printf 'same\nsame\n' >names
refused "same" facet import-data idx --class-names names -o out.h5
gzip idx/train-images-idx3-ubyte
run facet import-data idx -o unpacked.h5
expect_same_bytes small.h5 unpacked.h5
head -c 30 idx/train-images-idx3-ubyte.gz >shortened; mv shortened idx/train-images-idx3-ubyte.gz
refused "idx/train-images-idx3-ubyte.gz" facet import-data idx -o out.h5

# --- Facet's own files ---

import_fashion_mnist 40
run facet train --net mlp-1 --data train.h5 --epochs 30 --batch 32 -o net.h5
run facet decompose net.h5 --data train.h5 --confidence 0.1 -o run
run facet compose run/modules.h5 -o composition.h5

# Of the wrong kind.
refused_on_ranks "net.h5" facet train --net mlp-1 --data net.h5 -o out.h5
refused_on_ranks "train.h5" facet decompose train.h5 --data train.h5 -o out-run
refused_on_ranks "run/modules.h5" facet decompose run/modules.h5 --data train.h5 -o out-run
refused_on_ranks "test.h5" facet evaluate test.h5 --data test.h5
refused_on_ranks "net.h5" facet evaluate composition.h5 --data net.h5
refused "net.h5" facet compose net.h5 -o out.h5

# Truncated, and of a newer version.
head -c 5000 net.h5 >cut.h5
refused_on_ranks "cut.h5" facet evaluate cut.h5 --data test.h5
refused "cut.h5" facet inspect cut.h5
head -c 5000 run/modules.h5 >cut.h5
refused "cut.h5" facet compose cut.h5 -o out.h5
refused "cut.h5" facet inspect cut.h5
if command -v python3 >/dev/null && /usr/bin/python3 -c 'import h5py' 2>/dev/null; then
    cp net.h5 newer.h5
    /usr/bin/python3 -c 'import h5py; h5py.File("newer.h5", "a").attrs.modify("facet.version", 1000)'
    refused_on_ranks "1000" facet evaluate newer.h5 --data test.h5
else
    printf 'Not tried: a file of a newer version made with h5py, which is not here (the unit tests make one themselves)\n'
fi

# A class without images: labels 0 and 2 alone.
make_idx
bytes 0 0 8 1 0 0 0 4 0 2 0 2 >idx/train-labels-idx1-ubyte
run facet import-data idx -o gap.h5
refused_on_ranks "gap.h5: no images" facet train --net mlp-1 --data gap.h5 --classes 1 -o out.h5
run facet train --net mlp-1 --data gap.h5 --epochs 1 -o gap-net.h5
refused_on_ranks "gap.h5: class 1 has no images" facet decompose gap-net.h5 --data gap.h5 -o out-run
refused_on_ranks "gap.h5: no images" facet evaluate gap-net.h5 --data gap.h5 --classes 1

# A class that does not exist.
refused_on_ranks "Teapot" facet decompose net.h5 --data train.h5 --classes Teapot -o out-run
refused_on_ranks "Teapot" facet evaluate net.h5 --data test.h5 --classes Teapot
refused "Teapot" facet compose run/modules.h5:Teapot -o out.h5
refused "Teapot" facet replace composition.h5 --class Teapot --with run/modules.h5:Bag -o out.h5
refused "Teapot" facet replace composition.h5 --class Bag --with run/modules.h5:Teapot -o out.h5
refused "Coat" facet replace composition.h5 --class Bag --with run/modules.h5:Bag=Coat -o out.h5
refused "Bag" facet compose run/modules.h5:Bag run/modules.h5:Bag -o out.h5
refused "Bag" facet compose run/modules.h5:Bag run/modules.h5:Coat=Bag -o out.h5

# A network and images of different shape.
refused_on_ranks "28 × 28" facet decompose net.h5 --data small.h5 -o out-run
refused_on_ranks "small.h5" facet train --net mlp-1 --data train.h5 --test small.h5 -o out.h5
refused_on_ranks "2x2x1" facet train --net lenet --data small.h5 -o out.h5

# A network that is not in the zoo; a rate at which training diverges.
refused_on_ranks "no-such-net" facet train --net no-such-net --data train.h5 -o out.h5
expect 1 facet train --net lenet --data train.h5 --rate 900 --epochs 3 -o out.h5
expect_text stderr "--rate"
[ ! -e out.h5 ] || mistake "a network was written although training diverged"

# --- outputs ---

refused_on_ranks "no-such-folder" facet train --net mlp-1 --data train.h5 -o no-such-folder/out.h5
refused_on_ranks "no-such-folder" facet decompose net.h5 --data train.h5 -o no-such-folder/run
refused "no-such-folder" facet import-data idx -o no-such-folder/out.h5
refused "no-such-folder" facet compose run/modules.h5 -o no-such-folder/out.h5
cp train.h5 own.h5
refused_on_ranks "own.h5" facet train --net mlp-1 --data own.h5 -o own.h5
expect_same_bytes train.h5 own.h5
# kept COMMAND... : refused, because its output is input.h5, a copy of one of its inputs.
kept() {
    cp input.h5 before.h5
    expect 1 "$@"
    expect_one_line_about "is the input"
    expect_same_bytes before.h5 input.h5
}
cp train.h5 input.h5
kept facet compose run/modules.h5 --calibrate input.h5 -o input.h5
kept facet adapt composition.h5 --data input.h5 --steps 1 -o input.h5
kept facet evaluate net.h5 --data input.h5 --confusion-csv input.h5
kept facet report run --test input.h5 -o input.h5
cp run/modules.h5 input.h5
kept facet compose input.h5:Bag -o input.h5
kept facet compose run/modules.h5:Coat input.h5:Bag --plan votes -o input.h5
kept facet replace composition.h5 --class Bag --with input.h5:Bag -o input.h5
kept facet adapt input.h5 --data train.h5 --steps 1 -o input.h5
kept facet export input.h5:Bag -o input.h5
cp net.h5 input.h5
kept facet export input.h5 -o input.h5
kept facet bench input.h5 --tune input.h5
tar -cf input.h5 idx
kept facet import-data input.h5 -o input.h5
cp composition.h5 own.h5
expect 0 facet compose own.h5:Bag,Coat -o own.h5
expect 0 facet replace own.h5 --class Bag --with run/modules.h5:Bag -o own.h5
echo "a file" >occupied
refused_on_ranks "occupied" facet decompose net.h5 --data train.h5 -o occupied
mkdir folder.h5
refused "folder.h5" facet compose run/modules.h5 -o folder.h5
if [ "$(id -u)" -ne 0 ]; then
    mkdir locked && chmod 500 locked
    refused_on_ranks "locked" facet train --net mlp-1 --data train.h5 -o locked/out.h5
    refused_on_ranks "locked" facet decompose net.h5 --data train.h5 -o locked/run
else
    printf 'Not tried: a folder without write permission, which does not stop root\n'
fi

# A rank, or all, that may not write as much as the modules take: neither hangs, nor leaves a piece.
cat >limited.sh <<'LIMITED'
#!/usr/bin/env bash
# limited.sh RANKS KIBIBYTES COMMAND...: on those ranks, files may be only so large.
if [[ " $1 " == *" $OMPI_COMM_WORLD_RANK "* ]]; then
    trap '' XFSZ
    ulimit -f "$2"
fi
shift 2
exec "$@"
LIMITED
chmod +x limited.sh
for ranks in 0 1 "0 1"; do
    rm -rf full
    expect 1 timeout 60 mpirun -n 2 ./limited.sh "$ranks" 120 facet decompose net.h5 --data train.h5 --confidence 0.1 -o full
    expect_text stderr "full/modules.h5.part"
    [ "$(grep -c '^facet: ' stderr)" -eq 1 ] || mistake "a full disk was told of not once: $(cat stderr)"
    for file in full/modules.h5 full/modules.h5.part; do
        [ ! -e "$file" ] || mistake "left behind $file"
    done
done

# What was there stays when the new one fails.
cp composition.h5 kept.h5
expect 1 facet compose run/modules.h5:Teapot -o kept.h5
expect_same_bytes composition.h5 kept.h5

# --- a rank that fails while others wait ---

# Each rank starts in a folder of its own; the second one's images are cut off.
mkdir rank0 rank1
cp net.h5 train.h5 rank0
cp net.h5 rank1
head -c 100000 train.h5 >rank1/train.h5
for command in "train --net mlp-1 --data train.h5 --epochs 1 -o $PWD/out.h5" "decompose net.h5 --data train.h5 -o $PWD/out-run" \
    "evaluate net.h5 --data train.h5"; do
    # shellcheck disable=SC2086 # words are meant
    expect 1 timeout 60 mpirun -n 1 -wdir "$PWD/rank0" facet $command : -n 1 -wdir "$PWD/rank1" facet $command
    expect_empty stdout
    [ "$(grep -c '^facet: ' stderr)" -eq 1 ] || mistake "a failing rank was told of not once: $(cat stderr)"
    expect_text stderr "rank 1 of 2: train.h5"
    [ ! -e out.h5 ] || mistake "left behind an output: $command"
done

# Ranks that were asked for different things.
expect 2 timeout 60 mpirun -n 1 facet evaluate net.h5 --data test.h5 : -n 1 facet evaluate composition.h5 --data test.h5
expect_empty stdout
expect_text stderr "same command line"

# A rank that dies in the middle of its work takes the job with it.
mpirun -n 2 facet train --net lenet --data train.h5 --epochs 1000 --threads 1 -o killed.h5 >stdout 2>stderr &
job=$!
background+=("$job")
for _ in $(seq 600); do
    grep -qs '"kind":"rank"' killed.h5.run/events.jsonl && break
    sleep 0.1
done
victim=$(pgrep -P "$job" -n facet || true)
if [ -n "$victim" ]; then
    kill -9 "$victim"
    code=0
    timeout 60 tail --pid="$job" -f /dev/null || mistake "the job went on 60 s after one of its ranks was killed"
    wait "$job" || code=$?
    [ "$code" -ne 0 ] || mistake "mpirun told of success although a rank was killed"
    [ ! -e killed.h5 ] || mistake "a network was written although a rank was killed"
else
    mistake "no rank to kill: $(head -n 5 stderr)"
fi

finish
