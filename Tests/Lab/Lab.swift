import Foundation
import Synchronization
import TestSupport
import Testing

/// Runs scripts in the lab, which is a whole machine of its own: each start of it costs seconds, so a script
/// boots several guests. Two labs at the most run at once.
enum Lab {
    private static let places = DispatchSemaphore(value: 2)

    /// What time is in the lab: the host's, or the number of instructions executed, also with a kernel that
    /// corrects its clock after KVM was loaded.
    enum Clock: String {
        case host, instructions, stale

        var options: [String] {
            switch self {
            case .host: []
            case .instructions: ["--icount"]
            case .stale: ["--stale-clock"]
            }
        }
    }

    /// What `vmm` did in the lab, by the name of each boot.
    static func run(_ script: String, clock: Clock = .host, seconds: Int) throws -> [String: Boot] {
        let run = try attempt(preamble + script, clock, seconds: seconds)
        try #require(run.status == 0, "the lab's script: \(run.ending)\n\(run.output)\n\(run.error)")
        let missing = run.missingPrograms
        try #require(
            missing.isEmpty, "the lab's script misses programs; scripts/packages.sh has the sets\n\(missing)")
        let boots = parse(run.output)
        for (name, boot) in boots.sorted(by: { $0.key < $1.key }) where boot["took"] != nil {
            print("lab: \(name) ended with \(boot.status) after \(boot["took"] ?? "?") s")
        }
        return boots
    }

    /// A lab that fails itself (status 125) says nothing of the program: it gets a second chance, and what it
    /// said is printed.
    private static func attempt(_ script: String, _ clock: Clock, seconds: Int) throws -> ProgramRun {
        let command =
            [Package.path("Tests/Lab/lab.sh")] + clock.options + [
                "--limit", "\(seconds)", "bash", "-c", script,
            ]
        return try attempt { try ProgramRun(command, seconds: seconds + 120) }
    }

    /// The same for what starts a lab by itself, such as make, which has a status of its own and says that of
    /// its command.
    static func attempt(_ start: () throws -> ProgramRun) throws -> ProgramRun {
        places.wait()
        defer { places.signal() }
        let first = try start()
        let isHung = first.status == 125 || first.error.contains("Error 125")
        guard isHung, first.error.contains("lab: ") else { return first }
        print("The lab failed and is started once more:\n\(first.error)")
        return try start()
    }

    /// `timed NAME SECONDS COMMAND...` runs a command to its end, and says what it printed, how long it took
    /// and how it ended; `boot NAME ARGUMENT...` does that with `vmm boot`. A guest that hangs is asked to
    /// power off, then killed; not too soon, for a boot takes seconds here, and more where the machine does
    /// other work. `start NAME COMMAND ARGUMENT...` leaves `vmm COMMAND` running, with what it says in
    /// /dev/shm/NAME and its number in /dev/shm/NAME.pid; `finish NAME` waits for its end; `startAtTerminal
    /// NAME ARGUMENT...` is the same for `vmm boot` on a terminal of 24 rows and 80 columns, the name of
    /// which is in /dev/shm/NAME.tty. `await NAME TEXT` waits until it has said that. `note NAME COMMAND...`
    /// keeps what a command of the host prints.
    private static let preamble = """
        cd '\(Package.root)'
        say() { printf '\\n@@@ %s %s\\n' "$1" "$2"; }
        timed() {
            local name=$1 limit=$2 start=$SECONDS status
            shift 2
            say begin "$name"
            timeout -k 10 "$limit" "$@" 2>&1
            status=$?
            echo "took=$((SECONDS - start))"
            say status $status
        }
        boot() { timed "$1" 240 build/vmm boot "${@:2}" </dev/null; }
        start() {
            local name=$1
            shift
            build/vmm "$@" </dev/null >"/dev/shm/$name" 2>&1 &
            echo $! >"/dev/shm/$name.pid"
        }
        startAtTerminal() {
            local name=$1
            shift
            script -qfec "tty >/dev/shm/$name.tty; stty rows 24 columns 80
                exec build/vmm boot $(printf '%q ' "$@")" "/dev/shm/$name" </dev/null >/dev/null 2>&1 &
            echo $! >"/dev/shm/$name.pid"
        }
        await() {
            local round
            for round in {1..600}; do
                grep -q "$2" "/dev/shm/$1" && return
                sleep 0.1
            done
            echo "$1 never said $2"
        }
        finish() {
            wait "$(<"/dev/shm/$1.pid")"
            local status=$?
            say begin "$1"
            cat "/dev/shm/$1"
            say status $status
        }
        note() {
            say begin "$1"
            "${@:2}"
            say status $?
        }

        """

    private static func parse(_ output: String) -> [String: Boot] {
        var boots: [String: Boot] = [:]
        var name: String?
        var lines: [String] = []
        for line in output.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            let words = line.split(separator: " ")
            if words.first == "@@@", words.count == 3 {
                if words[1] == "begin" {
                    name = String(words[2])
                    lines = []
                } else if let name {
                    boots[name] = Boot(status: Int32(words[2]) ?? -1, lines: lines)
                }
            } else {
                lines.append(String(line))
            }
        }
        return boots
    }
}

