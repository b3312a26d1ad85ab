#!/bin/bash
# Builds the static programs in C that the benchmark measures: build/floor, and build/blockbench.cpio, an archive with the
# program that measures a guest's disk.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p build
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

compile() { # OUTPUT SOURCE...
    "${CC:-cc}" -O2 -std=gnu11 -static -Wall -Wextra -Werror -o "$@"
}

compile "$work/floor" Benchmarks/floor/floor.c firmware/halt.S firmware/portloop.S firmware/mmioloop.S
mkdir -p "$work/archive/bin"
compile "$work/archive/bin/blockbench" Benchmarks/guest/blockbench.c
strip "$work/archive/bin/blockbench"
(cd "$work/archive" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >"$work/blockbench.cpio"

for name in floor blockbench.cpio; do
    mv "$work/$name" "build/$name.new"
    mv "build/$name.new" "build/$name"
done
