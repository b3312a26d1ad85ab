import Foundation
import TestSupport
import Testing

/// `vmm run` by a user who is not root, in groups of version 2 that were left to that user, as a session's
/// manager does.
@Suite("a user's cgroups in the lab")
struct UserCgroupTests {
    /// `delegate GROUP` makes a group and leaves it to the user; `alone GROUP COMMAND...` runs a command as
    /// the user there, and `beside GROUP COMMAND...` has a shell stay in the group meanwhile. `hold NAME WAY
    /// GROUP` starts a container that waits, with what it says in /dev/shm/NAME, and `release NAME` lets it
    /// go on. `look NAME` tells of all groups that monitors have made.
    private static let preamble =
        RunTests.preamble + #"""
            groups=/sys/fs/cgroup
            export VMM_STORE=/dev/shm/user/store XDG_RUNTIME_DIR=/dev/shm/user/run
            install -d -o 1000 -g 1000 -m 700 /dev/shm/user/store /dev/shm/user/run
            chgrp 1234 /dev/kvm && chmod 660 /dev/kvm
            echo '+cpu +memory +pids' >$groups/cgroup.subtree_control
            delegate() {
                mkdir -p "$groups/$1"
                (cd "$groups/$1" && chown 1000:1000 . cgroup.procs cgroup.subtree_control cgroup.threads)
            }
            user='setpriv --reuid 1000 --regid 1000 --groups 1234 --no-new-privs'
            alone() { (echo $BASHPID >"$groups/$1/cgroup.procs" && exec $user "${@:2}"); }
            beside() { (echo $BASHPID >"$groups/$1/cgroup.procs" && $user "${@:2}"; exit $?); }
            limited="build/vmm run --memory 128m --cpus 0.5 --pids-limit 50"
            hold() {
                mkfifo "/dev/shm/$1.in"
                "$2" "$3" $limited -i $image sh -c 'echo up; read line; echo line=$line' \
                    <>"/dev/shm/$1.in" >"/dev/shm/$1" 2>&1 &
                echo $! >"/dev/shm/$1.pid"
                await "$1" up
            }
            release() { echo on >"/dev/shm/$1.in" && finish "$1"; }
            look() {
                local group monitor
                say begin "$1"
                for group in $(find $groups -type d -name 'vmm-*'); do
                    monitor=${group##*/vmm-} monitor=${monitor%-*}
                    group=${group#$groups/}
                    echo "place=${group%/*}"
                    (cd "$groups/$group" && for file in cpu.max memory.max pids.max; do
                        [ ! -e $file ] || echo "$file=$(<$file)"
                    done)
                    echo "monitor=$(grep -cx "$monitor" "$groups/$group/cgroup.procs")"
                    echo "user=$(stat -c %u "/proc/$monitor" 2>/dev/null)"
                    echo "group=$(sed -n 's/^0:://p' "/proc/$monitor/cgroup" 2>/dev/null | sed 's/vmm-.*/vmm/')"
                done
                say status 0
            }
            both() { "$@" 2>&1; }
            delegate mine
            delegate mine/shell

            """#

    private func lab(_ script: String) throws -> [String: Boot] {
        try Lab.run(Self.preamble + script, seconds: 1500)
    }

    private func expectLimits(_ boot: Boot?, in place: String) throws {
        let boot = try #require(boot)
        for (key, value) in [
            ("place", place), ("cpu.max", "50000 100000"), ("memory.max", "\((128 + 2 + 64) << 20)"),
            ("pids.max", "67"), ("monitor", "1"), ("user", "1000"), ("group", "/\(place)/vmm"),
        ] { #expect(boot[key] == value, "\(key): \(boot)") }
    }

    private func expectNothing(_ boot: Boot?) {
        #expect(boot?.lines.allSatisfy(\.isEmpty) == true, "\(String(describing: boot))")
    }

    @Test("the monitor's group has the limits while it runs, and is gone afterwards")
    func limits() throws {
        let boots = try lab(
            """
            hold shared beside mine/shell
            look sharedGroup
            release shared
            look afterShared
            delegate mine/own
            hold own alone mine/own
            look ownGroup
            release own
            look afterOwn
            note gives cat $groups/mine/own/cgroup.subtree_control
            hold killed beside mine/shell
            kill -9 $(pgrep -x vmm)
            finish killed
            look afterKilled
            note next both beside mine/shell $limited $image true
            look afterNext
            note failed both beside mine/shell $limited --kernel /etc/passwd $image true
            look afterFailed
            """)
        for name in ["shared", "own"] {
            let boot = try #require(boots[name])
            #expect(boot.status == 0 && boot["line"] == "on" && !boot.says("warning"), "\(boot)")
        }
        // The group has a shell, so that the monitor's lies beside it.
        try expectLimits(boots["sharedGroup"], in: "mine")
        try expectLimits(boots["ownGroup"], in: "mine/own")
        for name in ["afterShared", "afterOwn", "gives", "afterNext", "afterFailed"] {
            expectNothing(boots[name])
        }
        #expect(boots["killed"]?.status == 137)
        #expect(boots["afterKilled"]?["monitor"] == "0", "\(String(describing: boots["afterKilled"]))")
        #expect(boots["next"]?.status == 0 && boots["failed"]?.status == 125)
    }

    @Test("what cannot be limited is one note and no failure")
    func notes() throws {
        let boots = try lab(
            """
            delegate crowded
            note crowded both beside crowded $limited $image true
            mkdir $groups/foreign
            echo '+cpu +memory +pids' >$groups/foreign/cgroup.subtree_control
            mkdir $groups/foreign/shell
            note foreign both beside foreign/shell $limited $image true
            mkdir -p $groups/part
            echo '+memory +pids' >$groups/part/cgroup.subtree_control
            delegate part/mine
            delegate part/mine/shell
            hold part beside part/mine/shell
            look partGroup
            release part
            look after
            """)
        for (name, controllers, cause) in [
            ("crowded", "cpu, memory, pids", "crowded: other processes are in it"),
            ("foreign", "cpu, memory, pids", "foreign/shell: permission denied"),
            ("part", "cpu", "part/mine has no controller"),
        ] {
            let boot = try #require(boots[name])
            #expect(boot.status == 0, "\(boot)")
            #expect(boot.lines.filter { $0.contains("warning") }.count == 1, "\(boot)")
            #expect(boot.says("no cgroup limits the monitor's \(controllers)"), "\(boot)")
            #expect(boot.says("/sys/fs/cgroup/\(cause)"), "\(boot)")
            #expect(boot.says("systemd-run --user --scope") == (name != "part"), "\(boot)")
        }
        let part = try #require(boots["partGroup"])
        #expect(part["place"] == "part/mine" && part["cpu.max"] == nil, "\(part)")
        #expect(part["memory.max"] == "\((128 + 2 + 64) << 20)" && part["pids.max"] == "67", "\(part)")
        expectNothing(boots["after"])
    }
}
