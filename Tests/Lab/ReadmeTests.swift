import Foundation
import TestSupport
import Testing

/// The first thing that a reader sees is what he will try.
@Suite("README.md in the lab")
struct ReadmeTests {
    /// `alpine` and `debian:12` are in the store, for there are no registries in the lab: a busybox under the
    /// one name, a Debian 12 under the other. `prompts NAME PROMPT N` waits until there has been a prompt for
    /// the Nth time.
    private static let preamble = """
        export PATH=$PWD/build:$PATH VMM_STORE=$PWD/build/images/store
        root=/dev/shm/root
        mkdir -p $root/{bin,dev,etc,proc,sys,tmp}
        cp /bin/busybox $root/bin/
        for name in $(busybox --list); do [ -e $root/bin/$name ] || ln -s busybox $root/bin/$name; done
        vmm image import --quiet rootfs:$root --name alpine
        prompts() {
            local round
            for round in {1..1200}; do
                [ "$(grep -Eo -- "$2" "/dev/shm/$1" | wc -l)" -ge "$3" ] && return
                sleep 0.1
            done
        }

        """

    private static let debian = """
        cd "$0"
        scripts/debian-image.sh build/images/debian
        export VMM_STORE=$PWD/build/images/store
        build/vmm image import --quiet oci:build/images/debian:latest --name debian:12
        """

    @Test("what its first block shows is what happens")
    func transcript() throws {
        let block = try #require(try Document("README.md").blocks.first)
        let sessions = ShownSession.all(block)
        try #require(sessions.contains { $0.typed.isEmpty } && sessions.contains { !$0.typed.isEmpty })
        let imported = try ProgramRun(["bash", "-euc", Self.debian, Package.root], seconds: 1200)
        try #require(imported.status == 0, "\(imported.error)")
        let script = sessions.enumerated().map { $1.script("session\($0)") }.joined(separator: "\n")
        let boots = try Lab.run(Self.preamble + script, seconds: 2000)
        for (index, session) in sessions.enumerated() {
            let boot = try #require(boots["session\(index)"], "\(session.command)")
            #expect(boot.status == 0, "\(session.command): \(boot)")
            session.expect(boot.lines)
        }
    }

    /// Numbers differ from one run to the next, and how many columns they take.
    @Test("make demo says what is shown below it")
    func demo() throws {
        let blocks = try Document("README.md").blocks
        let index = try #require(blocks.firstIndex { $0.hasPrefix("make demo") })
        let run = try Lab.attempt { try ProgramRun.make("demo", made: "build/vmm", seconds: 900) }
        #expect(run.status == 0, "\(run.error)")
        var lines = Self.shapes(blocks[index + 1])
        // What the monitor itself says is on the other stream.
        #expect(lines.contains { $0.hasPrefix("vmm: ") })
        let said = Self.shapes(run.error)
        for line in lines where line.hasPrefix("vmm: ") { #expect(said.contains(line), "\(run.error)") }
        lines.removeAll { $0.hasPrefix("vmm: ") }
        // Where there is hardware virtualization it says so, and has no need of the lab.
        if run.output.contains("on this machine's KVM") {
            lines.removeAll { $0.hasPrefix("demo: ") || $0.hasPrefix("ran ") }
        }
        Self.expect(lines, in: Self.shapes(run.output))
    }

    /// `lines` are those of `shown`, where "..." stands for any number of lines.
    private static func expect(_ lines: [String], in shown: [String]) {
        var rest = shown[...]
        for piece in lines.split(separator: "...") {
            guard let start = rest.indices.first(where: { rest[$0...].starts(with: piece) }) else {
                Issue.record("\(piece) is not in \(rest)")
                return
            }
            rest = rest[(start + piece.count)...]
        }
        #expect(rest.isEmpty, "what follows the last line")
    }

    /// Lines that are not empty, with N for each number, and one space where there are some.
    private static func shapes(_ text: String) -> [String] {
        text.split(whereSeparator: \.isNewline).map {
            $0.replacing(/[0-9]+/, with: "N").replacing(/\s+/, with: " ").trimmingCharacters(in: .whitespaces)
        }.filter { !$0.isEmpty }
    }

    @Test("make lab runs a command, with a status of its own")
    func lab() throws {
        let run = try Lab.attempt {
            try ProgramRun.make(
                "lab", "CMD=echo $((6 * 7)) on $(ls /dev/kvm); exit 3", made: "none", seconds: 900)
        }
        #expect(run.output == "42 on /dev/kvm\n" && run.error.contains("Error 3"), "\(run)")
    }
}

/// A command that a document shows after `$ `, and the lines below it: what it says, and where it asks with a
/// prompt, what is typed there.
private struct ShownSession {
    let command: String
    private(set) var lines: [String] = []

