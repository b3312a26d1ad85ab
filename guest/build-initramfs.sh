#!/bin/bash
# build-initramfs.sh [--without-busybox] [OUTPUT]: builds the guest's first file system (default: build/initramfs.cpio).
#
# An uncompressed cpio archive, so that the kernel copies it and unpacks nothing. The same inputs give the same bytes:
# names in a fixed order, owner root, no times. It is written here rather than by cpio(1), which would need root for /dev/console.
set -euo pipefail
caller=$PWD
cd "$(dirname "$0")"
source ./common.sh

with_busybox=true
if [[ ${1:-} == --without-busybox ]]; then
    with_busybox=false
    shift
fi
output=$(cd "$caller" && realpath -m "${1:-$OLDPWD/../build/initramfs.cpio}")
init=$(realpath -m ../build/guest/init)

# Without /dev/console in the archive the kernel cannot open descriptors 0 to 2 for init.
directories=(dev proc sys run tmp root)
./build-init.sh "$init"
inputs=(build-initramfs.sh common.sh "$init")
if $with_busybox; then
    package=$(debian_package busybox-static)
    inputs+=("$package")
fi
key=$(fingerprint "${inputs[@]}")
is_current "$output" "$key" && exit

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The "newc" format (Documentation/driver-api/early-userspace/buffer-format.rst in the kernel's sources): each entry is a
# header of hexadecimal ASCII, the name, the contents; name and contents are padded to four bytes.
inode=0
header() { # NAME MODE CONTENTS-BYTE-COUNT [MAJOR MINOR]
    inode=$((inode + 1))
    printf '070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\0' \
        $inode $(($2)) 0 0 1 0 "$3" 0 0 "${4:-0}" "${5:-0}" $((${#1} + 1)) 0 "$1"
    pad $((110 + ${#1} + 1))
}
pad() { # BYTE-COUNT
    printf '%b' "${padding[$1 & 3]}"
}
padding=('' '\0\0\0' '\0\0' '\0')

directory() { header "$1" 0040755 0; }
console() { header "$1" 0020600 0 5 1; }
file() { # NAME FROM
    local byte_count
    byte_count=$(stat -c %s "$2")
    header "$1" 0100755 "$byte_count"
    cat "$2"
    pad "$byte_count"
}
link() { # NAME TO
    header "$1" 0120777 ${#2}
    printf %s "$2"
    pad ${#2}
}

# A link for each of busybox's programs would cost a tenth of the time to user space. Its shell finds them without one.
busybox() {
    dpkg -x "$package" "$work/busybox"
    directory bin
    file bin/busybox "$work/busybox/bin/busybox"
    link bin/sh busybox
}

{
    for directory in "${directories[@]}"; do
        directory $directory
    done
    console dev/console
    file init "$init"
    if $with_busybox; then busybox; fi
    header TRAILER!!! 0 0
} >"$work/initramfs.cpio"
install_output "$work/initramfs.cpio" "$output" "$key"
