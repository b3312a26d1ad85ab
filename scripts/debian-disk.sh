#!/bin/bash
# Builds raw disks with a whole Debian 12 on them, as its packages install it: systemd, udev, dbus and the stock kernel with
# every driver. Each disk has a GPT and one partition. Kept in the cache and built again when this script changes or
# after four weeks.
#
# usage: scripts/debian-disk.sh OUTPUT      a symbolic link to a directory in the cache
#
# Leaves in OUTPUT
#   ext4.disk, btrfs.disk                      the disks; the label of the root file system is `root`
#   kernel                                     the disks' kernel
#   initramfs-tools.initramfs, dracut.initramfs  an initramfs of each maker, which can mount the root of both disks
#
# The only account is root, whose password is root. Needs root, and the package sets `images` and `disks`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
output=${1:?usage: ${0##*/} OUTPUT}
cache=${VMM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmm}/disks
suite=bookworm
size_mib=2048
# Alignment of the partition, and room for the second copy of the partition table at the disk's end.
gap_mib=1

key=$({ cat "${BASH_SOURCE[0]}" && date +%G-%V | awk -F- '{ print $1, int($2 / 4) }'; } | sha256sum | cut -c 1-16)
made=$cache/debian-$key

fail() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# inside COMMAND...: runs a command in the new system, by a PATH of its own: the caller's may be of another system.
inside() {
    chroot "$work/root" /usr/bin/env PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@" \
        >>"$work/log" 2>&1 </dev/null || {
        tail -n 5 "$work/log" >&2
        fail "$1 failed in the new system; its last lines are above"
    }
}

install_system() {
    # dracut-core, because the package `dracut` does not go together with initramfs-tools.
    debootstrap --variant=minbase --include=systemd-sysv,udev,dbus,libpam-systemd,login,kmod,initramfs-tools,btrfs-progs,dracut-core \
        "$suite" "$work/root" >"$work/log" 2>&1 || {
        tail -n 5 "$work/log" >&2
        fail "debootstrap failed; its last lines are above"
    }
    # After the rest, so that the initramfs is made once, of everything.
    mount --bind /proc "$work/root/proc"
    inside apt-get -qq -y --no-install-recommends install linux-image-amd64
    release=$(basename "$work"/root/lib/modules/*)
    inside dracut --no-hostonly --kver "$release" /boot/dracut.img
    umount "$work/root/proc"
}

configure_system() {
    inside sh -c 'echo root:root | chpasswd'
    echo debian-disk >"$work/root/etc/hostname"
    rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/*
    mkdir "$work/made"
    cp "$work/root/boot/vmlinuz-$release" "$work/made/kernel"
    mv "$work/root/boot/dracut.img" "$work/made/dracut.initramfs"
    cp "$work/root/boot/initrd.img-$release" "$work/made/initramfs-tools.initramfs"
}

# make_disk ext4|btrfs: a file system made of the directory, without a mount, and put into the disk's partition.
make_disk() {
    local disk=$work/made/$1.disk partition=$work/partition
    echo "LABEL=root / $1 defaults 0 1" >"$work/root/etc/fstab"
    truncate -s "$((size_mib - 2 * gap_mib))M" "$partition"
    case $1 in
        ext4) mke2fs -q -t ext4 -L root -d "$work/root" "$partition" ;;
        btrfs) mkfs.btrfs -q -L root --rootdir "$work/root" "$partition" ;;
    esac
    truncate -s "${size_mib}M" "$disk"
    printf 'label: gpt\nstart=%dMiB, size=%dMiB, type=linux\n' $gap_mib $((size_mib - 2 * gap_mib)) | sfdisk -q "$disk"
    dd if="$partition" of="$disk" bs=1M seek=$gap_mib conv=sparse,notrunc status=none
    rm "$partition"
}

# Whatever is left mounted after a failure is unmounted before anything is removed.
clean_up() {
    ! mountpoint -q "$work/root/proc" || umount "$work/root/proc"
    rm -rf --one-file-system "$work"
}

build() {
    work=$(mktemp -d "$cache/.disk.XXXXXX")
    trap clean_up EXIT
    install_system
    configure_system
    make_disk ext4
    make_disk btrfs
    mv "$work/made" "$made"
}

"$here/packages.sh" images disks
mkdir -p "$cache"
# Two checkouts may get here together.
exec 9>"$cache/.disk.lock"
flock 9
[ -d "$made" ] || build
mkdir -p "$(dirname "$output")"
ln -sfn "$made" "$output"