    static func all(_ block: String) -> [ShownSession] {
        var sessions: [ShownSession] = []
        for line in block.split(separator: "\n") {
            if line.hasPrefix("$ ") {
                sessions.append(ShownSession(command: String(line.dropFirst(2))))
            } else if !sessions.isEmpty {
                sessions[sessions.count - 1].lines.append(String(line))
            }
        }
        return sessions
    }

    /// Prompts and what is typed at them.
    var typed: [(prompt: String, words: String)] {
        lines.compactMap { line in
            line.wholeMatch(of: /([^ ]+@[^ ]+[#$] )(.+)/).map { (String($0.output.1), String($0.output.2)) }
        }
    }

    /// Runs the command in the lab, as it stands there; one that asks at a terminal of its own, until it is
    /// told to exit.
    func script(_ name: String) -> String {
        let quoted = Question.quoted(command)
        guard !typed.isEmpty else { return "note \(name) timeout -k 10 400 bash -c \(quoted)' 2>&1'" }
        var script = """
            mkfifo /dev/shm/keys
            exec 3<>/dev/shm/keys
            timeout -k 10 1200 script -qefc 'stty rows 24 columns 80; '\(quoted) /dev/null \
            </dev/shm/keys >/dev/shm/\(name) 2>&1 &
            echo $! >/dev/shm/\(name).pid

            """
        for (index, (prompt, words)) in (typed + [(typed[0].prompt, "exit")]).enumerated() {
            script += "prompts \(name) \(Question.quoted(Self.pattern(prompt))) \(index + 1)\n"
            script += "printf '%s\\r' \(Question.quoted(words)) >&3\n"
        }
        return script + "exec 3>&-; rm /dev/shm/keys\nfinish \(name)\n"
    }

    /// Holds what was shown there against what is shown here.
    func expect(_ shown: [String]) {
        let shown = shown.map { $0.replacing(/\u{1B}\[[?0-9;]*[A-Za-z]/, with: "") }.filter { !$0.isEmpty }
        for (line, there) in zip(lines, shown) {
            let isSame = there.range(of: "^" + Self.pattern(line) + "$", options: .regularExpression) != nil
            #expect(isSame, "'\(line)' in README.md is '\(there)' in the lab")
        }
        // A session at a prompt goes on with the exit that no document shows.
        #expect(
            typed.isEmpty ? shown.count == lines.count : shown.count > lines.count, "\(command): \(shown)")
    }

    /// `line` as a regular expression, for grep -E too: only a container's own host name and the third number
    /// of a kernel's version may be others.
    private static func pattern(_ line: String) -> String {
        if let version = line.wholeMatch(of: /([0-9]+)\.([0-9]+)\.[0-9]+/) {
            return "\(version.output.1)\\.\(version.output.2)\\.[0-9]+"
        }
        let plain = line.map { "[]\\.*^$+?(){}|".contains($0) ? "\\\($0)" : "\($0)" }.joined()
        return plain.replacing(/@[0-9a-f]{12}:/, with: "@[0-9a-f]{12}:")
    }
}
