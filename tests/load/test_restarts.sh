#!/usr/bin/env bash
# A monitor that is killed and started again and again shows the right picture each time, and the run does not notice.
# BUILD_DIR TIMES SECONDS: of the run, which outlasts the restarts.
# shellcheck source=tests/load/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
times=$1 seconds=$2

load_start -r 16 -n 4 -c 200 -s "$seconds"
before=0
for ((i = 0; i < times; i++)); do
    facet-monitor run --json >/dev/null &
    victim=$!
    sleep "0.$((i % 4 + 1))"
    kill -KILL "$victim" 2>/dev/null || fail "the monitor was gone after $i restarts"
    wait "$victim" 2>/dev/null || true
    facet-monitor run --once --json >picture || fail "no picture after $((i + 1)) restarts"
    sed -n 's/.*"class_counts":\({[^}]*}\).*/\1/p' picture >counts
    sum=$(($(figure "done" <counts) + $(figure running <counts) + $(figure waiting <counts) + $(figure failed <counts)))
    [ "$(figure total <counts) $sum" = "200 200" ] || fail "classes are lost: $(cat counts)"
    finished=$(($(figure "done" <counts) + $(figure failed <counts)))
    [ "$finished" -ge "$before" ] || fail "$finished classes are finished, $before were before"
    before=$finished
done
grep -q '"state":"running","text":""' picture ||
    fail "the run ended before the last restart; give it more seconds"
load_wait
facet-monitor run --once --json >picture || fail "no picture after the end"
recorded=$(grep -c '"kind":"class","state":"done"' run/events.jsonl)
sed -n 's/.*"class_counts":\({[^}]*}\).*/\1/p' picture >counts
[ "$(($(figure "done" <counts) - $(figure resumed <counts)))" -eq "$recorded" ] ||
    fail "$(cat counts) in the picture, $recorded done in events.jsonl"
at_most "$(figure publishing_share_of_a_rank <load)" 0.01 "the share of a processor that publishing takes of a rank"
