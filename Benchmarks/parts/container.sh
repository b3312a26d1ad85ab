#!/bin/bash
# `true` in a container: `vmm run`, and what the same image costs under runc, crun and podman; Firecracker with the same
# kernel and an initramfs of the same files. From before the first process is made until it has been waited for; the image
# is there already. Prints JSON.
#
# usage: Benchmarks/parts/container.sh [SAMPLES]
set -euo pipefail
# shellcheck source=stage.sh
source "$(dirname "$0")/stage.sh"
samples=${1:-5}
stage_linux
stage_container
# shellcheck source=../../Tests/Lab/hold.sh
source "$root/Tests/Lab/hold.sh"
hold runc crun podman conmon

commands=()
add() { # NAME COMMAND...
    [ ${#commands[@]} -eq 0 ] || commands+=(--)
    commands+=("$@")
}

"$vmm" image import "rootfs:$tree" --name bench >&2
own=("$vmm" run)
add vmm "${own[@]}" bench true

# A plain bundle with the runtime's own default configuration.
bundle() { # DIRECTORY
    mkdir -p "$1"
    (cd "$1" && runc spec)
    python3 - "$1/config.json" "$tree" <<'SPEC'
import json, sys
path, tree = sys.argv[1:]
spec = json.load(open(path))
spec["process"].update(terminal=False, args=["true"])
spec["root"] = {"path": tree, "readonly": True}
json.dump(spec, open(path, "w"))
SPEC
}
for runtime in runc crun; do
    command -v $runtime >/dev/null || continue
    bundle "$stage/$runtime.bundle"
    # Where it is installed: on a tmpfs runc would copy all of itself at each start.
    add $runtime "$(command -v $runtime)" --root "$stage/$runtime.state" run --bundle "$stage/$runtime.bundle" bench-$runtime
done

podman=()
if command -v podman >/dev/null; then
    # Its storage cannot lie on the lab's own overlay.
    export CONTAINERS_STORAGE_CONF=$stage/storage.conf
    printf '[storage]\ndriver = "overlay"\ngraphroot = "%s"\nrunroot = "%s"\n' \
        "$stage/podman.graph" "$stage/podman.run" >"$CONTAINERS_STORAGE_CONF"
    if tar -C "$tree" -c . | podman import - bench >/dev/null 2>"$stage/podman.log" &&
        podman run --rm --network none --cgroups disabled bench true >&2 2>>"$stage/podman.log"; then
        podman=(podman run --rm --network none --cgroups disabled bench true)
    else
        tail -n 3 "$stage/podman.log" >&2
    fi
fi

if has_firecracker; then
    firecracker_words "$stage/initramfs.cpio" true
    add firecracker "${words[@]}"
fi

echo '{"runs":'
"$measure" time --samples "$samples" --warmup 1 --pause 100 "${commands[@]}"
# By itself: a run of it takes as long as all the others together.
echo ', "slow":'
if [ ${#podman[@]} -eq 0 ] ||
    ! "$measure" time --samples "$(((samples + 1) / 2))" --warmup 1 --pause 100 podman "${podman[@]}" >"$stage/slow"; then
    echo '[]' >"$stage/slow"
fi
cat "$stage/slow"
echo ', "timings": ['
for ((sample = 0; sample < 3; sample++)); do
    [ "$sample" = 0 ] || echo ,
    sleep 0.1
    "${own[@]}" --timings "$stage/timings" bench true </dev/null >&2
    cat "$stage/timings"
done
echo ']}'
