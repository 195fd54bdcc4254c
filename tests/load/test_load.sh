#!/usr/bin/env bash
# Many ranks that say much, watched by a full screen. BUILD_DIR RANKS SECONDS SEND_SECONDS KEY_SECONDS: the longest
# times that sending and a key may take.
# shellcheck source=tests/load/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
ranks=$1 seconds=$2 send_limit=$3 key_limit=$4

load_start -r "$ranks" -c 1000 -s "$seconds"
facet-monitor run --json >/dev/null &
watcher=$!
sleep "$((seconds / 4))"
early=$(awk '/^VmRSS/ { print $2 }' "/proc/$watcher/status")
key_latency "$build_dir/bin/facet-monitor" run 10 >keys || fail "keys are not answered"
cat keys
at_most "$(figure seconds_max <keys)" "$key_limit" "the time from a key to the screen"
sleep "$((seconds / 4))"
late=$(awk '/^VmRSS/ { print $2 }' "/proc/$watcher/status")
load_wait
wait "$watcher" || fail "the monitor ended badly"
printf 'memory of the monitor: %s kB, later %s kB\n' "$early" "$late"
at_most "$late" "$((early + 16384))" "the monitor's memory in kB"
at_most "$(figure server_bytes_late <load)" "$(($(figure server_bytes_early <load) + 67108864))" "the server's memory"
at_most "$(figure send_seconds_max <load)" "$send_limit" "the longest time of sending"
at_most "$(figure publishing_share_of_a_rank <load)" 0.01 "the share of a processor that publishing takes of a rank"
