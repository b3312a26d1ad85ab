#!/bin/bash
# Boots a whole Debian 12 with systemd from raw disks in the lab, and shows how far each boot came.
#
# usage: Tests/Lab/systems.sh                     four boots: root on ext4 and on btrfs, initramfs of initramfs-tools and of dracut
#        Tests/Lab/systems.sh --boots N [OPTION]... [--] [WORD]...
#   --boots N        boots one after another in one lab, all of one disk
#   --root NAME      ext4 or btrfs (ext4)
#   --initramfs NAME initramfs-tools or dracut (initramfs-tools)
#   --kill           end each boot by SIGKILL at its login prompt, so that the next finds a disk that was not unmounted
#   --until HH:MM    begin no boot after this time of day, UTC
#   --vmm FILE       the monitor (build/vmm)
#   WORD...          more arguments for `vmm boot`, such as --console serial --cpus 2
#
# Without --kill somebody logs in on the console, runs a command and powers the system off. Such a boot is well if the kernel's
# messages were seen, there was one login prompt on one terminal, the command's output came, and the status was 0.
# Exit status 0: all boots were well. Needs root, and what scripts/debian-disk.sh needs. Not a part of `make test`: the
# disks take minutes to build, and each boot about a minute.
set -euo pipefail
cd "$(dirname "$0")/../.."

disks=build/disks
# Seconds until a boot, or a step after it, counts as hung.
limit=400

usage() {
    sed -n 's/^# \{0,1\}//; 2,/^Exit status/p' "$0" >&2
    exit 2
}

# await TEXT: waits until the guest has written it, or has ended, or the limit is reached.
await() {
    local start=$SECONDS
    until grep -qaF -- "$1" "$output"; do
        kill -0 "$monitor" 2>/dev/null && [ $((SECONDS - start)) -lt $limit ] || return 1
        sleep 0.5
    done
}

# fail WHY: shows how far the boot came, and what the monitor's threads do.
fail() {
    echo "boot $number: $1; the last lines of its output:"
    tail -n 20 "$output" | tr -d '\r'
    local thread
    for thread in /proc/"$monitor"/task/*; do
        echo "  $(cat "$thread/comm") $(cut -d' ' -f3,14,15 "$thread/stat") $(cat "$thread/wchan")"
    done 2>/dev/null
    kill -KILL "$monitor" 2>/dev/null || true
    wait "$monitor" 2>/dev/null || true
    return 1
}

# Logs in, runs a command and powers the system off.
# shellcheck disable=SC2016 # the guest's shell is to expand what is typed
use_system() {
    local consoles='$(systemctl list-units --no-legend --state=running "serial-getty@*" | wc -l)' status=0
    await ' login: ' || { fail 'no login prompt' || return; }
    echo root >&"$keys"
    await 'Password: ' || { fail 'no question for the password' || return; }
    echo root >&"$keys"
    await '# ' || { fail 'no prompt of a shell' || return; }
    echo "echo answer=\$((6 * 7)) root=\$(findmnt -no FSTYPE /) gettys=$consoles" >&"$keys"
    await "answer=42 root=$root gettys=1" || { fail 'the command did not print what it should' || return; }
    [ "$(grep -c '^debian-disk login: ' "$output")" -eq 1 ] || { fail 'more than one login prompt' || return; }
    grep -qF 'Linux version' "$output" || { fail 'no message of the kernel' || return; }
    echo poweroff >&"$keys"
    timeout $limit tail --pid="$monitor" -f /dev/null || { fail 'it did not power off' || return; }
    wait "$monitor" || status=$?
    [ $status -eq 0 ] || { fail "it ended with status $status" || return; }
}

kill_system() {
    await ' login: ' || { fail 'no login prompt' || return; }
    kill -KILL "$monitor"
    wait "$monitor" 2>/dev/null || true
}

# boot DISK ROOT INITRAMFS END: one boot, whose end is the function END.
boot() {
    local root=$2 start=$SECONDS
    "$vmm" boot --kernel $disks/kernel --initrd "$disks/$3.initramfs" --disk "$1" --memory 1G \
        --append "root=LABEL=root ro" "${more[@]}" <&"$keys" >"$output" 2>&1 &
    monitor=$!
    "$4" || return
    echo "boot $number: well; root on $root, initramfs of $3, $((SECONDS - start)) s, $(wc -c <"$output") bytes of output"
}

# The lab's memory takes the disk, which grows by what the guest writes.
fetch_disk() { # ROOT
    rm -f /dev/shm/disk
    cp --sparse=always "$disks/$1.disk" /dev/shm/disk
}

boot_all_kinds() {
    local root initramfs
    for root in ext4 btrfs; do
        fetch_disk $root
        for initramfs in initramfs-tools dracut; do
            number=$((number + 1))
            ! boot /dev/shm/disk $root $initramfs use_system || well=$((well + 1))
        done
    done
}

boot_many() {
    fetch_disk "$root"
    while [ $number -lt "$boots" ] && [[ -z $until || $(date -u +%H:%M) < $until ]]; do
        number=$((number + 1))
        ! boot /dev/shm/disk "$root" "$initramfs" "$end" || well=$((well + 1))
    done
}

run_inside_lab() {
    output=/dev/shm/output
    mkfifo /dev/shm/keys
    exec {keys}<>/dev/shm/keys
    cp "$vmm" /dev/shm/vmm
    vmm=/dev/shm/vmm
    number=0 well=0
    if [ -n "$boots" ]; then boot_many; else boot_all_kinds; fi
    echo "$well of $number boots were well"
    [ $well -eq $number ] && [ $number -gt 0 ]
}

boots='' root=ext4 initramfs=initramfs-tools end=use_system until='' vmm=build/vmm inside=false
all=("$@")
while [ $# -gt 0 ]; do
    case $1 in
        --inside-lab) inside=true && shift && continue ;;
        --kill) end=kill_system && shift && continue ;;
        --) shift && break ;;
        --boots | --root | --initramfs | --until | --vmm) [ $# -ge 2 ] || usage ;;
        *) usage ;;
    esac
    case $1 in
        --boots) boots=$2 ;;
        --root) root=$2 ;;
        --initramfs) initramfs=$2 ;;
        --until) until=$2 ;;
        --vmm) vmm=$2 ;;
    esac
    shift 2
done
more=("$@")

if $inside; then
    run_inside_lab
    exit
fi
scripts/packages.sh lab
scripts/debian-disk.sh $disks
exec Tests/Lab/lab.sh --memory 6144M --limit $(((${boots:-4} + 1) * 3 * limit)) -- Tests/Lab/systems.sh --inside-lab "${all[@]}"
