#!/bin/bash
# Compares containers and micro-VMs on this machine, with a busybox and a Debian image, and leaves the pages, the samples
# and the tables in build/comparison: everywhere in the lab, by its instruction clock; and by the wall clock where /dev/kvm
# has hardware virtualization.
#
# usage: scripts/compare.sh      (make compare)
#
# VMM_COMPARE_RUNS: measured runs of each path (10 in the lab, 30 elsewhere).
set -euo pipefail
cd "$(dirname "$0")/.."

results=build/comparison
images=build/comparison/images
paths=process,runc,crun,podman,docker,vmm,firecracker

make_busybox() {
    local tree=$images/busybox
    [ -e "$tree/bin/sh" ] && return
    rm -rf "$tree"
    mkdir -p "$tree"/{bin,dev,etc,proc,sys,tmp}
    cp /bin/busybox "$tree/bin/"
    local name
    for name in $(/bin/busybox --list); do
        [ "$name" = busybox ] || ln -s busybox "$tree/bin/$name"
    done
    echo root:x:0:0:root:/:/bin/sh >"$tree/etc/passwd"
}

# Its smallest set of packages, without what a package manager keeps for itself.
make_debian() {
    local tree=$images/debian
    [ -e "$tree/.made" ] && return
    rm -rf "$tree"
    echo "compare: making a Debian image with debootstrap" >&2
    if ! debootstrap --variant=minbase bookworm "$tree" >"$images/debootstrap.log" 2>&1; then
        tail -n 5 "$images/debootstrap.log" >&2
        return 1
    fi
    rm -rf "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/*
    touch "$tree/.made"
}

# Runs in the lab: what is measured lies in its memory, and waits for no file of the host's.
inside_lab() { # IMAGE RUNS OUTPUT COMMAND...
    local image=$1 runs=$2 output=$3 stage=/dev/shm/compare
    shift 3
    mkdir -p "$stage"
    cp build/vmm build/vmm-compare build/vmlinux build/agent.cpio "$stage/"
    # A peer is measured where it is installed, or has been fetched for `make bench`.
    [ ! -x build/peers/firecracker ] || cp build/peers/firecracker "$stage/"
    export PATH=$PATH:$stage
    # shellcheck source=../Tests/Lab/hold.sh
    source Tests/Lab/hold.sh
    hold runc crun podman conmon docker
    cp -a "$images/$image" "$stage/$image"
    local directory=$PWD status=0
    cd "$stage"
    VMM_STORE=$stage/store VMM_CLOCK=instructions ./vmm compare --paths "$paths" --runs "$runs" --warmup 2 \
        --parallel 1,10 --crowd 30 --dangerous-trials \
        --html page.html --svg picture.svg --json samples.json --csv samples.csv "./$image" "$@" >table.txt || status=$?
    for name in page.html picture.svg samples.json samples.csv table.txt; do
        [ ! -e "$name" ] || cp "$name" "$directory/$output.${name##*.}"
    done
    return "$status"
}

in_lab() { # IMAGE COMMAND...
    local output=$results/$1-lab
    Tests/Lab/lab.sh --memory 8192M --icount --rw "$results" \
        scripts/compare.sh --inside-lab "$1" "${VMM_COMPARE_RUNS:-10}" "$output" "${@:2}" || {
        echo "compare: $1 was not compared in the lab" >&2
        failed=yes
        return
    }
    cat "$output.txt"
}

on_host() { # IMAGE COMMAND...
    local image=$1 output=$results/$1-host
    shift
    VMM_STORE=$PWD/$results/store build/vmm compare --paths "$paths" --runs "${VMM_COMPARE_RUNS:-30}" \
        --parallel 1,10,100 --html "$output.html" --svg "$output.svg" --json "$output.json" --csv "$output.csv" "./$images/$image" "$@" |
        tee "$output.txt"
}

if [ "${1-}" = --inside-lab ]; then
    shift
    inside_lab "$@"
    exit
fi

mkdir -p "$images"
failed=
make_busybox
make_debian
for image in busybox debian; do
    command=(echo hello)
    in_lab "$image" "${command[@]}"
    if build/vmm doctor >/dev/null 2>&1; then on_host "$image" "${command[@]}"; fi
done
echo "compare: the pages are in $results" >&2
[ -z "$failed" ]
