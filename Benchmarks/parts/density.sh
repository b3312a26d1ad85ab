#!/bin/bash
# Many monitors at once and one after the other; see density.py.
#
# usage: Benchmarks/parts/density.sh [IDLE [SEQUENCE]]
set -euo pipefail
# shellcheck source=stage.sh
source "$(dirname "$0")/stage.sh"
stage_tiny_guests
python3 "$(dirname "$0")/density.py" "${1:-200}" "${2:-1000}" "$vmm" "$stage"
