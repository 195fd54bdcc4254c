#!/usr/bin/env bash
# A trained ResNet-20 and the images of CIFAR-10: a batch job of eight ranks on four nodes, over TCP, cuts it into
# modules, started by srun and by mpirun, while a monitor on the head node follows; what they write is what one rank
# writes. Needs ../shared beside the checkout.
# shellcheck source=tests/cluster/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

shared=$source_dir/../shared
for needed in models/resnet20-cifar10.onnx data/cifar10-train.tar; do
    [ -e "$shared/$needed" ] || skip "needs $shared/$needed"
done

cluster_up
run facet import-data "$shared/data/cifar10-train.tar" -o train.h5
printf '%s\n' airplane automobile bird cat deer dog frog horse ship truck >names.txt
run facet import "$shared/models/resnet20-cifar10.onnx" --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 \
    --class-names names.txt -o net.h5
decomposition=(net.h5 --data train.h5 --positives 300 --negatives 300)
run facet decompose "${decomposition[@]}" -o one

for launcher in srun mpirun; do
    export FACET_LAUNCHER=$launcher
    on head "$build_dir/bin/facet-monitor" "$launcher" >"$launcher.monitor.txt" 2>&1 </dev/null &
    monitor=$!
    background+=("$monitor")
    submit "$launcher" "$source_dir/slurm/decompose.sbatch" "${decomposition[@]}" -o "$launcher"
    expect_job COMPLETED "$launcher"
    if [ "$(job_state)" != COMPLETED ]; then # there may be no end for the monitor to see
        kill "$monitor" 2>/dev/null || true
        continue
    fi
    expect_same_bytes one/modules.h5 "$launcher/modules.h5"
    wait "$monitor" || mistake "the monitor ended with $?: $(cat "$launcher.monitor.txt")"
    expect_text "$launcher.monitor.txt" "$launcher/modules.h5"
    for rank in 1 2 3 4 5 6 7; do
        expect_text "$launcher/events.jsonl" "\"rank\":$rank,"
    done
done

finish