/// One boot in the lab.
struct Boot: CustomStringConvertible {
    let status: Int32
    let lines: [String]

    /// What follows `key=` on a line of the guest's.
    subscript(key: String) -> String? {
        lines.first { $0.hasPrefix(key + "=") }.map { String($0.dropFirst(key.count + 1)) }
    }

    func says(_ text: String) -> Bool { lines.contains { $0.contains(text) } }

    var description: String { "status \(status)\n" + lines.suffix(30).joined(separator: "\n") }
}

/// A kernel of Debian's and an initramfs for it.
struct DebianKernel {
    let version: String

    func path(_ form: String) -> String { "build/kernels/debian-\(version)/\(form)" }
    var initramfs: String { "build/lab/initramfs-\(version).cpio" }

    private static let lock = NSLock()

    /// Packs the initramfs unless it is younger than all that it is made of.
    func prepare() throws {
        let sources = [path("release"), "scripts/initramfs.sh", "Tests/Lab/guest-init"]
        let modules = [
            "virtio_mmio", "virtio_console", "virtio_blk", "virtio_rng", "pvpanic-mmio", "pvpanic",
        ]
        let script = """
            cd "$0"
            for source in \(sources.joined(separator: " ")); do [ \(initramfs) -nt "$source" ] || stale=yes; done
            [ -z "${stale-}" ] || scripts/initramfs.sh \(path("")) Tests/Lab/guest-init \(initramfs) \
            \(modules.joined(separator: " "))
            """
        let run = try Self.lock.withLock { try ProgramRun(["bash", "-euc", script, Package.root]) }
        try #require(run.status == 0, "\(run.error)")
    }
}

/// What a guest runs to say what machine it found itself in. No double quotes: the kernel takes them for its
/// own.
enum Question {
    static let machine = """
        echo kernel=$(uname -r); echo cpus=$(nproc); \
        echo packages=$(cat /sys/devices/system/cpu/cpu*/topology/physical_package_id | sort -u | wc -l); \
        echo memory=$(awk '/MemTotal/ { print $2 }' /proc/meminfo); \
        echo random=$(cat /sys/class/misc/hw_random/rng_current)
        """

    /// Fills each disk of `names` with 4 MiB that nobody knows beforehand, flushes them, and tells their
    /// sums.
    static func disks(_ names: [String]) -> String {
        names.map { name in
            "dd if=/dev/urandom of=/dev/\(name) bs=65536 count=64 conv=fsync 2>/dev/null; "
                + "echo 3 >/proc/sys/vm/drop_caches; echo \(name)=$(sha256sum </dev/\(name) | cut -c1-64)"
        }.joined(separator: "; ")
    }

    /// As words for --append.
    static func append(_ line: String) -> String { "quiet -- \"\(line)\"" }

    /// Quoted for the lab's shell.
    static func quoted(_ text: String) -> String {
        "'" + text.replacingOccurrences(of: "'", with: "'\\''") + "'"
    }
}
