#!/bin/bash
# build-init.sh [OUTPUT]: builds guest/init into one static program (default: build/guest/init).
#
# The Swift is Embedded Swift: it needs no Swift library at run time. It is compiled against musl's headers and linked
# with musl, which makes the program a tenth of what it is with glibc.
set -euo pipefail
caller=$PWD
cd "$(dirname "$0")"
source ./common.sh

output=$(cd "$caller" && realpath -m "${1:-$OLDPWD/../build/guest/init}")
byte_limit=224000
musl_headers=/usr/include/x86_64-linux-musl

# The monitor compiles the protocol's sources, the byte codec and the byte queue too; here they are part of init's own module.
sources=(
    init/*.swift init/Agent/*.swift
    ../Sources/AgentProtocol/*.swift ../Sources/AgentProtocol/Agent/*.swift ../Sources/Host/ByteCodec.swift
    ../Sources/Host/ByteQueue.swift
)

key=$(fingerprint build-init.sh init/CLinux/* "${sources[@]}")
is_current "$output" "$key" && exit
need swiftc "the Swift toolchain from swift.org"
need musl-gcc musl-tools

mkdir -p "$(dirname "$output")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A section for each function lets the linker drop the parts of Swift's standard library that init does not use.
swiftc -target x86_64-unknown-linux-gnu -enable-experimental-feature Embedded \
    -module-name Init -wmo -Osize -Xfrontend -function-sections -parse-as-library \
    -swift-version 6 -strict-memory-safety -warnings-as-errors \
    -Xcc -isystem -Xcc "$musl_headers" -I init/CLinux \
    -c "${sources[@]}" -o "$work/init.o"
musl-gcc -static -Wl,--gc-sections -Wl,--build-id=none -s -o "$work/init" "$work/init.o"

byte_count=$(stat -c %s "$work/init")
((byte_count <= byte_limit)) || fail "init has $byte_count bytes; $byte_limit is what it may have"
install_output "$work/init" "$output" "$key"
