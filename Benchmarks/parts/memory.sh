#!/bin/bash
# Anonymous private memory of a monitor with one disk and a console, without the memory of its guest. Prints JSON.
#
# usage: Benchmarks/parts/memory.sh tiny|linux      the guest: `idle`, or the project's kernel idle at its shell
set -euo pipefail
# shellcheck source=stage.sh
source "$(dirname "$0")/stage.sh"
truncate -s 64M "$stage/disk"

case ${1-} in
    tiny)
        stage_tiny_guests
        words=("$vmm" boot --kernel "$stage/idle.elf" --allow-emulation)
        ;;
    linux)
        stage_linux
        words=("$vmm" boot --kernel "$stage/vmlinux" --initrd "$stage/initramfs.cpio")
        ;;
    *) echo "usage: ${0##*/} tiny|linux" >&2 && exit 2 ;;
esac

# The console's other end stays open: end of input would end the shell.
mkfifo "$stage/input"
exec 3<>"$stage/input"
"${words[@]}" --disk "$stage/disk" <&3 >"$stage/console" 2>&1 &
monitor=$!
trap 'kill -KILL $monitor 2>/dev/null || true; rm -rf "$stage"' EXIT

# Linux says when its shell is there. The tiny guest says nothing, but is at rest long before this.
for ((second = 0; second < 60; second++)); do
    sleep 1
    [ "$1" = linux ] || break
    grep -q '^ready' "$stage/console" && sleep 1 && break
done
kill -0 $monitor || {
    cat "$stage/console" >&2
    exit 1
}
"$measure" memory --guest 256 $monitor
kill -TERM $monitor
wait $monitor
