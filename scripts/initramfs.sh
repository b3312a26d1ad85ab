#!/bin/bash
# Packs an initramfs: a static busybox with all its applets, an /init, and kernel modules in loading order.
#
# usage: scripts/initramfs.sh KERNEL-DIR INIT OUT MODULE|PROGRAM...
#
# A word with a slash in it is a static program, which goes into /bin.
# KERNEL-DIR is one that scripts/debian-kernel.sh left. Modules that the kernel has built in, or does not have
# at all, are left out; the others bring what they depend on. They lie in /modules of the archive, and
# /modules/order names them one a line, so that /init needs nothing but insmod.
set -euo pipefail

if [ $# -lt 3 ]; then
    echo "usage: ${0##*/} KERNEL-DIR INIT OUT MODULE|PROGRAM..." >&2
    exit 2
fi
kernel=$(readlink -f "$1") init=$2 out=$3
shift 3
release=$(<"$kernel/release")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
mkdir -p "$tree"/{bin,dev,etc,proc,root,run,sys,tmp,modules} "$work/lib/modules"
ln -s bin "$tree/sbin"
cp /bin/busybox "$tree/bin/busybox"
for applet in $(/bin/busybox --list); do
    [ "$applet" = busybox ] || ln -s busybox "$tree/bin/$applet"
done
install -m 755 "$init" "$tree/init"

# modprobe looks for modules under lib/modules/RELEASE of the directory it is given.
ln -s "$kernel/modules" "$work/lib/modules/$release"
order=()
for module in "$@"; do
    if [[ $module == */* ]]; then
        install -m 755 "$module" "$tree/bin/"
        continue
    fi
    while read -r verb file _; do
        [ "$verb" = insmod ] || continue
        name=${file##*/}
        name=${name%.xz}
        [ -e "$tree/modules/$name" ] && continue
        # Newer packages compress their modules; a guest in the lab would unpack them in a software CPU.
        case $file in
            *.xz) xz -dc "$file" >"$tree/modules/$name" ;;
            *) cp "$file" "$tree/modules/" ;;
        esac
        order+=("$name")
    done < <(PATH=$PATH:/usr/sbin:/sbin modprobe -d "$work" -S "$release" --show-depends "$module" 2>/dev/null)
done
printf '%s\n' "${order[@]}" >"$tree/modules/order"

mkdir -p "$(dirname "$out")"
part=$(mktemp "$out.XXXXXX")
(cd "$tree" && find . -print0 | LC_ALL=C sort -z | cpio --quiet -0 -o -H newc -R 0:0) >"$part"
chmod 644 "$part"
mv "$part" "$out"
