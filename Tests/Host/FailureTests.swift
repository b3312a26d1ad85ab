import Foundation
import Host
import SystemPackage
import TestSupport
import Testing

@Suite("Failure, WholeFile and Environment")
struct FailureTests {
    @Test("is one line, or two with a cure")
    func text() {
        let plain = Failure(.badInput, "cannot use the disk a.img", because: "it is empty")
        #expect(plain.description == "cannot use the disk a.img: it is empty")
        let cured = Failure(.host, "cannot open /dev/kvm", because: "no", cure: "Try again.")
        #expect(cured.description == "cannot open /dev/kvm: no\n  Try again.")
    }

    @Test("says nothing that a terminal obeys, whoever has named what it is about")
    func escapes() {
        let name = "a\u{1B}]0;title\u{7}\nb\u{9B}2J\u{202E}c"
        let failure = Failure(.badInput, "cannot use \(name)", because: "no \(name)", cure: "Rename \(name).")
        let text = "a?]0;title??b?2J?c"
        #expect(
            failure.description
                == "cannot use \(text): no \(text)\n  Rename a?]0;title?\nb?2J?c.")
    }

    @Test("has no more than 200 characters of what a stranger wrote, and shows how that begins and ends")
    func length() {
        let name = "BEGIN" + String(repeating: "n\u{301}\u{1B}", count: 100_000) + "END"
        let failure = Failure(
            .badInput, "cannot use \(name), which is there", because: "it has \(name) in it",
            cure: "Rename \(name)\n\(name).")
        let text = failure.description
        #expect(text.unicodeScalars.count <= 200 + 2 + 200 + 3 + 2 * 400 + 1)
        #expect(text.hasPrefix("cannot use BEGIN") && text.contains("which is there: it has BEGIN"))
        #expect(text.contains("END in it\n  Rename BEGIN"))
        #expect(name.printable.unicodeScalars.count == 200)
        #expect(name.printable.hasPrefix("BEGIN") && name.printable.hasSuffix("END"))
        let fits = String(repeating: "é", count: 200)
        #expect(fits.printable == fits && (fits + "x").printable != fits + "x")
        #expect(
            Failure(.usage, "a", because: "b", cure: String(repeating: "c\n", count: 1000)).description.count
                < 40)
    }

    @Test(
        "of a system call tells its kind from errno, and why in lower case",
        arguments: [
            (Errno.noSuchFileOrDirectory, Failure.Kind.missingInput, "no such file or directory"),
            (.isDirectory, .badInput, "is a directory"),
            (.notDirectory, .missingInput, "not a directory"),
            (.permissionDenied, .notPermitted, "permission denied"),
            (.notPermitted, .notPermitted, "operation not permitted"),
            (.noSpace, .host, "no space left on device"),
        ])
    func ofCall(errno: Errno, kind: Failure.Kind, why: String) {
        let failure = Failure("cannot open it", errno: errno)
        #expect(failure.kind == kind)
        #expect(failure.why == why)
    }

    @Test("has the exit statuses of sysexits.h")
    func statuses() {
        let kinds: [Failure.Kind] = [
            .usage, .badInput, .missingInput, .unavailable, .software, .host, .output, .inUse,
            .notPermitted,
        ]
        #expect(kinds.map(\.rawValue) == [64, 65, 66, 69, 70, 71, 74, 75, 77])
    }

    @Test("a whole file is made, or replaced to its last byte")
    func wholeFile() throws {
        let file = try TemporaryFile(Array("something much longer".utf8))
        try WholeFile.write("short\n", to: file.path)
        #expect(try file.bytes() == Array("short\n".utf8))
        let failure = #expect(throws: Failure.self) { try WholeFile.write("x", to: file.path + "/below") }
        #expect(failure?.what == "cannot write \(file.path)/below")
        #expect(failure?.kind == .missingInput)
    }

    @Test("a variable that is empty is not set")
    func environment() {
        unsafe setenv("VMM_TEST_VARIABLE", "yes", 1)
        #expect(Environment.has("VMM_TEST_VARIABLE"))
        unsafe setenv("VMM_TEST_VARIABLE", "", 1)
        #expect(!Environment.has("VMM_TEST_VARIABLE"))
        unsafe unsetenv("VMM_TEST_VARIABLE")
        #expect(!Environment.has("VMM_TEST_VARIABLE"))
    }
}

@Suite("MonotonicTime")
struct MonotonicTimeTests {
    @Test("never runs backwards")
    func order() {
        let times = (0..<1000).map { _ in MonotonicTime.now() }
        #expect(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 })
    }

    @Test("a process started before it could look at the clock, and after the one that started it")
    func processStart() async {
        let parent = MonotonicTime.now().nanoseconds
        await #expect(processExitsWith: .success) { [parent = parent as UInt64] in
            let now = MonotonicTime.now().nanoseconds
            let start = MonotonicTime.processStart().nanoseconds
            precondition(start < now, "the start is in the past")
            // The kernel counts it in ticks of 10 ms.
            precondition(start + 10_000_000 >= parent, "the start is after its parent looked")
        }
    }
}
