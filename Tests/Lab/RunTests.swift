import Foundation
import TestSupport
import Testing

/// Containers in machines of their own, as a user runs them.
@Suite("vmm run in the lab")
struct RunTests {
    /// The two ways in which a machine starts: each test passes with both.
    enum Start: String, CaseIterable, Sendable {
        case cold = "never"
        case template = "require"
    }

    /// `run NAME WORD...` runs `vmm run` to its end, both streams together; `signal NAME SIGNAL` is for one
    /// that was started. If a template is required, `run` makes it first, with the same options and another
    /// command, and NAME.start tells how the machine started.
    static let preamble = #"""
        export VMM_LIB=$PWD/build VMM_STORE=/dev/shm/store
        root=/dev/shm/root image=rootfs:/dev/shm/root
        mkdir -p $root/{bin,dev,etc,proc,sys,tmp}
        cp /bin/busybox $root/bin/
        for name in $(busybox --list); do [ -e $root/bin/$name ] || ln -s busybox $root/bin/$name; done
        printf 'root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n' >$root/etc/passwd
        printf 'root:x:0:\nuser:x:1000:\naudio:x:29:user\n' >$root/etc/group
        chmod 1777 $root/tmp
        run() {
            [ "${VMM_TEMPLATE-}" = require ] || { timed "$1" 400 build/vmm run "${@:2}"; return; }
            local word words=()
            for word in "${@:2}"; do
                words+=("$word")
                [ "$word" != $image ] || break
            done
            timeout 400 build/vmm run "${words[@]}" true </dev/null >/dev/null 2>&1
            rm -f /dev/shm/times
            timed "$1" 400 build/vmm run --timings /dev/shm/times "${@:2}"
            note "$1.start" sed -n 's/^ *"start": "\(.*\)",/start=\1/p; s/^ *"cold_because": "\(.*\)",/because=\1/p' /dev/shm/times 2>/dev/null
        }
        signal() { kill "-$2" "$(<"/dev/shm/$1.pid")"; }

