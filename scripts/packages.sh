#!/bin/bash
# Installs the Debian packages that a part of the project needs, and only when one is missing: a second run
# is a single dpkg-query, so that every make target can afford to ask.
#
# usage: scripts/packages.sh SET...            the sets are listed below
#        scripts/packages.sh --list SET...     prints their packages, one a line, and installs nothing
set -euo pipefail

declare -A sets=(
    # The C compiler behind Swift's C targets, and the libraries that build/vmm links statically.
    [build]="gcc libc6-dev binutils make git linux-libc-dev libcap-dev zlib1g-dev liblzma-dev libzstd-dev
        liblz4-dev libssl-dev"
    # Debian kernels taken apart on the host, and the demo's initramfs.
    [kernels]="cpio kmod lz4 zstd xz-utils gzip python3-minimal busybox-static"
    # The outer machine of the lab and the tools that its tests run inside.
    [lab]="qemu-system-x86 cpio kmod busybox-static e2fsprogs erofs-utils util-linux procps python3-minimal"
    # Images for the tests, the tools that others read and write them with, and a registry on loopback.
    [images]="skopeo umoci buildah docker-registry erofs-utils busybox-static debootstrap curl bzip2 python3-minimal
        attr runc"
    # Whole systems on disks, which Tests/Lab/systems.sh boots.
    [disks]="debootstrap fdisk e2fsprogs btrfs-progs mount util-linux"
    # The archives that the tests of layers are made of.
    [archives]="tar libarchive-tools python3 gzip zstd"
    # The project's own guest kernel and its initramfs.
    [kernel]="gcc libc6-dev binutils make diffutils flex bison bc rsync cpio xz-utils libelf-dev libssl-dev python3-minimal"
    [initramfs]="musl-tools binutils cpio busybox-static"
    # The container runtime beside which `vmm compare` is tried, and the compiler of ACPI tables that reads ours.
    [peers]="crun"
    [tables]="acpica-tools"
    # The formatter of man pages, with which the tests render ours.
    [manual]="groff-base"
    # The browser in which the page of `vmm compare` is tried.
    [pages]="chromium fonts-dejavu-core"
    # The peers that make bench measures against, and the load that it puts on a disk.
    [bench]="fio python3-pip unzip runc crun podman umoci debootstrap"
    # What make order watches a start with.
    [order]="valgrind python3-minimal"
)

only_list=false
if [ "${1-}" = --list ]; then
    only_list=true
    shift
fi
if [ $# -eq 0 ]; then
    echo "usage: ${0##*/} [--list] SET...   (sets: ${!sets[*]})" >&2
    exit 2
fi

wanted=()
for name in "$@"; do
    if [ -z "${sets[$name]-}" ]; then
        echo "packages: no set is called '$name'; there are: ${!sets[*]}" >&2
        exit 2
    fi
    read -r -d '' -a packages <<<"${sets[$name]}" || true
    wanted+=("${packages[@]}")
done

if $only_list; then
    printf '%s\n' "${wanted[@]}" | sort -u
    exit
fi
if ! command -v dpkg-query >/dev/null; then
    echo "packages: this is not a Debian system; install the equivalents of: ${wanted[*]}" >&2
    exit 1
fi

find_missing() {
    local installed
    # A removed package that left its configuration behind is known to dpkg too, so ask for its state.
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null |
        sed -n 's/^installed //p' || true)
    comm -23 <(printf '%s\n' "${wanted[@]}" | sort -u) <(sort -u <<<"$installed")
}

mapfile -t missing < <(find_missing)
[ ${#missing[@]} -eq 0 ] && exit 0

sudo=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "packages: missing: ${missing[*]}; install them as root: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    sudo=(sudo)
fi

echo "packages: installing ${missing[*]}" >&2
# Two targets of one make, or two checkouts, may get here together; apt-get's own timeout does not cover the
# lock on its package lists.
exec 9>"/tmp/.vmm-packages.$(id -u).lock"
flock 9
export DEBIAN_FRONTEND=noninteractive
apt=("${sudo[@]}" apt-get -qq -o DPkg::Lock::Timeout=600)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# This happens once on a machine, so it can afford to renew the package lists, which name files that are gone
# after a while. Without a network the packages may still be in apt's cache.
"${apt[@]}" update >"$log" 2>&1 </dev/null || true
if ! "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1 </dev/null; then
    tail -n 5 "$log" >&2
    echo "packages: apt-get could not install ${missing[*]}; its last words are above" >&2
    exit 1
fi
