#!/bin/bash
# A Debian of 200 MB from an OCI layout: `vmm image import`, which synchronizes what it writes, and `umoci unpack`, which
# does not. Each time into a directory of its own, all in memory. Prints JSON.
#
# usage: Benchmarks/parts/import.sh [SAMPLES]
set -euo pipefail
# shellcheck source=stage.sh
source "$(dirname "$0")/stage.sh"
samples=${1:-7}

# What debootstrap fetches and installs is kept.
layout=${VMM_CACHE:-$HOME/.cache/vmm}/images/debian
if [ ! -e "$layout/oci-layout" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$stage" "$work"' EXIT
    debootstrap --variant=minbase bookworm "$work/root" >"$work/log" || { tail -n 5 "$work/log" >&2; exit 1; }
    umoci init --layout "$work/layout"
    umoci new --image "$work/layout:12"
    umoci unpack --image "$work/layout:12" "$work/bundle" >/dev/null
    cp -a "$work/root/." "$work/bundle/rootfs/"
    umoci repack --image "$work/layout:12" "$work/bundle" >/dev/null
    mkdir -p "${layout%/*}"
    rm -rf "$layout"
    cp -r "$work/layout" "$layout.part" && mv "$layout.part" "$layout"
fi
cp -r "$layout" "$stage/layout"

# $0 is the stage; the shell's number makes each directory a new one.
exec_vmm='VMM_STORE=$0/store.$$ exec "$0/vmm" image import --quiet "$0/layout" >/dev/null'
exec_umoci='exec umoci unpack --image "$0/layout:12" "$0/bundle.$$" >/dev/null 2>&1'
"$measure" time --samples "$samples" --warmup 1 \
    vmm sh -c "$exec_vmm" "$stage" -- umoci sh -c "$exec_umoci" "$stage"
