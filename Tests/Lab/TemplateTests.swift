import Foundation
import TestSupport
import Testing

/// `vmm run` from templates, as a user runs it.
@Suite("templates in the lab")
struct TemplateTests {
    /// `from NAME WORD...` runs `vmm run` to its end; NAMEStart then has the way of its start, the reason of
    /// a cold one, and the number of templates that there are. `keep NAME` notes the files of all templates,
    /// `left NAME` what should not be there: staging directories, and templates that lack a file.
    static let preamble =
        RunTests.preamble + #"""
            templates=$VMM_STORE/templates
            states() { find $templates -name state 2>/dev/null | wc -l; }
            from() {
                rm -f /dev/shm/times
                run "$1" --timings /dev/shm/times "${@:2}"
                note "$1Start" origin
            }
            origin() {
                sed -n 's/^ *"start": "\(.*\)",/start=\1/p; s/^ *"cold_because": "\(.*\)",/because=\1/p' /dev/shm/times
                echo "templates=$(states)"
            }
            keep() { note "$1" eval 'find $templates -type f | sort | xargs stat -c "%n %i %a %u %s"; find $templates -type f | sort | xargs sha256sum'; }
            left() { note "$1" eval 'ls $VMM_STORE/tmp; find $templates -mindepth 3 -type d | while read d; do
                [ -e $d/state ] && [ -e $d/memory ] || echo half $d; done'; }

            """#

    private func lab(_ script: String, seconds: Int = 3000) throws -> [String: Boot] {
        try Lab.run(Self.preamble + script, seconds: seconds)
    }

    /// The lines that a command printed, without that of the lab's clock.
    private func output(_ boot: Boot?) -> [String] {
        (boot?.lines ?? []).filter { !$0.hasPrefix("took=") && !$0.isEmpty }
    }

    /// Expects that the run `name` ended with `status` and started in this way.
    private func expect(
        _ boots: [String: Boot], _ name: String, _ start: String?, templates: Int, status: Int32 = 0
    ) throws {
        let boot = try #require(boots[name], "\(name)")
        let origin = try #require(boots[name + "Start"], "\(name)")
        #expect(boot.status == status, "\(name): \(boot)")
        #expect(origin["start"] == start, "\(name): \(origin)\n\(boot)")
        #expect(origin["templates"] == "\(templates)", "\(name): \(origin)\n\(boot)")
    }

    @Test("the first run makes a template, later ones start from it, and all print the same")
    func policies() throws {
        let boots = try lab(
            #"""
            words='echo $A; hostname; id; pwd; env | sort; stat -c "%n %F %a %u %g %t,%T" /* /dev/* /etc/*; cat /etc/hosts;
                grep -e Cap -e NoNew -e Seccomp /proc/self/status; ulimit -a; cat /proc/self/cgroup; nproc;
                sed "s/size=[0-9]*k//; s/nr_inodes=[0-9]*//" /proc/mounts; cat /proc/sys/kernel/hostname; echo err >&2; exit 7'
            options="-e A=1 --hostname there -w /tmp/new"
            from never --template never $options $image sh -c "$words"
            from first $options $image sh -c "$words"
            from second $options $image sh -c "$words"
            from third $options $image sh -c "$words"
            VMM_TEMPLATE=never from variable $image true
            VMM_TEMPLATE=never from option --template auto $image true
            VMM_TEMPLATE=sometimes from wrong $image true
            from disk --writable 64M $image true
            from requiredDisk --template require --writable 64M $image true
            from made --template require --memory 80m $image true
            from required --template require --memory 80m $image true
            left left
            """#)
        try expect(boots, "never", "cold", templates: 0, status: 7)
        try expect(boots, "first", "cold", templates: 1, status: 7)
        try expect(boots, "second", "template", templates: 1, status: 7)
        try expect(boots, "third", "template", templates: 1, status: 7)
        let cold = output(boots["never"])
        #expect(cold.count > 40 && cold.contains("there") && cold.contains("err"), "\(cold)")
        for name in ["first", "second", "third"] {
            let difference = output(boots[name]).difference(from: cold)
            #expect(difference.isEmpty, "\(name): \(difference)")
        }
        try expect(boots, "variable", "cold", templates: 1)
        #expect(boots["variableStart"]?["because"] == "--template never")
        try expect(boots, "option", "template", templates: 1)
        try expect(boots, "wrong", nil, templates: 1, status: 125)
        #expect(boots["wrong"]?.says("invalid value 'sometimes' for VMM_TEMPLATE: not one of auto, ") == true)
        try expect(boots, "disk", "cold", templates: 1)
        #expect(boots["diskStart"]?["because"]?.contains("--writable") == true)
        try expect(boots, "requiredDisk", nil, templates: 1, status: 125)
        #expect(boots["requiredDisk"]?.says("cannot start from a template: its --writable layer") == true)
        try expect(boots, "made", "cold", templates: 2)
        try expect(boots, "required", "template", templates: 2)
        #expect(output(boots["left"]).isEmpty, "\(String(describing: boots["left"]))")
    }

    @Test("machines of one template have one past, and from their first statement nothing else in common")
    func identity() throws {
        // The root directory is the overlay's, made by the agent when it prepared the guest: no later boot
        // has the same nanosecond. The shell's 16 bytes at AT_RANDOM (25) lie on its own stack.
        let boots = try lab(
            #"""
            first='read uuid </proc/sys/kernel/random/uuid; read boot </proc/sys/kernel/random/boot_id; read up idle </proc/uptime
                now=$(date +%s); echo uuid=$uuid; echo boot=$boot; echo up=$up; echo now=$now; echo random=$(head -c 16 /dev/urandom | od -An -v -tx8)
                set -- $(od -An -v -tx8 /proc/$$/auxv); while [ $1 != 0000000000000019 ]; do shift 2; done; echo stack=$2
                echo program=$(dd if=/proc/$$/mem bs=1 skip=$((0x$2)) count=16 2>/dev/null | od -An -v -tx8); echo past=$(stat -c %y /)'
            look() { date +%s >/dev/shm/before; from "$@" $image sh -c "$first"; note $1Time eval 'echo before=$(</dev/shm/before); date +after=%s'; }
            look source
            look one
            look two
            until [ $(($(date +%s) - $(stat -c %Y $templates/*/*/*/memory))) -ge 20 ]; do sleep 1; done
            look old
            note age eval 'echo seconds=$(($(date +%s) - $(stat -c %Y $templates/*/*/*/memory)))'
            look cold --template never
            """#)
        try expect(boots, "source", "cold", templates: 1)
        for name in ["one", "two", "old"] { try expect(boots, name, "template", templates: 1) }
        try expect(boots, "cold", "cold", templates: 1)
        let names = ["source", "one", "two", "old", "cold"]
        for key in ["uuid", "boot", "random", "stack", "program"] {
            let values = names.compactMap { boots[$0]?[key] }
            #expect(Set(values).count == names.count, "\(key): \(values)")
            #expect(values.allSatisfy { $0.count >= 16 }, "\(key): \(values)")
        }
        let pasts = try names.map { try #require(boots[$0]?["past"]) }
        #expect(pasts[0].contains(".") && Set(pasts[..<4]).count == 1 && pasts[4] != pasts[0], "\(pasts)")
        for name in names {
            let now = try #require(boots[name]?["now"].flatMap(Int.init))
            let before = try #require(boots[name + "Time"]?["before"].flatMap(Int.init))
            let after = try #require(boots[name + "Time"]?["after"].flatMap(Int.init))
            #expect(now >= before - 2 && now <= after + 2, "\(name): \(before) \(now) \(after)")
        }
        // The time that a template has waited is none of the guest's.
        let age = try #require(boots["age"]?["seconds"].flatMap(Double.init))
        let source = try #require(boots["source"]?["up"].flatMap(Double.init))
        let old = try #require(boots["old"]?["up"].flatMap(Double.init))
        #expect(age >= 20 && old - source < age / 2, "\(source) \(old) \(age)")
    }

    @Test("templates go with their image and their vmm; an image keeps the four that were used last")
    func management() throws {
        let boots = try lab(
            #"""
            for size in 40 41 42 43; do run m$size --memory ${size}m $image true; done
            note listed build/vmm image list
            from used --memory 40m $image true
            from fifth --memory 44m $image true
            from kept --memory 40m $image true
            from gone --template auto --memory 41m $image true
            cp build/vmm /dev/shm/vmm
            note other eval 'timeout 300 /dev/shm/vmm run $image true; echo status=$?; ls $templates | wc -l | sed s/^/generations=/; echo templates=$(states)'
            from own $image true
            mkdir -p $VMM_STORE/templates/*/$(printf %064d 7)/key
            note prune build/vmm image prune
            note pruned eval 'ls $templates/*'
            note remove build/vmm image remove $image
            note removed eval 'find $templates -type f; ls $VMM_STORE/tmp'
            run imported --template never $image true
            build/vmm run $image true >/dev/shm/one 2>&1 & one=$!
            build/vmm run $image true >/dev/shm/two 2>&1 & two=$!
            note one eval 'wait $one; echo status=$?; cat /dev/shm/one'
            note two eval 'wait $two; echo status=$?; cat /dev/shm/two; echo templates=$(states)'
            from after $image true
            left left
            """#)
        for size in 40...43 { #expect(boots["m\(size)"]?.status == 0) }
        #expect(
            boots["listed"]?.lines.contains { $0.contains("rootfs:") && $0.contains("MB") } == true,
            "\(String(describing: boots["listed"]))")
        try expect(boots, "used", "template", templates: 4)
        try expect(boots, "fifth", "cold", templates: 4)
        try expect(boots, "kept", "template", templates: 4)
        // The second of the four was the one not used for longest.
        try expect(boots, "gone", "cold", templates: 4)
        let other = try #require(boots["other"])
        #expect(
            other["status"] == "0" && other["generations"] == "1" && other["templates"] == "1", "\(other)")
        try expect(boots, "own", "cold", templates: 1)
        #expect(boots["prune"]?.status == 0, "\(String(describing: boots["prune"]))")
        #expect(boots["pruned"]?.says("00007") == false, "\(String(describing: boots["pruned"]))")
        #expect(boots["remove"]?.status == 0, "\(String(describing: boots["remove"]))")
        #expect(output(boots["removed"]).isEmpty, "\(String(describing: boots["removed"]))")
        for name in ["one", "two"] {
            #expect(output(boots[name]).first == "status=0", "\(String(describing: boots[name]))")
        }
        #expect(boots["two"]?["templates"] == "1", "\(String(describing: boots["two"]))")
        try expect(boots, "after", "template", templates: 1)
        #expect(output(boots["left"]).isEmpty, "\(String(describing: boots["left"]))")
    }

    @Test("containers that write all over their memory change no template; none of many starts is lost")
    func clones() throws {
        let boots = try lab(
            #"""
            for i in 1 2 3; do
                run warm$i --memory 32m $image true
                run privileged$i --memory 32m --privileged $image true
            done
            keep before
            say begin hostile
            for i in {1..100}; do
                case $((i % 10)) in
                    0) build/vmm run --memory 32m $image tail /dev/zero ;;
                    1) build/vmm run --memory 32m --privileged $image sh -c 'for i in 1 2 3; do echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/urandom bs=64k of=/dev/shm/f$i; done' ;;
                    2) build/vmm run --memory 32m --privileged $image sh -c 'echo c >/proc/sysrq-trigger' ;;
                    *) build/vmm run --memory 32m $image sh -c 'dd if=/dev/zero bs=64k of=/dev/shm/f; dd if=/dev/zero bs=64k of=/f' ;;
                esac </dev/null >/dev/shm/out 2>&1
                echo "status$?"
            done | sort | uniq -c
            say status 0
            keep after
            say begin idle
            restores=${VMM_RESTORES:-300} began=$SECONDS
            for ((i = 0; i < restores; i++)); do
                timeout -k 5 60 build/vmm run --memory 32m $image sleep 0.05 </dev/null || echo "lost=$i $?"
            done 2>&1
            echo "took=$((SECONDS - began))"
            say status 0
            keep end
            left left
            """#)
        let hostile = try #require(boots["hostile"])
        let counts = output(boots["hostile"]).map { $0.split(separator: " ").joined(separator: " ") }
        #expect(Set(counts) == ["80 status1", "10 status125", "10 status137"], "\(hostile)")
        let before = output(boots["before"])
        #expect(before.count == 8 && before.filter { $0.contains(" 400 0 ") }.count == 4, "\(before)")
        #expect(output(boots["after"]) == before, "\(String(describing: boots["after"]))")
        // With the same files, no start was cold: that would have made a template.
        #expect(output(boots["end"]) == before, "\(String(describing: boots["end"]))")
        #expect(output(boots["idle"]).isEmpty, "\(String(describing: boots["idle"]))")
        #expect(output(boots["left"]).isEmpty, "\(String(describing: boots["left"]))")
    }

    @Test("a kill at any moment leaves no half-made template; the next run starts")
    func kills() throws {
        let boots = try lab(
            #"""
            run cold --template never $image true
            shopt -s nullglob
            mkfifo /dev/shm/never && exec 9<>/dev/shm/never
            nap() { read -rt "0.$(printf %03d $1)" -u 9; }
            say begin kills
            kills=${VMM_KILLS:-40}
            for ((i = 0; i < kills; i++)); do
                build/vmm run --memory $((64 + i))m $image true </dev/null >/dev/null 2>&1 &
                pid=$!
                while kill -0 $pid 2>/dev/null; do
                    drafts=($VMM_STORE/tmp/*/template)
                    [ ${#drafts[@]} -eq 0 ] || break
                    nap 5
                done
                nap $((RANDOM % 400))
                kill -KILL $pid 2>/dev/null
                wait $pid 2>/dev/null
                drafts=($VMM_STORE/tmp/*/template)
                [ ${#drafts[@]} -eq 0 ] || echo during
                for place in $templates/*/*/*; do
                    [ -e $place/state ] && [ -e $place/memory ] || echo "half $place"
                done
            done | sort | uniq -c
            say status 0
            note prune build/vmm image prune
            left left
            from next $image true
            from last $image true
            left end
            """#)
        #expect(boots["cold"]?.status == 0)
        let kills = output(boots["kills"])
        let during = kills.first { $0.contains("during") }?.split(separator: " ").first.flatMap { Int($0) }
        #expect(kills.count == 1 && (during ?? 0) >= 5, "\(kills)")
        #expect(boots["prune"]?.status == 0, "\(String(describing: boots["prune"]))")
        #expect(output(boots["left"]).isEmpty, "\(String(describing: boots["left"]))")
        #expect(boots["next"]?.status == 0 && boots["nextStart"]?["start"] == "cold")
        #expect(boots["last"]?.status == 0 && boots["lastStart"]?["start"] == "template")
        #expect(output(boots["end"]).isEmpty, "\(String(describing: boots["end"]))")
    }
}
