#!/bin/bash
# Builds every tiny guest as a kernel file, build/firmware/NAME.elf, and the reset-vector stub as
# build/firmware/reset.bin.
set -euo pipefail
cd "$(dirname "$0")/.."

out=build/firmware
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"

for source in firmware/*.S; do
    name=$(basename "$source" .S)
    suffix=elf
    [ "$name" = reset ] && suffix=bin
    "${CC:-cc}" -c "$source" -o "$work/$name.o"
    # No later linker would apply a relocation.
    if objdump -r -j ".rodata.guest.$name" "$work/$name.o" | grep -q R_X86_64; then
        echo "firmware/build.sh: $source needs a relocation; use AT(label) or RIP-relative addresses" >&2
        exit 1
    fi
    objcopy -O binary -j ".rodata.guest.$name" "$work/$name.o" "$work/$name.$suffix"
    # A rename makes the file appear as a whole.
    mv "$work/$name.$suffix" "$out/$name.$suffix"
done
