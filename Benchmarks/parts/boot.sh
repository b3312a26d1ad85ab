#!/bin/bash
# A whole cold boot, from the start of the monitor's process to its end: one kernel, one initramfs, 1 CPU, 256 MiB; the
# guest runs `true` and ends. Prints JSON.
#
# usage: Benchmarks/parts/boot.sh [SAMPLES]
set -euo pipefail
# shellcheck source=stage.sh
source "$(dirname "$0")/stage.sh"
samples=${1:-5}
stage_linux

own=("$vmm" boot --kernel "$stage/vmlinux" --initrd "$stage/initramfs.cpio" --append "quiet -- true")
commands=(vmm "${own[@]}")

if has_firecracker; then
    firecracker_words "$stage/initramfs.cpio" true
    commands+=(-- firecracker "${words[@]}")
fi

# With its libraries, which would otherwise be read from the host.
if command -v qemu-system-x86_64 >/dev/null; then
    # Debian has no qboot.rom, the default; its SeaBIOS for microvm does as well.
    cp /usr/share/qemu/bios-microvm.bin "$stage/"
    mkdir "$stage/libraries"
    cp "$(command -v qemu-system-x86_64)" "$stage/qemu"
    ldd "$stage/qemu" | awk '$2 == "=>" && $3 ~ "^/" { print $3 }' | xargs cp -t "$stage/libraries"
    commands+=(
        -- qemu-microvm env "LD_LIBRARY_PATH=$stage/libraries" "$stage/qemu"
        -M microvm,x-option-roms=off,isa-serial=on,rtc=off,pit=off,pic=off -bios "$stage/bios-microvm.bin"
        -enable-kvm -cpu host -smp 1 -m 256 -nodefaults -no-user-config -display none -no-reboot -serial stdio
        -kernel "$stage/vmlinux" -initrd "$stage/initramfs.cpio" -append "console=ttyS0 quiet -- true"
    )
fi

if command -v lkvm >/dev/null; then
    cp "$(command -v lkvm)" "$stage/lkvm"
    commands+=(
        -- kvmtool "$stage/lkvm" run --kernel "$stage/vmlinux" --initrd "$stage/initramfs.cpio" --cpus 1 --mem 256
        --params "quiet init.end=restart -- true"
    )
fi

# The first start of each is not like the others: the page cache is cold.
echo '{"runs":'
"$measure" time --samples "$samples" --warmup 1 --pause 100 --limit 60 "${commands[@]}"
echo ', "timings": ['
for ((sample = 0; sample < 3; sample++)); do
    [ "$sample" = 0 ] || echo ,
    sleep 0.1
    "${own[@]}" --timings "$stage/timings" </dev/null &>/dev/null
    cat "$stage/timings"
done
echo ']}'
