#!/bin/bash
# Idle containers of one image, kept all at once, one path after the other: what each costs in memory, as MemAvailable tells
# before and after. `vmm compare` starts and counts them. Prints its JSON.
#
# usage: Benchmarks/parts/crowd.sh [COUNT]
set -euo pipefail
# shellcheck source=stage.sh
source "$(dirname "$0")/stage.sh"
count=${1:-100}
stage_linux
stage_container
"$vmm" compare --paths process,runc,crun,podman,vmm --measure crowd --crowd "$count" --json "$stage/crowd.json" \
    "rootfs:$tree" true >&2
cat "$stage/crowd.json"
