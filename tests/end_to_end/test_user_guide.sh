#!/usr/bin/env bash
# Every command of the user guide's sh blocks works, typed in order in an empty folder.
# shellcheck source=tests/end_to_end/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[ -d /usr/share/datasets/fashion-mnist ] || skip "dataset-fashion-mnist is not installed"
command -v h5dump >/dev/null || skip "hdf5-tools is not installed"
command -v gnuplot >/dev/null || skip "gnuplot-nox is not installed"

# shellcheck disable=SC2016 # the backquotes are the guide's
sed -n '/^```sh$/,/^```$/{/^```/!p}' "$source_dir/docs/user-guide.md" >commands
[ "$(wc -l <commands)" -gt 15 ] || mistake "the guide has only $(wc -l <commands) commands: $(cat commands)"
mkdir guide
cd guide
bash -euxo pipefail ../commands || mistake "a command of the guide failed (the last one above)"
finish
