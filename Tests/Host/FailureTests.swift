import Foundation
import Host
import SystemPackage
import TestSupport
import Testing

@Suite("Failure, WholeFile and Environment")
struct FailureTests {
    @Test("a failure is one line, or two with a cure")
    func text() {
        let plain = Failure(.badInput, "cannot use the disk a.img", because: "it is empty")
        #expect(plain.description == "cannot use the disk a.img: it is empty")
        let cured = Failure(.host, "cannot open /dev/kvm", because: "no", cure: "Try again.")
        #expect(cured.description == "cannot open /dev/kvm: no\n  Try again.")
    }

    @Test("a failure contains no control characters, whatever a stranger's file is called")
    func escapes() {
        let name = "a\u{1B}]0;title\u{7}\nb\u{9B}2J\u{202E}c"
        let failure = Failure(.badInput, "cannot use \(name)", because: "no \(name)", cure: "Rename \(name).")
        let text = "a?]0;title??b?2J?c"
        #expect(
            failure.description
                == "cannot use \(text): no \(text)\n  Rename a?]0;title?\nb?2J?c.")
    }

    @Test("a failure shows at most 200 characters of a stranger's text: its beginning and its end")
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
        "the failure of a system call derives its kind and its reason from errno",
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

    @Test("the kinds of failures have the exit statuses of sysexits.h")
    func statuses() {
        let kinds: [Failure.Kind] = [
            .usage, .badInput, .missingInput, .unavailable, .software, .host, .output, .inUse,
            .notPermitted,
        ]
        #expect(kinds.map(\.rawValue) == [64, 65, 66, 69, 70, 71, 74, 75, 77])
    }

    @Test("a whole file is created, or replaced to its last byte")
    func wholeFile() throws {
        let file = try TemporaryFile(Array("something much longer".utf8))
        try WholeFile.write("short\n", to: file.path)
        #expect(try file.bytes() == Array("short\n".utf8))
        let failure = #expect(throws: Failure.self) { try WholeFile.write("x", to: file.path + "/below") }
        #expect(failure?.what == "cannot write \(file.path)/below")
        #expect(failure?.kind == .missingInput)
    }

    @Test("an empty variable counts as unset")
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
    @Test("the monotonic time never runs backwards")
    func order() {
        let times = (0..<1000).map { _ in MonotonicTime.now() }
        #expect(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 })
    }

    @Test("a process starts before its own first look at the clock and after its parent")
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
