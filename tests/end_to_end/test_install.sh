#!/usr/bin/env bash
# An installed Facet, also when its folder is moved: another C program finds the library through pkg-config, and gets
# from a file what `facet predict` says.
# shellcheck source=tests/end_to_end/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

command -v pkg-config >/dev/null || skip "pkg-config is not installed"
build_dir=$2

import_fashion_mnist 20
run facet train --net mlp-1 --data train.h5 --epochs 5 --batch 32 -o net.h5

run cmake --install "$build_dir" --prefix "$PWD/first"
mv first moved
pc=$(find "$PWD/moved" -name facet.pc)
[ -n "$pc" ] || mistake "no facet.pc was installed"
export PKG_CONFIG_PATH=${pc%/*}
expect 0 moved/bin/facet --version
expect 0 moved/bin/facet-monitor --version

cat >program.c <<'PROGRAM'
#include <stdio.h>
#include <stdlib.h>

#include <facet.h>

int main(int argc, char **argv)
{
    struct facet_model *model;
    if (argc != 2 || facet_open(argv[1], &model) != FACET_OK) {
        fprintf(stderr, "%s\n", facet_error());
        return 1;
    }
    struct facet_shape shape = facet_input_shape(model);
    size_t pixels = (size_t)shape.height * (size_t)shape.width * (size_t)shape.channels;
    int32_t labels = facet_label_count(model);
    uint8_t *image = calloc(pixels, 1);
    float *scores = calloc((size_t)labels, sizeof *scores);
    if (image == NULL || scores == NULL || facet_classify(model, image, 1, scores) != FACET_OK)
        return 1;
    printf("%s %dx%dx%d\n", facet_kind(model), (int)shape.height, (int)shape.width, (int)shape.channels);
    for (int32_t i = 0; i < labels; i++)
        printf("%s %.4f\n", facet_label(model, i), (double)scores[i]);
    free(image);
    free(scores);
    facet_close(&model);
    return 0;
}
PROGRAM
# shellcheck disable=SC2046 # words are meant
run "${CC:-cc}" -std=c11 -Wall -Wextra -Werror program.c $(pkg-config --cflags --libs facet) -o program
LD_LIBRARY_PATH=$(pkg-config --variable=libdir facet)
export LD_LIBRARY_PATH
expect 0 ./program net.h5
expect_empty stderr
[ "$(head -n 1 stdout)" = "network 28x28x1" ] || mistake "the program said: $(head -n 1 stdout)"
[ "$(wc -l <stdout)" -eq 11 ] || mistake "the program printed $(wc -l <stdout) lines, expected 11"
tail -n +2 stdout | awk '{ print $NF }' >program-scores
[ "$(tail -n +2 stdout | sed 's/ [^ ]*$//')" = "$(cat class-names.txt)" ] || mistake "the program's labels are $(tail -n +2 stdout)"

# The same image, all black, through the command: a NumPy array (1, 28, 28) of bytes.
{
    header="{'descr': '|u1', 'fortran_order': False, 'shape': (1, 28, 28), }"
    printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "$header"
    head -c 784 /dev/zero
} >black.npy
run facet predict net.h5 --input black.npy --output scores.npy
tail -c 40 scores.npy | od -A n -t f4 -w4 -v >predicted
paste program-scores predicted | awk '{ d = $1 - $2; if (d < -1e-3 || d > 1e-3) exit 1 } END { if (NR != 10) exit 1 }' ||
    mistake "the program's scores differ from predict's: $(paste program-scores predicted)"

expect 1 ./program no-such-file.h5
expect_one_line_about "no-such-file.h5"
finish
