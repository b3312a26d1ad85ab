#!/bin/bash
# Starts many labs, one after another, each of which runs a container with limits twice: once by root and once by a user. One
# that hangs is a fault, of the lab or of `vmm`, and is shown.
#
# usage: Tests/Lab/repeat.sh [COUNT]      (200)
#
# A line on standard output says how it stands after each lab, so that it can be left alone and stopped at any time.
set -euo pipefail
cd "$(dirname "$0")/../.."

count=${1:-200}
[[ $count =~ ^[0-9]+$ ]] || { echo "usage: ${0##*/} [COUNT]" >&2 && exit 2; }

# Runs in the lab. The limits are those with which one lab in eight hung while KVM was loaded too early.
# shellcheck disable=SC2016
script='
    set -euo pipefail
    export VMM_LIB=$PWD/build VMM_STORE=/dev/shm/store XDG_RUNTIME_DIR=/dev/shm
    group=/sys/fs/cgroup/mine
    mkdir -p /dev/shm/root/{bin,dev,etc,proc,sys,tmp} "$group/shell"
    cp /bin/busybox /dev/shm/root/bin/true
    echo "+cpu +memory +pids" >/sys/fs/cgroup/cgroup.subtree_control
    chown -R 1000:1000 "$group" /dev/shm
    chmod 666 /dev/kvm
    echo $BASHPID >"$group/shell/cgroup.procs"
    limited="timeout 120 build/vmm run --memory 128m --cpus 0.5 rootfs:/dev/shm/root true"
    setpriv --reuid 1000 --regid 1000 --clear-groups $limited
    export VMM_STORE=/run/store
    $limited
'

hung=0
for ((done = 1; done <= count; done++)); do
    status=0
    output=$(Tests/Lab/lab.sh --limit 600 bash -c "$script" 2>&1 </dev/null) || status=$?
    if [ "$status" -ne 0 ]; then
        hung=$((hung + 1))
        printf 'lab %d ended with status %d:\n%s\n' "$done" "$status" "$output"
    fi
    echo "$done labs, $hung failed"
done
[ "$hung" -eq 0 ]
