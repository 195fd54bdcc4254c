#!/usr/bin/env bash
# A decomposition whose ranks are killed at random moments, again and again, and one that finds the disk full when it merges
# its classes: resumed, each ends with the bytes of one that was never disturbed.
# shellcheck source=tests/end_to_end/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../end_to_end/common.sh"

kills=${FACET_KILLS:-20}
import_fashion_mnist 60
run facet train --net lenet --data train.h5 --epochs 6 --batch 64 -o net.h5
import_fashion_mnist 200
decompose=(facet decompose net.h5 --data train.h5 --positives 200 --confidence 0.2 --threads 1)
run mpirun -n 3 "${decompose[@]}" -o whole

# How long a run takes, from its start, in hundredths of a second.
began=$(date +%s%N)
run mpirun -n 3 "${decompose[@]}" -o again
took=$((($(date +%s%N) - began) / 10000000))

RANDOM=7
killed=0 finished=0 resumed=0
for ((attempt = 0; killed < kills; attempt++)); do
    [ "$attempt" -lt $((10 * kills)) ] || {
        mistake "of $attempt runs only $killed were killed"
        finish
    }
    mpirun -n $((1 + RANDOM % 4)) "${decompose[@]}" --resume -o run >stdout 2>stderr </dev/null &
    pid=$!
    background+=("$pid")
    hundredths=$((RANDOM % took))
    sleep "$((hundredths / 100)).$(printf '%02d' $((hundredths % 100)))"
    mapfile -t ranks < <(pgrep -x -P "$pid" facet)
    if [ ${#ranks[@]} -gt 0 ] && kill -KILL "${ranks[RANDOM % ${#ranks[@]}]}" 2>/dev/null; then
        killed=$((killed + 1))
        printf 'killed one of %d ranks after %d.%02d s\n' ${#ranks[@]} $((hundredths / 100)) $((hundredths % 100))
    fi
    code=0
    wait "$pid" || code=$?
    grep -q '"state":"resumed"' run/events.jsonl 2>/dev/null && resumed=$((resumed + 1))
    if [ "$code" -eq 0 ] || [ -e run/modules.h5 ]; then
        finished=$((finished + 1))
        expect_same_bytes whole/modules.h5 run/modules.h5
        rm -r run
    fi
done
run mpirun -n 2 "${decompose[@]}" --resume -o run
expect_same_bytes whole/modules.h5 run/modules.h5
[ "$resumed" -ge 1 ] || mistake "no run of $kills that were killed was resumed"
printf '%d ranks killed, %d of the runs had finished classes to go on from, %d runs ended between two kills\n' \
    "$killed" "$resumed" "$finished"

# The disk is full when the modules are merged: parts fit, the merged file beside them does not.
mkdir small
mount -t tmpfs -o size=64m facet-test small 2>/dev/null || skip "no tmpfs can be mounted"
unmount=$(declare -f clean_up)
eval "${unmount/clean_up/remove_scratch}"
clean_up() {
    umount "$scratch/small"
    remove_scratch
}
run mpirun -n 2 "${decompose[@]}" --keep-parts -o small/run
needed=$(du -sk small/run/parts | cut -f1)
merged=$(du -sk small/run/modules.h5 | cut -f1)
rm -r small/run
mount -o "remount,size=$((needed + merged / 2 + 100))k" small
expect 1 mpirun -n 2 "${decompose[@]}" -o small/run
expect_text stderr "modules.h5"
[ ! -e small/run/modules.h5 ] || mistake "a full disk left modules.h5"
[ ! -e small/run/modules.h5.part ] || mistake "a full disk left half a file"
mount -o remount,size=64m small
run mpirun -n 2 "${decompose[@]}" --resume -o small/run
[ "$(grep -c '"state":"resumed"' small/run/events.jsonl)" -eq 10 ] || mistake "not all ten classes were resumed"
expect_same_bytes whole/modules.h5 small/run/modules.h5

finish
