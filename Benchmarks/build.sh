#!/bin/bash
# Leaves the floor and the measuring program, both static: build/floor, build/measure.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p build
flags=(-O2 -std=gnu11 -static -Wall -Wextra -Werror)
"${CC:-cc}" "${flags[@]}" -o build/floor.new \
    Benchmarks/floor/floor.c firmware/halt.S firmware/portloop.S firmware/mmioloop.S
mv build/floor.new build/floor
"${CC:-cc}" "${flags[@]}" -o build/measure.new Benchmarks/measure/*.c
mv build/measure.new build/measure
