#!/bin/bash
# Makes the demo's initramfs: busybox, what Debian's kernel needs to find the machine's devices, and an init.
#
# usage: scripts/demo-initramfs.sh KERNEL-DIR OUT
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gcc -nostdlib -static -s -o "$work/mark" "$root/scripts/demo-mark.S"

# What a kernel has built in is left out, what it lacks too: the list fits all of Debian's kernels.
"$root/scripts/initramfs.sh" "$1" "$root/scripts/demo-init" "$2" "$work/mark" \
    virtio_mmio virtio_pci virtio_console virtio_blk virtio_rng button pvpanic-mmio pvpanic-pci pvpanic