        """#

    /// Runs a script whose machines start in this way.
    private func lab(_ start: Start, _ script: String) throws -> [String: Boot] {
        let boots = try Lab.run(
            Self.preamble + "export VMM_TEMPLATE=\(start.rawValue)\n" + script, seconds: 3000)
        let starts = boots.filter { $0.key.hasSuffix(".start") }
        if start == .template, boots.values.contains(where: { $0["took"] != nil }) {
            #expect(!starts.isEmpty)
        }
        for (name, boot) in starts where boot["start"] != nil {
            // Only a disk excuses a cold start.
            let isCold = boot["because"]?.contains("--writable") == true
            #expect(boot["start"] == (isCold ? "cold" : "template"), "\(name): \(boot)")
        }
        return boots
    }

    @Test("the table of exit statuses", arguments: Start.allCases)
    func statuses(start: Start) throws {
        let boots = try lab(
            start,
            """
            run zero $image true
            run one $image false
            run many $image sh -c 'echo out; exit 42'
            run missing $image nowhere
            run directory $image /etc
            run plain $image /etc/passwd
            run killed $image sh -c 'kill -9 $$'
            run nobody --user nobody $image true
            run hungry --memory 96m $image tail /dev/zero
            run panic --security-opt systempaths=unconfined $image sh -c 'echo c >/proc/sysrq-trigger'
            run kernel --kernel /etc/passwd $image true
            run init --no-init $image sh -c 'echo pid=$$; exit 3'
            start interrupted run $image sh -c 'echo up; exec sleep 1000'
            await interrupted up
            signal interrupted INT
            finish interrupted
            start terminated run $image sh -c 'echo up; exec sleep 1000'
            await terminated up
            signal terminated TERM
            finish terminated
            start caught run --stop-signal USR2 $image sh -c 'trap "echo asked; exit 5" USR2; trap "echo one" USR1; echo up; while :; do sleep 0.1; done'
            await caught up
            signal caught USR1
            await caught one
            signal caught TERM
            finish caught
            """)
        for (name, status) in [
            ("zero", 0), ("one", 1), ("many", 42), ("missing", 127), ("directory", 126), ("plain", 126),
            ("killed", 137), ("nobody", 125), ("hungry", 137), ("panic", 125), ("kernel", 125), ("init", 3),
            ("interrupted", 130),
            ("terminated", 143), ("caught", 5),
        ] as [(String, Int32)] {
            let boot = try #require(boots[name], "\(name)")
            #expect(boot.status == status, "\(name): \(boot)")
        }
        #expect(boots["init"]?["pid"] == "1" && boots["many"]?.says("out") == true)
        #expect(boots["caught"]?.says("asked") == true)
        #expect(
            boots["hungry"]?.says("ran out of its 96 MiB") == true, "\(String(describing: boots["hungry"]))")
        let panic = try #require(boots["panic"])
        #expect(panic.says("the guest's kernel panicked") && panic.says("sysrq"), "\(panic)")
        #expect(boots["missing"]?.says("vmm: ") == true && boots["nobody"]?.says("nobody") == true)
    }

    @Test("a container that heeds no signal loses its machine at the third", arguments: Start.allCases)
    func thirdSignal(start: Start) throws {
        let boots = try lab(
            start,
            """
            deaf() {
                start $1 run $image sh -c 'trap "" INT TERM; echo up; while :; do sleep 0.2; echo on; done'
                await $1 up
                signal $1 $2
                sleep 1
                signal $1 $3
                sleep 1
                note $1Alive kill -0 $(</dev/shm/$1.pid)
                signal $1 $4
                (sleep 60; signal $1 KILL) &
                finish $1
                kill $!
                note $1Left pgrep -a vmm
            }
            deaf interrupted INT INT INT
            deaf terminated INT TERM TERM
            """)
        for (name, status) in [("interrupted", 130), ("terminated", 143)] as [(String, Int32)] {
            let boot = try #require(boots[name])
            #expect(boot.status == status, "\(boot)")
            #expect(boots[name + "Alive"]?.status == 0 && boot.says("on"), "\(boot)")
            // Two are the container's, the third is ours.
            let lines = boot.lines.filter { $0.contains("vmm: ") }
            #expect(
                lines == [
                    "vmm: the container's machine was ended after 3 requests within ten seconds"
                ], "\(boot)")
            #expect(boots[name + "Left"]?.status == 1, "\(String(describing: boots[name + "Left"]))")
        }
    }

    @Test("user, groups, capabilities, environment, directories, limits, names", arguments: Start.allCases)
    func process(start: Start) throws {
        let boots = try lab(
            start,
            """
            printf 'F=file\\n# no\\nHERE\\n' >/dev/shm/env
            export HERE=there
            run mine -e A=B --env-file /dev/shm/env -w /tmp/new -u user --hostname name --ulimit nofile=100:200 \
                --security-opt no-new-privileges $image sh -c 'echo a=$A; echo f=$F; echo here=$HERE; echo pwd=$(pwd); \
                echo id=$(id); echo name=$(hostname); echo files=$(ulimit -Sn)/$(ulimit -Hn); echo home=$HOME; \
                grep -E "CapBnd|CapEff|NoNewPrivs" /proc/self/status | tr -d "\\t"'
            run root --cap-drop ALL --cap-add NET_ADMIN $image sh -c 'grep Cap /proc/self/status | tr -d "\\t"; \
                chown user /tmp 2>/dev/null || echo chown=refused'
            run readonly --read-only --tmpfs /run:size=1m,mode=700 $image sh -c 'touch /x 2>/dev/null || echo root=readonly; \
                touch /run/x && touch /dev/shm/x && echo others=writable; (echo y >/proc/sys/kernel/hostname) 2>/dev/null || echo proc=protected; \
                cat /proc/kcore | wc -c; dd if=/dev/zero of=/run/big bs=1M count=2 2>/dev/null || echo tmpfs=full'
            run none --writable none $image sh -c 'touch /x 2>/dev/null || echo root=readonly'
            run disk --template auto --writable 1G $image sh -c 'dd if=/dev/zero of=/big bs=1M count=300 2>/dev/null; \
                echo size=$(stat -c %s /big); grep -c "/writable/upper" /proc/mounts'
            run layer $image sh -c 'rm /etc/passwd; echo new >/bin/sh.txt; test -e /etc/passwd || echo removed=yes'
            run again $image sh -c 'test -e /bin/sh.txt || echo gone=yes; test -e /etc/passwd && echo back=yes'
            run orphans $image sh -c '(sleep 0.3 &); sleep 2; echo zombies=$(ps -o stat | grep -c Z)'
            run entry --entrypoint /bin/echo $image one two
            """)
        let mine = try #require(boots["mine"])
        #expect(mine.status == 0, "\(mine)")
        for (key, value) in [
            ("a", "B"), ("f", "file"), ("here", "there"), ("pwd", "/tmp/new"), ("name", "name"),
            ("files", "100/200"), ("home", "/home/user"),
            ("id", "uid=1000(user) gid=1000(user) groups=29(audio)"),
        ] { #expect(mine[key] == value, "\(key): \(mine)") }
        #expect(mine.says("CapEff:0000000000000000") && mine.says("CapBnd:00000000a80425fb"), "\(mine)")
        #expect(mine.says("NoNewPrivs:1"), "\(mine)")
        let root = try #require(boots["root"])
        #expect(root.says("CapEff:0000000000001000") && root["chown"] == "refused", "\(root)")
        let readonly = try #require(boots["readonly"])
        #expect(readonly["root"] == "readonly" && readonly["others"] == "writable", "\(readonly)")
        #expect(readonly["proc"] == "protected" && readonly["tmpfs"] == "full", "\(readonly)")
        #expect(boots["none"]?["root"] == "readonly", "\(String(describing: boots["none"]))")
        let disk = try #require(boots["disk"])
        #expect(disk.status == 0 && disk["size"] == "\(300 << 20)", "\(disk)")
        #expect(boots["layer"]?["removed"] == "yes")
        #expect(boots["again"]?["gone"] == "yes" && boots["again"]?["back"] == "yes")
        #expect(boots["orphans"]?["zombies"] == "0", "\(String(describing: boots["orphans"]))")
        #expect(boots["entry"]?.says("one two") == true)
    }

    @Test(
        "full file systems in memory fail their writers; killed processes are reported",
        arguments: Start.allCases)
    func memory(start: Start) throws {
        let boots = try lab(
            start,
            """
            fill='for place in / /dev/shm/ /dev/ $more; do dd if=/dev/zero of=$place/f bs=1M 2>&1 | grep -q "No space left" && echo full; done'
            for size in 32m 64m 256m; do run fill$size --memory $size $image sh -c "$fill; echo end=yes"; done
            run disk --template auto --writable 100m $image sh -c "$fill; echo end=yes"
            run none --memory 64m --writable none $image sh -c "$fill; echo end=yes"
            run more --memory 128m --tmpfs /a --tmpfs /b:size=20m --tmpfs /c:mode=700,uid=5 --shm-size 16m -e 'more=/a /b /c' $image \
                sh -c "$fill; echo shm=\\$(stat -c %s /dev/shm/f); echo b=\\$(stat -c %s /b/f); echo c=\\$(stat -c %a,%u,%g /c); echo end=yes"
            run names --memory 32m $image sh -c 'i=0; while mkdir /d$i 2>/dev/null; do i=$((i + 1)); done; echo end=yes'
            run beside --memory 256m $image sh -c '(head -c 60m /dev/zero | tail -c 60m | (sleep 20; wc -c)) & sleep 6; \
                dd if=/dev/zero of=/f bs=1M 2>/dev/null; dd if=/dev/zero of=/dev/shm/f bs=1M 2>/dev/null; wait'
            run added --shm-size 300m $image sh -c 'dd if=/dev/zero of=/dev/shm/f bs=1M 2>/dev/null; echo shm=$(stat -c %s /dev/shm/f)'
            run less --memory 64m --shm-size 300m $image sh -c "$fill; echo end=yes"
            run killed --memory 64m $image sh -c 'tail /dev/zero; echo went=on'
            """)
        for (name, count) in [
            ("fill32m", 3), ("fill64m", 3), ("fill256m", 3), ("disk", 3), ("none", 2), ("more", 6),
            ("less", 3),
        ] {
            let boot = try #require(boots[name], "\(name)")
            #expect(boot.status == 0 && boot["end"] == "yes" && !boot.says("killed"), "\(name): \(boot)")
            #expect(boot.lines.filter { $0 == "full" }.count == count, "\(name): \(boot)")
        }
        let more = try #require(boots["more"])
        #expect(
            more["shm"] == "\(16 << 20)" && more["b"] == "\(20 << 20)" && more["c"] == "700,5,0", "\(more)")
        #expect(boots["names"]?["end"] == "yes", "\(String(describing: boots["names"]))")
        #expect(boots["beside"]?.says("62914560") == true, "\(String(describing: boots["beside"]))")
        #expect(boots["added"]?["shm"] == "\(300 << 20)", "\(String(describing: boots["added"]))")
        #expect(boots["less"]?.says("/dev/shm has only") == true, "\(String(describing: boots["less"]))")
        let killed = try #require(boots["killed"])
        #expect(killed.status == 0 && killed["went"] == "on", "\(killed)")
        #expect(killed.says("its kernel killed the process 'tail'") && killed.says("--writable"), "\(killed)")
    }

    @Test("what docker's containers find, and what they do not get", arguments: Start.allCases)
    func asDocker(start: Start) throws {
        let boots = try lab(
            start,
            """
            run user -u 1000 $image sh -c '(echo port80 | nc -l -p 80 &) ; sleep 0.3; echo from=$(nc 127.0.0.1 80 </dev/null); echo ping=$(cat /proc/sys/net/ipv4/ping_group_range); \\
                echo hard=$(ulimit -Hn); echo processes=$(ulimit -Hu); ls -ln /dev/null; \\
                for i in vm/max_map_count kernel/pid_max; do echo $(basename $i)=$(cat /proc/sys/$i); done; unshare -U true || echo no=userns'
            run docker -e X=1 $image sh -c 'echo hi >/proc/1/fd/1; grep -ac X=1 /proc/1/environ; readlink /etc/mtab; \\
                touch /n; stat -c %d / /n /bin /bin/busybox | sort -u | wc -l; ls /etc/resolv.conf; cat /proc/self/io | head -n 1; \\
                mknod /pmem b 259 0; head -c 1 /pmem || echo pmem=closed'
            run none --writable none -w /new $image sh -c 'pwd; cat /etc/hostname'
            run privileged --cap-add ALL --security-opt systempaths=unconfined $image sh -c 'mkdir /sys/fs/cgroup/x && unshare -U true && echo all=open'
            run unconfined --security-opt seccomp=unconfined -u 1000 $image sh -c 'unshare -U true && echo userns=open'
            """)
        let user = try #require(boots["user"])
        #expect(user.status == 0 && user["from"] == "port80" && user["no"] == "userns", "\(user)")
        #expect(user["ping"] == "0 2147483647", "\(user)")
        #expect(user["hard"] == "1048576" && user["processes"] == "unlimited", "\(user)")
        #expect(user["max_map_count"] == "262144" && user["pid_max"] == "4194304", "\(user)")
        #expect(user.says(" 0        0 "), "the owner of /dev/null: \(user)")
        let docker = try #require(boots["docker"])
        #expect(
            Array(docker.lines.prefix(6)).map { $0.prefix(6) } == [
                "hi", "1", "/proc/", "1", "/etc/r", "rchar:",
            ], "\(docker)")
        #expect(docker["pmem"] == "closed", "\(docker)")
        #expect(
            boots["none"]?.says("/new") == true && boots["none"]?.status == 0,
            "\(String(describing: boots["none"]))")
        #expect(boots["privileged"]?["all"] == "open", "\(String(describing: boots["privileged"]))")
        #expect(boots["unconfined"]?["userns"] == "open", "\(String(describing: boots["unconfined"]))")
    }

    @Test("parameters of the kernel, devices, and privileged containers", arguments: Start.allCases)
    func privileges(start: Start) throws {
        let boots = try lab(
            start,
            """
            run set --sysctl net.ipv4.ip_forward=1 --sysctl vm.swappiness=7 --domainname example $image sh -c 'cd /proc/sys; \
                echo forward=$(cat net/ipv4/ip_forward); echo swappiness=$(cat vm/swappiness); echo domain=$(cat kernel/domainname)'
            run unset $image sh -c 'cd /proc/sys; echo forward=$(cat net/ipv4/ip_forward)'
            run unknown --sysctl net.nothing=1 $image true
            run value --sysctl vm.swappiness=lots $image true
            look='mkdir /sys/fs/cgroup/x 2>/dev/null && echo cgroup=made; echo 8 2>/dev/null >/proc/sys/vm/swappiness && echo sysctl=set;
                test -e /dev/pmem0 && echo devices=all; grep CapEff /proc/self/status | tr -d "\\t"; cat /proc/kcore 2>/dev/null | head -c 4 | wc -c;
                test -c /dev/fuse && exec 3<>/dev/fuse && echo fuse=open'
            run privileged --privileged --cap-drop ALL $image sh -c "$look"
            run usual $image sh -c "$look"
            run device --device /dev/fuse $image sh -c "$look"
            run full --privileged --memory 64m $image sh -c 'for place in / /dev/shm/ /dev/; do \
                dd if=/dev/zero of=$place/f bs=1M 2>&1 | grep -q "No space left" && echo full; done; echo end=yes'
            """)
        let set = try #require(boots["set"])
        #expect(set["forward"] == "1" && set["swappiness"] == "7" && set["domain"] == "example", "\(set)")
        #expect(boots["unset"]?["forward"] == "0", "\(String(describing: boots["unset"]))")
        for (name, text) in [("unknown", "net/nothing"), ("value", "vm/swappiness")] {
            let boot = try #require(boots[name])
            #expect(boot.status == 125 && boot.says("cannot set the kernel parameter \(text): "), "\(boot)")
        }
        let privileged = try #require(boots["privileged"])
        for line in ["cgroup=made", "sysctl=set", "devices=all", "CapEff:000001ffffffffff", "fuse=open"] {
            #expect(privileged.says(line), "\(line): \(privileged)")
        }
        let usual = try #require(boots["usual"])
        for line in ["cgroup=made", "sysctl=set", "devices=all", "fuse=open"] {
            #expect(!usual.says(line), "\(line): \(usual)")
        }
        let device = try #require(boots["device"])
        #expect(
            device.says("fuse=open") && !device.says("devices=all") && !device.says("cgroup=made"),
            "\(device)")
        let full = try #require(boots["full"])
        #expect(
            full.status == 0 && full["end"] == "yes" && full.lines.filter { $0 == "full" }.count == 3,
            "\(full)")
    }

    @Test("streams: apart, whole, in both directions, slow, and cut off", arguments: Start.allCases)
    func streams(start: Start) throws {
        let boots = try lab(
            start,
            """
            say begin apart
            build/vmm run $image sh -c 'echo out; echo err >&2' >/dev/shm/out 2>/dev/shm/err
            status=$?
            echo "out=$(cat /dev/shm/out)"
            echo "err=$(cat /dev/shm/err)"
            say status $status
            head -c 100000000 /dev/urandom >/dev/shm/big
            sum() { sha256sum | cut -c 1-64; }
            sent=$(sum </dev/shm/big)
            say begin in
            echo "same=$([ "$(build/vmm run -i $image sha256sum </dev/shm/big | cut -c 1-64)" = $sent ] && echo yes)"
            say status $?
            say begin through
            echo "same=$([ "$(cat /dev/shm/big | build/vmm run -i $image cat | sum)" = $sent ] && echo yes)"
            say status $?
            say begin slow
            build/vmm run $image head -c 20000000 /dev/zero | (sleep 5; wc -c)
            say status ${PIPESTATUS[0]}
            say begin cut
            build/vmm run $image yes | head -n 3
            say status ${PIPESTATUS[0]}
            run closed $image cat
            """)
        #expect(boots["apart"]?["out"] == "out" && boots["apart"]?["err"] == "err")
        #expect(boots["in"]?["same"] == "yes", "\(String(describing: boots["in"]))")
        #expect(boots["through"]?["same"] == "yes", "\(String(describing: boots["through"]))")
        let slow = try #require(boots["slow"])
        #expect(slow.status == 0 && slow.says("20000000"), "\(slow)")
        // As in a pipe of the shell's: SIGPIPE.
        #expect(boots["cut"]?.status == 141, "\(String(describing: boots["cut"]))")
        #expect(boots["closed"]?.status == 0)
    }

    @Test("a terminal: its size, its modes, its keys", arguments: Start.allCases)
    func terminal(start: Start) throws {
        let boots = try lab(
            start,
            """
            mkfifo /dev/shm/keys
            exec 3<>/dev/shm/keys
            timeout -k 10 400 script -qefc "stty rows 30 cols 100; exec build/vmm run -it $image sh -c \
                'stty size; tty; trap \\"echo interrupted; exit 9\\" INT; echo term=\\$TERM; while :; do sleep 0.1; done'" \
                /dev/null </dev/shm/keys >/dev/shm/terminal 2>&1 &
            echo $! >/dev/shm/terminal.pid
            await terminal term=
            printf 'abc\\003' >&3
            finish terminal
            """)
        let boot = try #require(boots["terminal"])
        #expect(boot.status == 9, "\(boot)")
        #expect(boot.says("30 100") && boot.says("/dev/") && boot.says("term=xterm"), "\(boot)")
        #expect(boot.says("interrupted"), "\(boot)")
    }

    @Test("what a container does to its machine stays there", arguments: Start.allCases)
    func contained(start: Start) throws {
        let boots = try lab(
            start,
            """
            run memory -m 96m $image sh -c 'head -c 300000000 /dev/zero | tail -c 200000000 | wc -c; echo after'
            run bomb --pids-limit 50 $image sh -c 'for i in $(seq 400); do sleep 3 & done 2>/dev/null; echo made'
            run limited --memory 128m --cpus 1.5 $image sh -c 'echo cpus=$(nproc)'
            note groups find /sys/fs/cgroup -name 'vmm-*'
            start killed run --template auto --memory 128m --writable 64m $image sh -c 'echo up; sleep 1000'
            await killed up
            signal killed KILL
            finish killed
            run next --memory 128m $image true
            mount -t debugfs none /sys/kernel/debug
            run quick $image true
            note machines sh -c 'cd /sys/kernel/debug/kvm || exit 2
                for i in $(seq 100); do find . -mindepth 1 -type d | grep -q . || exit 0; sleep 0.1; done; exit 1'
            note left sh -c 'find /sys/fs/cgroup -name "vmm-*"; ls /dev/shm/store/tmp; pgrep -a vmm'
            """)
        #expect(boots["memory"].map { [0, 125, 137].contains($0.status) } == true)
        #expect(boots["bomb"] != nil)
        #expect(boots["limited"]?["cpus"] == "2", "\(String(describing: boots["limited"]))")
        #expect(boots["limited"]?.says("no cgroup") == false, "\(String(describing: boots["limited"]))")
        #expect(boots["groups"]?.says("vmm-") == false)
        #expect(boots["killed"]?.status == 137 && boots["next"]?.status == 0)
        // A machine that nobody limits may outlive its process, by grace periods of the kernel.
        #expect(boots["quick"]?.status == 0 && boots["machines"]?.status == 0)
        #expect(
            boots["left"]?.lines.allSatisfy { $0.isEmpty } == true, "\(String(describing: boots["left"]))")
    }
}
