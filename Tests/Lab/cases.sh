#!/bin/bash
# Runs inputs that once failed, each as its own folder tells it, and says which come out right.
#
# usage: Tests/Lab/lab.sh --limit 3600 Tests/Lab/cases.sh CASES [NUMBER]...
#   CASES    a directory with a folder a case, NUMBER-NAME, whose README has what was seen and what is right; and the
#            directories attack (images of the attack review: mk.py, gen.py) and boots (tty7.py, for the terminal)
#   NUMBER   run these only (00, 14, E1, R3, tty, krun ...); all otherwise
# Environment (lab.sh passes on only what begins with VMM_; others are set inside it: lab.sh env V=DIR Tests/Lab/cases.sh CASES):
#   V        the directory with the build to be tried: vmm, vmlinux, agent.cpio and initramfs.cpio (build)
#   KRUN     a directory with kernels of libkrun as ELF files (boots/krun2elf.py makes them); without it they are not run
#
# It needs the lab's root and real KVM, the kernels of scripts/debian-kernel.sh (6.1, 6.12) and the initramfs of the lab's tests
# (build/lab/initramfs-VERSION.cpio). What a case printed stands above its verdict:
#   NN right | NN WRONG: what is not as it should be | NN not run: why
# A last line counts them. Exit status: 0 if all that were run are right, 1 if one is wrong, 2 for a usage error.
#
# A case is a function case_NN. It tries commands (`try`, `run`, `debian`, `own`) and states what is right of the last one (`ends`,
# `says`, `never`) or of anything else (`right`).

[ $# -ge 1 ] && [ -d "$1" ] || {
    sed -n 's/^# \{0,1\}//; 2,/^`says/p' "${BASH_SOURCE[0]}" >&2
    exit 2
}
C=$(cd "$1" && pwd)
shift
V=${V:-build}
V=$(cd "$V" && pwd)
export VMM_LIB=$V
vmm=$V/vmm
six_one=build/kernels/debian-6.1/bzImage
six_twelve=build/kernels/debian-6.12/bzImage
work=/dev/shm/cases
image=rootfs:$work/root

# --- Trying and judging ---

