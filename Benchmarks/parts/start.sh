#!/bin/bash
# From the start of the process to the first instruction of the guest, under vmm and for the floor: the guest `halt`, whose
# first instruction is the mark. The time of the mark is the monitor's own reading of CLOCK_MONOTONIC; the time of the
# start is taken here, before posix_spawn. Prints JSON.
#
# CPU time is of the whole process, its end included, and the figure that a busy machine falsifies least.
#
# usage: Benchmarks/parts/start.sh [SAMPLES]
set -euo pipefail
# shellcheck source=stage.sh
source "$(dirname "$0")/stage.sh"
samples=${1:-100}
stage_tiny_guests

tiny halt --timings /dev/stdout
"${priority[@]}" "$measure" time --samples "$samples" --warmup 3 --pause 100 --mark vmm "${words[@]}" -- floor "$floor" start
