import Foundation
import TestSupport
import Testing

/// Templates that somebody has damaged, replaced or made up, and stores that have no room for one.
@Suite("damaged templates in the lab")
struct TemplateDamageTests {
    /// `spoil NAME COMMAND...` damages the template, runs a container, and then another. NAME has the end of
    /// the first, NAMEStart how it started, NAMENext the end of the second and how it started. The first may
    /// take 40 s: a guest with damaged memory may do anything.
    private static let preamble =
        TemplateTests.preamble + #"""
            run ready $image true
            place=$(echo $templates/*/*/*)
            spoil() {
                [ -e $place/state ] || build/vmm run $image true
                (cd $place && chmod u+w state memory && eval "$2") || echo "cannot spoil: $1"
                rm -f /dev/shm/times
                timed "$1" ${limit:-40} build/vmm run --timings /dev/shm/times $image echo up </dev/null
                note "$1Start" origin
                note "$1Next" eval 'timeout -k 5 200 build/vmm run --timings /dev/shm/times $image echo up 2>&1; echo status=$?; origin'
            }

            """#

    private func lab(_ script: String) throws -> [String: Boot] {
        try Lab.run(Self.preamble + script, seconds: 3000)
    }

    /// The signals by which a monitor would crash: those of a trap, a bad access, an abort.
    private static let crashes: ClosedRange<Int32> = 132...139

    /// Expects that a run after the damage was cold, that a warning contains `cause`, and that its template
    /// is sound.
    private func expectCold(_ boots: [String: Boot], _ name: String, _ cause: String) throws {
        let boot = try #require(boots[name], "\(name)")
        #expect(boot.status == 0 && boot.says("up"), "\(name): \(boot)")
        #expect(boot.says("the template is removed: ") && boot.says(cause), "\(name): \(boot)")
        let start = try #require(boots[name + "Start"])
        #expect(start["start"] == "cold" && start["templates"] == "1", "\(name): \(start)")
        let next = try #require(boots[name + "Next"])
        #expect(next["status"] == "0" && next["start"] == "template", "\(name): \(next)")
    }

    @Test("files that are short, changed, replaced or of doubtful owners are refused, and made anew")
    func refused() throws {
        let boots = try lab(
            #"""
            chmod 700 /dev/shm/store
            spoil stateEmpty 'truncate -s 0 state'
            spoil stateShort 'truncate -s -1 state'
            spoil stateHalf 'truncate -s $(($(stat -c %s state) / 2)) state'
            spoil stateLong 'echo >>state'
            spoil stateBit 'o=$((28 + RANDOM % 4000)); printf "\\x$(printf %02x $((0x$(dd if=state bs=1 skip=$o count=1 2>/dev/null | od -An -tx1 | tr -d " ") ^ 1)))" | dd of=state bs=1 seek=$o conv=notrunc 2>/dev/null'
            spoil stateHuge 'truncate -s 1T state'
            spoil stateGone 'rm -f state'
            spoil stateOther 'head -c 13000 /dev/urandom >other; mv -f other state'
            spoil stateOwner 'chown 1000 state'
            spoil stateGroup 'chmod 620 state'
            spoil stateLink 'mv state /dev/shm/good && ln -s /dev/shm/good state'
            spoil stateDirectory 'rm -f state && mkdir state'
            spoil statePipe 'rm -f state && mkfifo state'
            spoil memoryEmpty 'truncate -s 0 memory'
            spoil memoryShort 'truncate -s -1 memory'
            spoil memoryGone 'rm -f memory'
            spoil memoryOwner 'chown 1000 memory'
            spoil memoryOthers 'chmod 602 memory'
            spoil memoryLink 'mv memory /dev/shm/good && ln -s /dev/shm/good memory'
            spoil memoryPipe 'rm -f memory && mkfifo memory'
            left left
            """#)
        #expect(boots["ready"]?.status == 0)
        for name in ["stateEmpty", "stateShort", "stateHalf", "stateLong", "stateBit", "stateOther"] {
            try expectCold(boots, name, "its state is damaged")
        }
        for name in ["stateOwner", "stateGroup", "memoryOwner", "memoryOthers"] {
            try expectCold(boots, name, "cannot use the template")
        }
        for name in ["stateLink", "memoryLink", "stateDirectory", "statePipe", "memoryPipe", "stateHuge"] {
            try expectCold(boots, name, "cannot use the template")
        }
        for name in ["stateGone", "memoryGone"] { try expectCold(boots, name, "cannot use the template") }
        for name in ["memoryEmpty", "memoryShort"] { try expectCold(boots, name, "memory is too short") }
        #expect(
            boots["left"]?.lines.allSatisfy { $0.isEmpty } == true, "\(String(describing: boots["left"]))")
    }

    @Test("states with a right checksum and wrong content, and changed memory, never crash the monitor")
    func forged() throws {
        // The checksum of Sources/Machine/Saved/StateFile.swift: of the words after the header of 28 bytes.
        let boots = try lab(
            #"""
            cat >/dev/shm/forge.py <<'END'
            import sys
            data = bytearray(open(sys.argv[1], "rb").read())
            for word in sys.argv[2:]:
                place = 28 + int(word) % (len(data) - 28)
                data[place] ^= 1 << (int(word) // 65536 % 8)
            def mix(total, word):
                product = ((total ^ word) * 0x9E3779B97F4A7C15) & (1 << 64) - 1
                return product ^ product >> 32
            rest = data[28:]
            words = [int.from_bytes(rest[at:at + 8], "little") for at in range(0, len(rest) // 8 * 8, 8)]
            sums, total = [1, 2, 3, 4], 0
            while len(words) >= 4:
                sums = [mix(*pair) for pair in zip(sums, words)]
                words = words[4:]
            last = int.from_bytes(rest[len(rest) // 8 * 8:], "little")
            for word in sums + words + [last]:
                total = mix(total, word)
            data[20:28] = total.to_bytes(8, "little")
            open(sys.argv[1], "wb").write(data)
            END
            number() { echo $((RANDOM << 15 | RANDOM)); }
            # forge NAME COMMAND...: as spoil, for what the monitor cannot find; the next one begins with a good template.
            forge() {
                [ -e $place/state ] || build/vmm run $image true
                (cd $place && chmod u+w state memory && eval "$2") || echo "cannot spoil: $1"
                rm -f /dev/shm/times
                timed "$1" 20 build/vmm run --timings /dev/shm/times $image echo up </dev/null
                note "$1Start" origin
                rm -rf $place
            }
            forge same 'python3 /dev/shm/forge.py state'
            for ((i = 0; i < ${VMM_FORGED:-10}; i++)); do
                numbers=$(for ((n = 0; n < 1 + i % 3 * 7; n++)); do number; done)
                note numbers$i echo "numbers="$numbers
                forge state$i "python3 /dev/shm/forge.py state $(echo $numbers)"
            done
            forge memoryZero 's=$(stat -c %s memory); truncate -s 0 memory; truncate -s $s memory'
            forge memoryOther 's=$(stat -c %s memory); head -c $s /dev/urandom >memory'
            for i in 0 1; do
                forge memoryBits$i 's=$(stat -c %s memory); for n in {1..50}; do
                    printf "\x$(printf %02x $((RANDOM % 256)))" | dd of=memory bs=1 seek=$((($(number) * 4099 + n) % s)) conv=notrunc 2>/dev/null; done'
            done
            from last $image true
            left left
            """#)
        // The checksum of the script is that of the program.
        let same = try #require(boots["same"])
        #expect(same.status == 0 && boots["sameStart"]?["start"] == "template", "\(same)")
        let names = boots.keys.filter { $0.hasPrefix("state") || $0.hasPrefix("memory") }
            .filter { !$0.hasSuffix("Start") }.sorted()
        #expect(names.count >= 14)
        for name in names {
            let boot = try #require(boots[name])
            let numbers = boots["numbers\(name.drop { !$0.isNumber })"]?["numbers"] ?? ""
            #expect(!Self.crashes.contains(boot.status), "\(name) \(numbers): \(boot)")
            #expect(!boot.says("cannot spoil"), "\(name): \(boot)")
            if boot.status == 125 { #expect(boot.says("vmm: "), "\(name) \(numbers): \(boot)") }
        }
        for name in ["memoryZero", "memoryOther"] {
            let boot = try #require(boots[name])
            #expect(boot.status != 0 && !boot.says("up"), "\(name): \(boot)")
            // A guest that fails before its container runs takes its template along.
            if boot.status == 125 { #expect(boots[name + "Start"]?["templates"] == "0", "\(name): \(boot)") }
        }
        #expect(boots["last"]?.status == 0)
        #expect(
            boots["left"]?.lines.allSatisfy { $0.isEmpty } == true, "\(String(describing: boots["left"]))")
    }

    @Test("a store without room for a template: the run goes on, with a note and without leftovers")
    func full() throws {
        let boots = try lab(
            #"""
            mkdir /dev/shm/small && mount -t tmpfs -o size=8m none /dev/shm/small
            export VMM_STORE=/dev/shm/small/store templates=/dev/shm/small/store/templates
            from import --template never $image true
            note before eval 'df --output=used /dev/shm/small | tail -n 1'
            from auto $image sh -c 'echo up; exit 3'
            from require --template require $image echo up
            note after eval 'df --output=used /dev/shm/small | tail -n 1; ls $VMM_STORE/tmp; ls $templates'
            mount -o remount,size=80m /dev/shm/small
            from room $image true
            from last $image true
            """#)
        #expect(boots["import"]?.status == 0)
        let auto = try #require(boots["auto"])
        #expect(auto.status == 3 && auto.says("up") && auto.says("no template was made: "), "\(auto)")
        #expect(boots["autoStart"]?["start"] == "cold" && boots["autoStart"]?["templates"] == "0")
        let required = try #require(boots["require"])
        #expect(required.status == 125 && !required.says("up"), "\(required)")
        #expect(required.says("vmm: no template was made: ") && required.says("no space left"), "\(required)")
        let after = boots["after"]?.lines.filter { !$0.isEmpty } ?? []
        let before = boots["before"]?.lines.filter { !$0.isEmpty } ?? []
        #expect(before.count == 1 && after == before, "\(before) \(after)")
        #expect(boots["room"]?.status == 0 && boots["lastStart"]?["start"] == "template")
    }
}
