#!/bin/bash
# Boots a stock Debian kernel under vmm, shows the guest's console and sums up what took how long.
#
# usage: scripts/demo.sh      (make demo)
set -euo pipefail
cd "$(dirname "$0")/.."

kernel=build/kernels/debian-6.1
products=build/demo
initramfs=$products/initramfs.cpio
timings=$products/timings.json

prepare() {
    scripts/packages.sh build kernels
    scripts/debian-kernel.sh 6.1
    mkdir -p "$products"
    local source
    for source in "$kernel/release" scripts/initramfs.sh scripts/demo-initramfs.sh scripts/demo-init scripts/demo-mark.S; do
        [ "$initramfs" -nt "$source" ] && continue
        scripts/demo-initramfs.sh "$kernel" "$initramfs"
        break
    done
    [ -e "$products/disk.img" ] || truncate -s 64M "$products/disk.img"
    rm -f "$timings"
}

boot() {
    # Debian's kernels test their ciphers at every start, a fifth of the whole boot: no part of the show.
    local words='quiet cryptomgr.notests'
    # A shell in the guest needs somebody to type.
    if [ -t 0 ] && [ -t 1 ]; then words+=" demo.shell"; fi
    local command=(
        build/vmm boot --kernel "$kernel/bzImage" --initrd "$initramfs" --cpus 2 --memory 256M
        # Its driver is in the initramfs, and it is as large as the terminal.
        --console virtio
        --disk "$products/disk.img" --timings "$timings" --append "$words"
    )
    # doctor succeeds where Linux can be booted.
    if build/vmm doctor >/dev/null 2>&1; then
        place="on this machine's KVM"
        "${command[@]}"
    else
        place="in the lab, a software CPU: compare these times with each other, not with a real machine's"
        echo "demo: no KVM with hardware virtualization here (build/vmm doctor says more): booting in the lab"
        Tests/Lab/lab.sh --rw "$products" "${command[@]}"
    fi
}

# The steps of the timings, as milliseconds since the process was started.
summarise() {
    local line number='"([a-z_]+)": ([0-9]+)' steps=no
    echo
    echo "kernel   Debian $(<"$kernel/release")"
    echo "ended    $(sed -n 's/.*"end": "\(.*\)".*/\1/p' "$timings"), status $1"
    echo "ran      $place"
    while read -r line; do
        case $line in *'"steps"'*) steps=yes ;; '}'*) steps=no ;; esac
        if [ $steps = no ] || ! [[ $line =~ $number ]]; then continue; fi
        printf '%9d.%d ms  %s\n' $((BASH_REMATCH[2] / 1000000)) $((BASH_REMATCH[2] / 100000 % 10)) \
            "${BASH_REMATCH[1]//_/ }"
    done <"$timings"
}

prepare
status=0
boot || status=$?
if [ ! -s "$timings" ]; then
    echo "demo: the machine left no timings, so it never ran; status $status" >&2
    exit $((status ? status : 1))
fi
summarise "$status"
exit "$status"
