#!/bin/bash
# Reads and writes of a disk in the guest (guest/blockbench.c): the same kernel, program and disk under each monitor, in
# turn. The disk's file is in memory, so that the monitor is measured and not a disk. Prints JSON.
#
# usage: Benchmarks/parts/block.sh [ROUNDS]
set -euo pipefail
# shellcheck source=stage.sh
source "$(dirname "$0")/stage.sh"
rounds=${1:-3}
stage_linux
cat "$root/build/initramfs.cpio" "$root/build/blockbench.cpio" >"$stage/both.cpio"
command="/bin/blockbench /dev/vda"

# Every block written once: no sample finds a hole.
disk=$stage/disk
head -c 64M /dev/zero | tr '\0' x >"$disk"

run_vmm() {
    "$vmm" boot --kernel "$stage/vmlinux" --initrd "$stage/both.cpio" --disk "$disk" --append "quiet -- $command"
}

# Writeback: the guest has a flush, as under vmm.
run_firecracker() { # ENGINE
    firecracker_words "$stage/both.cpio" "$command" "{\"drive_id\": \"disk\", \"path_on_host\": \"$disk\",
        \"is_root_device\": false, \"is_read_only\": false, \"cache_type\": \"Writeback\", \"io_engine\": \"$1\"}"
    "${words[@]}"
}

# The lines of the guest's console that are results, as a list; fewer than all eight is a failed run.
results() { # NAME COMMAND...
    local name=$1 lines
    shift
    "$@" </dev/null >"$stage/console" 2>"$stage/log" || {
        tail -n 5 "$stage/console" "$stage/log" >&2
        return 1
    }
    lines=$(tr -d '\r' <"$stage/console" | grep '^{"name": ')
    [ "$(wc -l <<<"$lines")" = 8 ] || {
        echo "block: $name printed ${lines:-nothing}" >&2
        return 1
    }
    echo "{\"monitor\": \"$name\", \"results\": [${lines//$'\n'/,}]}"
}

echo '['
for ((round = 0; round < rounds; round++)); do
    [ "$round" = 0 ] || echo ,
    results vmm run_vmm
    has_firecracker || continue
    echo ,
    results firecracker run_firecracker Sync
    echo ,
    results firecracker-async run_firecracker Async
done
echo ']'
