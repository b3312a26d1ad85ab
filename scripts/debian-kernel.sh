#!/bin/bash
# Fetches a Debian kernel package without installing it and takes it apart.
#
# usage: scripts/debian-kernel.sh NAME...
#   6.1        the stock cloud kernel of Debian 12
#   6.1-full   the same kernel with every driver; the lab's outer machine needs its 9p modules
#   6.12       the newer cloud kernel that Debian 12 offers beside it
#
# Leaves build/kernels/debian-NAME/ with
#   bzImage    the kernel as Debian ships it
#   vmlinux    the ELF file inside it
#   modules/   the package's modules, with modules.dep
#   config     its configuration
#   release    its `uname -r`
# which is a link to the cache, where what was fetched once stays.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cache=${VMM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmm}/kernels

fail() {
    echo "debian-kernel: $*" >&2
    exit 1
}

# The name of the package that is current now; the cache keeps whichever was current when it was filled.
package_of() {
    case $1 in
        6.1) dependency_of linux-image-cloud-amd64 ;;
        6.1-full) dependency_of linux-image-amd64 ;;
        6.12) newest '^linux-image-6\.12\.[0-9]+\+deb12-cloud-amd64$' ;;
        *) fail "no kernel is called '$1'; there are 6.1, 6.1-full and 6.12" ;;
    esac
}

dependency_of() {
    apt-cache depends --important "$1" 2>/dev/null | sed -n 's/^  Depends: //p' | head -n 1
}

newest() {
    apt-cache pkgnames linux-image-6.12 | grep -E "$1" | sort -V | tail -n 1
}

# $1: name, $2: an empty directory to fill
unpack() {
    local package release
    package=$(package_of "$1")
    # A machine whose package lists were never fetched knows no package at all, one with stale lists knows
    # packages that are gone.
    if [ -z "$package" ] || ! download "$package" "$2"; then
        refresh_lists
        package=$(package_of "$1")
        [ -n "$package" ] || fail "apt offers no package for kernel $1 (this needs Debian 12's lists)"
        download "$package" "$2" || fail "apt-get could not download $package"
    fi
    dpkg-deb -x "$2"/*.deb "$2/tree"
    release=$(basename "$2"/tree/lib/modules/*)
    mv "$2/tree/boot/vmlinuz-$release" "$2/bzImage"
    mv "$2/tree/boot/config-$release" "$2/config"
    "$root/scripts/unpack-bzimage.py" "$2/bzImage" "$2/vmlinux"
    # Debian makes modules.dep when the package is installed.
    PATH=$PATH:/usr/sbin:/sbin depmod -b "$2/tree" "$release"
    mv "$2/tree/lib/modules/$release" "$2/modules"
    echo "$release" >"$2/release"
    rm -rf "$2/tree" "$2"/*.deb
}

download() {
    echo "debian-kernel: fetching $1" >&2
    (cd "$2" && apt-get download -qq "$1" >&2) 2>/dev/null
}

refresh_lists() {
    if [ "$(id -u)" -eq 0 ]; then
        apt-get -qq update
    elif command -v sudo >/dev/null; then
        sudo apt-get -qq update
    else
        fail "apt's package lists are missing or stale; run apt-get update as root"
    fi >&2
}

[ $# -gt 0 ] || fail "usage: ${0##*/} 6.1|6.1-full|6.12 ..."
for name in "$@"; do
    # Settled by a name that is only ever given to a finished directory.
    if [ ! -e "$cache/debian-$name/vmlinux" ]; then
        "$root/scripts/packages.sh" kernels
        mkdir -p "$cache"
        work=$(mktemp -d "$cache/.debian-$name.XXXXXX")
        trap 'rm -rf "$work"' EXIT
        unpack "$name" "$work"
        chmod 755 "$work"
        # Whoever was first has won; its result is as good as ours.
        mv -T "$work" "$cache/debian-$name" 2>/dev/null || [ -e "$cache/debian-$name/vmlinux" ]
        rm -rf "$work"
    fi
    mkdir -p "$root/build/kernels"
    [ "$(readlink "$root/build/kernels/debian-$name")" = "$cache/debian-$name" ] ||
        ln -sfn "$cache/debian-$name" "$root/build/kernels/debian-$name"
done
