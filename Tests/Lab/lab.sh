#!/bin/bash
# Runs a command in the lab: a Debian kernel on QEMU's software CPU, which emulates AMD's virtualization, so that
# /dev/kvm in it is real KVM wherever this runs. The lab sees the host's whole root, read-only under a layer in
# its memory that takes every write; the command runs as root in the current directory, with the caller's
# standard input, output and error, and its exit status is this script's.
#
# usage: Tests/Lab/lab.sh [OPTION]... [--] COMMAND [ARGUMENT]...
#   --memory SIZE   memory of the lab, for QEMU's -m (2048M)
#   --cpus N        CPUs of the lab (1); more of them make nothing quicker
#   --icount        the instruction clock: time in the lab is instructions executed, 2 ns each, whatever else
#                   the host does. It knows no caches. While the lab has nothing to execute, time passes as it
#                   does for the host: so copy what is to be measured to /dev/shm first (hold.sh), or it waits for
#                   the host's files.
#   --stale-clock   load KVM before the kernel has refined the frequency of its TSC, from a first value 0.3 % too low, as on a
#                   host that was busy while it booted; with an instruction clock of 1 ns, so that it comes out so each time
#   --rw DIR        share DIR writably, so that the command can leave files; may be repeated
#   --limit SECONDS end the lab after this time (3600)
#   --hang SECONDS  take the lab for hung after this long without its heartbeat (300)
# VMM_LAB_OPTIONS holds further options, put before these.
#
# Only PATH, HOME, USER, TERM, LANG, CI and VMM_* of the caller's environment go in. At a terminal the command
# gets one too. What it starts and leaves behind ends with the lab.
#
# Exit status: the command's; 124 if the time limit was reached; 125 if the lab failed or hung. The last two
# come with a line on standard error that begins with "lab:", by which they differ from a command that ends so.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${VMM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmm}/lab
kernel=$root/build/kernels/debian-6.1-full

memory=2048M cpus=1 icount='' first_clock=() limit=3600 hang=300 shares=() command=()

usage() {
    sed -n 's/^# \{0,1\}//; 2,/^Exit status/p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

fail() {
    echo "lab: $*" >&2
    exit 125
}

parse() {
    while [ $# -gt 0 ]; do
        case $1 in
            --icount) icount=1 && shift && continue ;;
            --stale-clock) icount=0 first_clock=(tsc_early_khz=997000 lab.stale-clock) && shift && continue ;;
            --) shift && break ;;
            --*) [ $# -ge 2 ] || usage ;;
            *) break ;;
        esac
        case $1 in
            --memory) memory=$2 ;;
            --cpus) cpus=$2 ;;
            --limit) limit=$2 ;;
            --hang) hang=$2 ;;
            --rw) mkdir -p "$2" && shares+=("$(cd "$2" && pwd -P)") ;;
            *) usage ;;
        esac
        shift 2
    done
    [ $# -gt 0 ] || usage
    command=("$@")
}

# The kernel's modules and the way in; made anew only when one of its ingredients changes.
prepare_initramfs() {
    "$root/scripts/packages.sh" lab
    "$root/scripts/debian-kernel.sh" 6.1-full
    local key
    key=$(cat "$here/stage1" "$root/scripts/initramfs.sh" "$here/lab.sh" "$kernel/release" /bin/busybox | sha256sum)
    initramfs=$cache/initramfs-${key:0:16}.cpio
    [ -e "$initramfs" ] || "$root/scripts/initramfs.sh" "$kernel" "$here/stage1" "$initramfs" \
        kvm-amd virtio_pci virtio_console 9p 9pnet_virtio overlay tun loop
}

