# Sourced by the parts: everything that is measured lies in memory before the first sample, in $stage. In the lab a wait
# for the host's files would be in whichever sample it falls.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
stage=$(mktemp -d /dev/shm/vmm-bench.XXXXXX)
trap 'rm -rf "$stage"' EXIT
measure=$stage/measure floor=$stage/floor vmm=$stage/vmm
cp "$root/build/measure" "$root/build/floor" "$stage/"
cp "${VMM_BENCH_MONITOR:-$root/build/vmm}" "$vmm"

# The tiny guests need no hardware virtualization.
tiny() { # GUEST [OPTION]...: the words of the command
    words=("$vmm" boot --kernel "$stage/$1.elf" --console none --allow-emulation "${@:2}")
}

stage_tiny_guests() {
    cp "$root"/build/firmware/*.elf "$stage/"
}

stage_linux() {
    cp "$root/build/vmlinux" "$root/build/initramfs.cpio" "$stage/"
}

# One file system for all: busybox, and what a container's root needs. The kernel, the agent and
# what `vmm compare` runs lie beside the program.
stage_container() {
    tree=$stage/root
    mkdir -p "$tree"/{bin,dev,etc,proc,sys,tmp}
    cp "$(command -v busybox)" "$tree/bin/busybox"
    for name in sh true cat sleep; do ln -s busybox "$tree/bin/$name"; done
    echo root:x:0:0:root:/:/bin/sh >"$tree/etc/passwd"
    cp "$root/build/agent.cpio" "$root/build/vmm-compare" "$stage/"
    export VMM_STORE=$stage/store
}

# A peer that is not there is left out, and the report says so.
has_firecracker() {
    [ -x "$root/build/peers/firecracker" ]
}

# What Firecracker's own guide asks for, and init.end=restart: it knows no way to power off but a reset.
firecracker_words() { # INITRD COMMAND-OF-GUEST [DRIVES]
    cp -n "$root/build/peers/firecracker" "$stage/"
    cat >"$stage/firecracker.json" <<END
{
  "boot-source": {
    "kernel_image_path": "$stage/vmlinux", "initrd_path": "$1",
    "boot_args": "console=ttyS0 reboot=k panic=-1 pci=off i8042.noaux i8042.nomux i8042.dumbkbd quiet init.end=restart -- $2"
  },
  "drives": [${3-}], "machine-config": {"vcpu_count": 1, "mem_size_mib": 256}
}
END
    words=("$stage/firecracker" --no-api --config-file "$stage/firecracker.json" --id bench)
}

# Where the machine does other work too, what is measured goes first.
priority=()
if chrt -f 10 true 2>/dev/null; then priority=(chrt -f 10); fi
