#!/bin/bash
# What one port exit and one MMIO exit cost that is handled in user space, under vmm and for the floor. Each is run with
# few accesses and with many, and only the difference counts: the start and the end of the process are not in it.
# Prints JSON.
#
# usage: Benchmarks/parts/exits.sh [SAMPLES [MANY]]
set -euo pipefail
# shellcheck source=stage.sh
source "$(dirname "$0")/stage.sh"
samples=${1:-15} few=1000 many=${2:-21000}
stage_tiny_guests

commands=()
for kind in port mmio; do
    for count in $few $many; do
        tiny ${kind}loop --cmdline "count=$count"
        commands+=(-- "vmm-$kind-$count" "${words[@]}" -- "floor-$kind-$count" "$floor" $kind "$count")
    done
done
echo "{\"few\": $few, \"many\": $many, \"runs\":"
"${priority[@]}" "$measure" time --samples "$samples" --warmup 1 "${commands[@]:1}"
echo '}'