# QEMU gives nested guests some interrupts twice, and they stop; the lab runs a copy that does not.
prepare_emulator() {
    emulator=$(command -v qemu-system-x86_64)
    local key mended
    key=$(cat "$here/mend-qemu.py" "$emulator" | sha256sum)
    mended=$cache/qemu-${key:0:16}
    [ -e "$mended" ] || python3 "$here/mend-qemu.py" "$emulator" "$mended" || {
        echo "lab: this QEMU is not the one that Tests/Lab/mend-qemu.py knows: guests may stop now and then" >&2
        return 0
    }
    emulator=$mended/bin/${emulator##*/}
}

# What stage2 reads, in a directory whose name fits on a kernel command line.
prepare_run() {
    run=$(mktemp -d /tmp/vmm-lab.XXXXXX)
    trap clean_up EXIT
    cp "$here/stage2" "$run/"
    printf '%q ' exec "${command[@]}" >"$run/command"
    pwd -P >"$run/directory"
    readlink -f "$kernel/modules" >"$run/modules"
    local name
    for name in PATH HOME USER TERM LANG CI $(compgen -e VMM_); do
        [ -z "${!name+set}" ] || printf '%s=%q\n' "$name" "${!name}"
    done >"$run/environment"
    local index
    for index in "${!shares[@]}"; do
        echo "share$index ${shares[index]}"
    done >"$run/shares"
    mkfifo "$run/out" "$run/err" "$run/status"
}

arguments() {
    local words=(
        quiet loglevel=4 console=ttyS0 panic=-1 mitigations=off nokaslr tsc=reliable no_timer_check
        random.trust_cpu=on audit=0 rodata=off apparmor=0 cryptomgr.notests "${first_clock[@]}" "lab.run=$run"
    )
    qemu=(
        -M q35 -accel tcg -cpu max,la57=off -smp "$cpus" -m "$memory" -nodefaults -no-user-config -display none -no-reboot
        -kernel "$kernel/vmlinux" -initrd "$initramfs" -append "${words[*]}"
        -serial "file:$run/console"
        -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap
        -device virtio-serial
    )
    [ -z "$icount" ] || qemu+=(-icount "shift=$icount,sleep=on" -rtc clock=vm)
    local index
    for index in "${!shares[@]}"; do
        qemu+=(-virtfs "local,path=${shares[index]//,/,,},mount_tag=share$index,security_model=none,multidevs=remap")
    done
    port status file,path="$run/status"
    if [ -s "$run/terminal" ]; then
        qemu+=(-chardev stdio,id=terminal,signal=off -device virtconsole,chardev=terminal)
    else
        port stdin stdio
        port stdout file,path="$run/out"
        port stderr file,path="$run/err"
    fi
}

# A channel of its own for each stream: nothing has to be told apart afterwards.
port() {
    qemu+=(-chardev "$2,id=$1" -device "virtserialport,chardev=$1,name=$1")
}

start() {
    # Opened for both directions, so that neither end waits for the other.
    exec {status}<>"$run/status"
    # Whatever ends this script takes the machine with it.
    local machine_command=(setpriv --pdeathsig KILL "$emulator" "${qemu[@]}")
    if [ -s "$run/terminal" ]; then
        saved=$(stty -g)
        "${machine_command[@]}" <&0 2>"$run/qemu" &
        machine=$!
        return
    fi
    cat "$run/out" &
    streams+=($!)
    cat "$run/err" >&2 &
    streams+=($!)
    "${machine_command[@]}" <&0 >/dev/null 2>"$run/qemu" &
    machine=$!
}

# Follows the lab's own channel until it tells how the command ended, or until it is clear that it never will.
follow() {
    local line heard=$SECONDS
    while :; do
        if read -r -t 1 -u "$status" line; then
            heard=$SECONDS
            case $line in
                # QEMU's raw mode still turns newlines into two characters, as the lab's terminal does already.
                start) [ -z "$saved" ] || stty -opost ;;
                exit\ *) result=${line#exit } && return ;;
                failed\ *) broken "${line#failed }" ;;
            esac
        elif ! kill -0 "$machine" 2>/dev/null; then
            broken "its machine ended before the command did"
        fi
        [ $((SECONDS - heard)) -lt "$hang" ] ||
            broken "it hung: no heartbeat for $hang seconds (this is the lab, not the command)"
        if [ "$SECONDS" -ge "$limit" ]; then
            echo "lab: the command was still running after $limit seconds" >&2
            exit 124
        fi
    done
}

# What QEMU and the lab's kernel said last is all there is to go by.
broken() {
    tail -n 20 "$run/qemu" "$run/console" 2>/dev/null | tr -d '\r' >&2 || true
    fail "$*"
}

# Asked kindly, QEMU leaves the caller's terminal and its descriptors as they were.
stop() {
    [ -n "$machine" ] || return 0
    kill "$machine" 2>/dev/null || true
    (sleep 3 && kill -KILL "$machine") 2>/dev/null &
    local executioner=$!
    wait "$machine" 2>/dev/null || true
    machine=
    kill "$executioner" 2>/dev/null || true
}

clean_up() {
    trap - EXIT
    stop
    [ ${#streams[@]} -eq 0 ] || kill "${streams[@]}" 2>/dev/null || true
    [ -z "$saved" ] || stty "$saved" || true
    rm -rf "$run"
}

machine='' saved='' streams=()
# shellcheck disable=SC2086
parse ${VMM_LAB_OPTIONS-} "$@"
# Without standard input there is nothing to read; without this QEMU would find some file of its own there.
{ true <&0; } 2>/dev/null || exec </dev/null
prepare_initramfs
prepare_emulator
prepare_run
trap 'exit 130' INT
trap 'exit 143' TERM HUP
if [ -t 0 ] && [ -t 1 ]; then
    stty size >"$run/terminal"
elif [ -t 0 ]; then
    # A terminal that is only typed at would be left in raw mode with nothing to show for it.
    exec </dev/null
fi
arguments
start
follow
stop
[ ${#streams[@]} -eq 0 ] || wait "${streams[@]}" || true
streams=()
exit "$result"