# try SECONDS COMMAND...: runs it without input. $output and $status are for what follows.
try() {
    local limit=$1 start=$SECONDS
    shift
    output=$(timeout -k 5 "$limit" "$@" </dev/null 2>&1)
    status=$?
    output=${output//$'\r'/}
    printf '%s\n' "$output" | cut -c1-160 | tail -n 6
    # What tells one try of a case from another: its last word.
    tried=${*: -1}
    tried=${tried##*/} tried=${tried:0:40}
    echo "-- status $status after $((SECONDS - start)) s: $tried"
}

run() { try 60 "$vmm" run "$@"; }
debian() { try "$1" "$vmm" boot --kernel $six_one --initrd "$(initrd 6.1)" "${@:2}"; }
own() { try 60 "$vmm" boot --kernel "$V/vmlinux" --initrd "$V/initramfs.cpio" "$@"; }
import() { try 60 "$vmm" image import "$@"; }
initrd() { echo "build/lab/initramfs-$1.cpio"; }

wrong() { faults+=("$*"); }
# ends STATUS...: it ended with one of these.
ends() { [[ " $* " == *" $status "* ]] || wrong "status $status, not ${*// / or } ($tried)"; }
says() { grep -qE -e "$1" <<<"$output" || wrong "does not say '$1' ($tried)"; }
never() { ! grep -qE -e "$1" <<<"$output" || wrong "says '$1' ($tried)"; }
# right WHAT COMMAND...: the command succeeds.
right() { "${@:2}" || wrong "$1"; }
# Processor time of a process so far, in ticks of 10 ms.
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

# --- The cases ---

case_00() { # Linux reboots and panics in every way to an end, within seconds.
    local method
    for method in '' a b e k p t; do
        debian 45 --append "${method:+reboot=$method }-- \"reboot -f\""
        if [ "$method" = t ]; then ends 5; else ends 3; fi
    done
    try 45 "$vmm" boot --kernel $six_twelve --initrd "$(initrd 6.12)" --append '-- "reboot -f"'
    ends 3
    try 45 "$vmm" boot --kernel $six_one
    ends 3 4
}

case_01() { # Of several images none is taken silently; a name finds its own.
    local archive name first=
    for archive in "$C"/01*/*.tar; do
        import "$archive"
        ends 65
        says 'library/a.*library/b'
        for name in b b:latest docker.io/library/b; do
            import "$archive:$name"
            ends 0
            first=${first:-$output}
            right "$name is not the image called b" [ "$output" = "$first" ]
        done
    done
}

case_02() { # Process 1 has the streams and the environment of the container's own.
    run -e X=1 "$image" sh -c 'echo hi >/proc/1/fd/1; tr "\0" "\n" </proc/1/environ'
    ends 0
    says '^hi$'
    says '^X=1$'
}

case_03() { # A standard descriptor that is closed at the start becomes /dev/null.
    local closed number link process
    for closed in '0' '1' '2' '0 1 2'; do
        (
            for number in $closed; do eval "exec $number>&-"; done
            exec "$vmm" run "$image" sleep 4
        ) &
        process=$!
        sleep 2
        for number in $closed; do
            link=$(readlink /proc/$process/fd/$number)
            echo "closed $closed: $number is $link"
            right "descriptor $number became $link" [ "$link" = /dev/null ]
        done
        wait $process
    done
}

case_04() { # A user may bind to low ports and ping, as under docker.
    run -u 1000 "$image" sh -c 'timeout 2 nc -l -p 80; echo nc $?; cat /proc/sys/net/ipv4/ping_group_range'
    says '^nc 143$'
    says '^0[[:space:]]+2147483647$'
}

case_05() { # The limits of open files and processes are those of docker.
    run "$image" sh -c 'ulimit -Hn; ulimit -Hu'
    ends 0
    says '^(524288|1048576)$'
    says '^unlimited$'
}

case_06() { # The files that docker makes in /etc are there, also if /etc is a link.
    local option files='/etc/mtab /etc/resolv.conf /etc/hosts /etc/hostname'
    for option in '--writable memory' '--writable none'; do
        # shellcheck disable=SC2086
        run ${option#--writable memory} "$image" ls -l $files
        ends 0
        says 'mtab -> /proc/mounts'
    done
    mkdir -p $work/linked/usr/etc $work/linked/{bin,dev,proc,sys,tmp}
    ln -sfn usr/etc $work/linked/etc
    cp -a $work/root/bin/. $work/linked/bin/
    # shellcheck disable=SC2086
    run rootfs:$work/linked ls -l $files
    ends 0
}

case_07() { # /dev/null is root's, whoever the container is.
    run -u 1000 "$image" ls -ln /dev/null
    says ' 1 0 +0 '
}

case_08() { # Artifacts and attestations before an image are passed over. Of an index without names -flat is refused by others too.
    local archive
    for archive in "$C"/08*/*.tar; do
        import "$archive"
        if [[ $archive == *flat* ]]; then ends 0 65; else ends 0; fi
    done
}

imports_all() {
    local archive
    for archive in "$@"; do
        import "$archive"
        ends 0
    done
}

case_09() { imports_all "$C"/09*/09-*; } # zstd with skippable frames.
case_10() { imports_all "$C"/10*/*.tar; } # Layers that change nothing.
case_20() { imports_all "$C"/20*/*.tar; } # Configurations of an old type.
case_21() { imports_all "$C"/21*/*.tar; } # An owner below zero.

says_k() {
    try 20 "$vmm" boot --kernel "$1" --console serial
    ends 5
    says '^K'
}
case_11() { says_k "$C"/11*/k-interp.elf; } # PT_INTERP and a PVH note: a kernel.
case_12() { says_k "$C"/12*/m.bin; } # A bzImage without a payload.

case_13() { # A working directory is made, also under a root that the container cannot change, and through a link.
    run --read-only -w /new "$image" pwd
    says '^/new$'
    run --writable none -w /new "$image" pwd
    says '^/new$'
    run -w /dang "$image" pwd
    says '^/nowhere/x$'
}

# The lines of a section of pt14.py's output.
section() { sed -n "/^=== $1 /,/^===/p" "$work/pt14"; }
section_says() { right "$1: no '$2'" grep -qE -e "$2" <<<"$(section "$1")"; }

case_14() { # Ctrl-Z stops, fg makes the terminal raw again and tells the guest of its new size.
    K=$V/vmlinux R=$V/initramfs.cpio I=$image V=$vmm timeout 300 python3 "$C"/14*/pt14.py >"$work/pt14" 2>&1
    cut -c1-160 "$work/pt14"
    section_says 14a '\^Z.*Stopped'
    section_says 14a 'fg.*sleep 100'
    section_says 14a2 "state after TSTP: 'T'"
    local part
    for part in 14b 14c; do
        section_says $part "tty after fg: 'icanon=0 echo=0 isig=0"
        section_says $part '33 77'
    done
}

case_tty() { # Whatever ends vmm boot, the terminal is as it was; stopped and continued, it is raw again.
    timeout 300 python3 "$C/boots/tty7.py" "$vmm" "$V/vmlinux" --initrd "$V/initramfs.cpio" \
        --append '-- "while read line; do :; done"' >"$work/tty" 2>&1
    grep '^==' "$work/tty" | cut -c1-220
    python3 - "$work/tty" >"$work/faults" <<'END'
import re, sys
form = re.compile(r"== (.*): status (.*); before (.*) during (.*?) (\[.*\])? *after (i\w+ o\w+ c\w+ l\w+)")
rows = [row.groups() for row in map(form.match, open(sys.argv[1])) if row]
for name, status, before, during, seen, after in rows:
    if name != "SIGKILL" and after != before: print(f"{name}: the terminal is left changed")
    if name.startswith("stop") and eval(seen)[1] != during: print(f"{name}: not raw again")
if len(rows) < 14: print(f"{len(rows)} of 14 ends were tried")
END
    local fault
    while read -r fault; do wrong "$fault"; done <"$work/faults"
}

case_15() { # All of / is one file system, for whatever keeps to one.
    run "$image" sh -c 'touch /etc/n; stat -c "dev=%d" / /etc /etc/passwd /etc/n; echo $(du -sxk /bin; du -sk /bin)'
    right 'st_dev differs' [ "$(grep -c '^dev=' <<<"$output") $(grep '^dev=' <<<"$output" | sort -u | wc -l)" = '4 1' ]
    says '^([0-9]+) /bin \1 /bin$'
}

case_16() { # A kernel without kvm-clock boots.
    debian 60 --append 'no-kvmclock -- "true; poweroff -f"'
    ends 0
}

case_18() { # What monitoring programs read of /proc.
    run "$image" sh -c 'cat /proc/self/io; ls /proc/pressure; cat /proc/self/schedstat'
    ends 0
    says '^wchar:'
    says '^memory$'
}

case_19() { # A 32-bit program is refused with the reason.
    run "$image" /t-32
    ends 126
    says '32-bit'
}

case_23() { # A full file system is ENOSPC, and nobody is killed.
    local fill='dd if=/dev/zero of=/f bs=1M; dd if=/dev/zero of=/dev/shm/f bs=1M'
    try 150 "$vmm" run --memory 256m "$image" sh -c "$fill; dd if=/dev/zero of=/dev/f bs=1M"
    ends 1
    right 'not three times ENOSPC' [ "$(grep -c 'No space left' <<<"$output")" = 3 ]
    try 150 "$vmm" run --memory 256m "$image" sh -c \
        "(head -c 60m /dev/zero | tail -c 60m | (sleep 20; wc -c)) & sleep 6; $fill; wait"
    says '^62914560$'
}

case_24() { # Output that cannot be written is an error.
    local command
    for command in "run $image echo hi" 'image list' --help doctor 'run --help' --version; do
        # shellcheck disable=SC2016
        try 60 sh -c '"$0" $1 2>&1 >/dev/full' "$vmm" "$command"
        ends 74 125
        says 'no space left on device'
    done
}

case_25() { # A disk has the sectors of the block device under it.
    truncate -s 64M $work/d4k
    local loop
    loop=$(losetup --show -b 4096 -f $work/d4k)
    own --disk "$loop" --append '-- "cat /sys/block/vda/queue/logical_block_size"'
    losetup -d "$loop"
    ends 0
    says '^4096$'
}

case_26() { # A console that is named and missing is said to be so, or is there.
    debian 60 --cmdline 'console=ttyS0 -- "echo hello"'
    ends 0
    says '^hello|console=ttyS0|ttyS0.*console'
}

case_27() { # Options that docker's users type are known: they work, or have a sentence of their own.
    local options
    for options in '--network none' '--network=none' '--net none' '--platform linux/amd64'; do
        # shellcheck disable=SC2086
        run $options "$image" true
        ends 0
    done
    run --shm-size 64m "$image" df -k /dev/shm
    says ' 65536 '
    for options in '--sysctl kernel.msgmax=9000' '-l a=b' --privileged '--device /dev/fuse' '--memory-swap 1g' --net=host; do
        # shellcheck disable=SC2086
        run $options "$image" true
        ends 0 125
        never 'no such option|unknown option'
    done
}

case_28() { # The kernel's limits are those that databases and editors ask for.
    run "$image" sh -c 'cd /proc/sys; echo $(cat vm/max_map_count fs/inotify/max_user_watches kernel/pid_max)'
    local maps watches pids
    read -r maps watches pids <<<"$output"
    right "limits $output" [ "${maps:-0}" -ge 262144 -a "${watches:-0}" -ge 65536 -a "${pids:-0}" -ge 4194304 ]
}

case_29() { # The tree of cgroups is writable where the container is privileged.
    run --no-init --cap-add ALL --security-opt systempaths=unconfined "$image" sh -c 'mkdir /sys/fs/cgroup/x && echo made'
    says '^made$'
}

# Writes a disk of 1 MiB that begins as those of `format`.
disk_of() {
    python3 - "$1" "$work/disk" <<'END'
import struct, sys
data = bytearray(1 << 20)
def put(at, what): data[at:at + len(what)] = what
put(*{
    "qcow2": (0, struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0, 0, 16, 1 << 30)),
    "vmdk": (0, b"KDMV" + struct.pack("<I", 1)),
    "vhdx": (0, b"vhdxfile"),
    "vdi": (64, struct.pack("<I", 0xbeda107f)),
}[sys.argv[1]])
open(sys.argv[2], "wb").write(data)
END
}

case_32() { # A disk in a container format is refused and stays as it is, unless it is said to be raw.
    local format before
    for format in qcow2 vmdk vhdx vdi; do
        disk_of $format
        before=$(sha256sum $work/disk)
        own --disk $work/disk --append '-- "dd if=/dev/zero of=/dev/vda bs=512 count=1"'
        ends 65
        says 'qemu-img convert'
        right "$format was written to" [ "$(sha256sum $work/disk)" = "$before" ]
    done
    own --disk $work/disk,format=raw --append '-- "dd if=/dev/zero of=/dev/vda bs=512 count=1"'
    ends 0
}

case_34() { # Without ACPI: a timer, and a CPU that sleeps once it has halted, because nothing can power the machine off.
    "$vmm" boot --kernel $six_one --initrd "$(initrd 6.1)" --cpus 2 --console serial \
        --append 'acpi="off" -- "nproc; sleep 1; echo slept; poweroff"' </dev/null >$work/34 2>&1 &
    local process=$! round before after
    for round in {1..80}; do
        grep -q 'System halted' $work/34 && break
        sleep 1
    done
    sleep 2
    before=$(ticks $process)
    sleep 5
    after=$(ticks $process)
    kill -KILL $process
    wait $process 2>/dev/null
    output=$(tr -d '\0\r' <$work/34) tried='without ACPI'
    tail -n 3 <<<"$output"
    echo "halted, it takes $((after - before)) of 500 ticks"
    says '^slept$'
    says 'System halted'
    says 'virtio_mmio.device='
    right 'a halted guest keeps a CPU busy' [ $((after - before)) -lt 100 ]
}

case_35() { # An archive from a pipe.
    local form
    # shellcheck disable=SC2016
    for form in 'cat "$1" | "$0" image import -' 'cat "$1" | "$0" image import /dev/stdin' '"$0" image import <(cat "$1")'; do
        try 60 bash -c "$form" "$vmm" "$C/10-empty-layer/10-empty.tar"
        ends 0
        says '^[0-9a-f]{64}$'
    done
}

case_38() { # Empty words inside an entry point count.
    make_image "one('38.tar', config={'Entrypoint': ['sh', '-c', 'echo \$# \${2-unset}', 'x', '', '']})"
    run $work/38.tar
    says '^2 *$'
}

# Runs Python that makes images with attack/mk.py.
make_image() { (cd $work && PYTHONPATH=$C/attack PYTHONDONTWRITEBYTECODE=1 python3 -c "from mk import *
$1"); }

case_E1() { # A name that is too long is a damaged image, and no end of vmm.
    attack_images
    run $work/e1.tar true
    ends 65 125
    says '^vmm: '
}

case_E2() { # A small image does not become a large one, and a refused one leaves nothing.
    attack_images
    local before after
    before=$(du -sm "$VMM_STORE" | cut -f1)
    try 120 "$vmm" image import $work/e2.tar
    after=$(du -sm "$VMM_STORE" | cut -f1)
    echo "the store grew by $((after - before)) MiB"
    ends 65
    right 'the refused image stays in the store' [ $((after - before)) -le 2 ]
    right 'a message is longer than 1,000 bytes' [ "${#output}" -le 1000 ]
}

case_E3() { # A number is a user's number and no name.
    attack_images
    run --user 1000 $work/e3.tar id
    says '^uid=1000'
    run --user 1000:1000 $work/e3.tar id
    says '^uid=1000.* gid=1000'
}

case_E4() { # A configuration as large as one may be ends the import.
    make_image "one('e4.tar', config={'Cmd': ['/bin/sh'], 'ExposedPorts': {'x' * ((8 << 20) - 700): {}}})"
    try 60 "$vmm" image import $work/e4.tar
    ends 0 65
}

case_E7() { # A directory that is called like an image is not run for it.
    mkdir -p $work/here && ln -sfn $work/root $work/here/shadowed
    # shellcheck disable=SC2016
    try 60 sh -c 'cd "$1" && "$0" run shadowed echo ran' "$vmm" $work/here
    never '^ran$'
}

attack_images() {
    [ -e $work/e3.tar ] || make_image "exec(open('$C/attack/gen.py').read())"
}

case_R1() { # No nested virtualization, no counters.
    own --append '-- "echo virtualization=$(grep -c -w -e svm -e vmx /proc/cpuinfo); dmesg | grep -i perf"'
    says '^virtualization=0'
    says 'PMU not available|no PMU driver'
}

case_R3() { # Images are removed while a container runs.
    "$vmm" run "$image" sleep 30 &
    local process=$!
    sleep 5
    try 20 "$vmm" image prune
    ends 0
    right 'the container had ended before' kill -0 $process
    kill -KILL $process
    wait $process 2>/dev/null
}

case_R6() { # Device nodes, process 1 and user namespaces.
    # shellcheck disable=SC2016
    run "$image" sh -c 'mknod /x b 254 0; head -c 1 /x && echo OPENED; mknod /dev/y c 1 1; head -c 1 /dev/y && echo OPENED
        grep CapEff /proc/1/status; unshare -U true; echo unshare $?'
    never OPENED
    never 'CapEff:.*ffffffff'
    says '^unshare [1-9]'
}

case_krun() { # The kernels of libkrun reboot, with ACPI and without. They have their root on a disk; one has no initramfs.
    local kernel words
    printf '#!/bin/sh\n/bin/busybox sleep 1; echo slept; /bin/busybox reboot -f\n' >$work/root/go
    chmod 755 $work/root/go
    mke2fs -q -t ext4 -d $work/root $work/krun.disk 64M
    rm $work/root/go
    for kernel in "$KRUN"/*.elf; do
        for words in 'acpi=off ' ''; do
            try 90 "$vmm" boot --kernel "$kernel" --disk $work/krun.disk \
                --append "${words}root=/dev/vda rw init=/go"
            ends 3
            says '^slept$'
        done
    done
}

# --- All of them ---

# A root file system of busybox's, and what some cases expect in it.
make_root() {
    local root=$work/root name
    mkdir -p $root/{bin,dev,etc,proc,sys,tmp}
    cp /bin/busybox $root/bin/
    for name in $(busybox --list); do [ -e "$root/bin/$name" ] || ln -s busybox "$root/bin/$name"; done
    printf 'root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n' >$root/etc/passwd
    printf 'root:x:0:\nuser:x:1000:\n' >$root/etc/group
    cp "$C/19-32-bit/t-32" $root/t-32
    chmod 755 $root/t-32
    chmod 1777 $root/tmp
    ln -sfn /nowhere/x $root/dang
}

# Why a case cannot be run; nothing where it can.
missing() {
    case $1 in
        krun) [ -n "$(ls "${KRUN:-/nonexistent}"/*.elf 2>/dev/null)" ] || echo 'KRUN names no directory of ELF files' ;;
        E* | R*) [ -e "$C/attack/mk.py" ] || echo 'no attack/mk.py' ;;
        tty) [ -e "$C/boots/tty7.py" ] || echo 'no boots/tty7.py' ;;
        *) [ -n "$(ls -d "$C/$1"-* 2>/dev/null)" ] || echo "no folder $1-*" ;;
    esac
}

verdict() {
    if [ ${#faults[@]} -eq 0 ]; then
        echo "$1 right"
        count_right=$((count_right + 1))
        return
    fi
    local IFS=';'
    echo "$1 WRONG: ${faults[*]}"
    all_wrong+=("$1")
}

all=(00 01 02 03 04 05 06 07 08 09 10 11 12 13 14 tty 15 16 18 19 20 21 23 24 25 26 27 28 29 32 34 35 38
    E1 E2 E3 E4 E7 R1 R3 R6 krun)
[ $# -gt 0 ] || set -- "${all[@]}"
mkdir -p $work
export VMM_STORE=$work/store
make_root
count_right=0 count_missing=0 all_wrong=()
for number; do
    declare -F "case_$number" >/dev/null || { echo "cases.sh: there is no case $number" >&2 && exit 2; }
    why=$(missing "$number")
    if [ -n "$why" ]; then
        echo "$number not run: $why"
        count_missing=$((count_missing + 1))
        continue
    fi
    echo "== $number"
    faults=()
    "case_$number"
    verdict "$number"
done
echo "$count_right right, ${#all_wrong[@]} wrong, $count_missing not run${all_wrong[*]:+; wrong: ${all_wrong[*]}}"
[ ${#all_wrong[@]} -eq 0 ]
