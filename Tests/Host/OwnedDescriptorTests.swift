import Foundation
import Host
import SystemPackage
import TestSupport
import Testing

@Suite("OwnedDescriptor")
struct OwnedDescriptorTests {
    /// Whether some process still holds the other end of a channel, by what poll(2) says of this one.
    private func hasReader(_ writeEnd: Int32) -> Bool {
        var waiting = pollfd(fd: writeEnd, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&waiting, 1, 0)
        return waiting.revents & Int16(POLLERR | POLLHUP) == 0
    }

    private func makeChannel() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        // A socket pair, because no program that another test starts meanwhile may inherit an end.
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        try #require(unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0)
        return (ends[0], ends[1])
    }

    @Test("the descriptor is closed when its owner ends, and not before")
    func closes() throws {
        let ends = try makeChannel()
        defer { close(ends.write) }
        do {
            let owner = OwnedDescriptor(owning: ends.read)
            #expect(owner.rawValue == ends.read)
            #expect(hasReader(ends.write))
        }
        #expect(!hasReader(ends.write))
    }

    @Test("a released descriptor stays open")
    func releases() throws {
        let ends = try makeChannel()
        defer { close(ends.write) }
        let number = OwnedDescriptor(owning: ends.read).release()
        #expect(number == ends.read)
        #expect(hasReader(ends.write))
        close(number)
        #expect(!hasReader(ends.write))
    }

    @Test("files are opened with the requested access, close-on-exec")
    func opens() throws {
        let file = try TemporaryFile([1, 2, 3])
        let reader = try OwnedDescriptor(opening: file.path, for: .reading)
        let writer = try OwnedDescriptor(opening: file.path, for: .readingAndWriting)
        #expect(fcntl(reader.rawValue, F_GETFL) & O_ACCMODE == O_RDONLY)
        #expect(fcntl(writer.rawValue, F_GETFL) & O_ACCMODE == O_RDWR)
        #expect(fcntl(reader.rawValue, F_GETFD) & FD_CLOEXEC == FD_CLOEXEC)
    }

    @Test("a close throws the error of close(2)")
    func failingClose() throws {
        let file = try TemporaryFile([1])
        try OwnedDescriptor(opening: file.path, for: .reading).close()
        // No process has so many descriptors.
        #expect(throws: Errno.badFileDescriptor) { try OwnedDescriptor(owning: .max).close() }
    }

    @Test("a file below a directory is opened, and a link out of the directory is refused")
    func beneath() throws {
        let directory = try TemporaryDirectory()
        let files = FileManager.default
        try files.createDirectory(atPath: directory.path("tree/below"), withIntermediateDirectories: true)
        try Data([1]).write(to: URL(filePath: directory.path("secret")))
        try Data([2]).write(to: URL(filePath: directory.path("tree/below/file")))
        for (name, target) in [
            ("near", "below/file"), ("up", "../secret"), ("far", directory.path("secret")), ("out", ".."),
        ] {
            try files.createSymbolicLink(
                atPath: directory.path("tree/" + name), withDestinationPath: target)
        }
        let tree = directory.path("tree")
        for name in ["below/file", "near", "below/../near"] {
            let descriptor = try OwnedDescriptor(opening: name, beneath: tree)
            var byte: UInt8 = 0
            #expect(unsafe read(descriptor.rawValue, &byte, 1) == 1 && byte == 2)
        }
        for name in ["up", "far", "out/secret", "../secret", directory.path("secret"), "/etc/passwd"] {
            #expect(throws: Errno.improperLink, "\(name)") {
                _ = try OwnedDescriptor(opening: name, beneath: tree)
            }
        }
        #expect(throws: Errno.noSuchFileOrDirectory) {
            _ = try OwnedDescriptor(opening: "missing", beneath: tree)
        }
    }

    @Test("a file that cannot be opened throws its errno and is not created")
    func refuses() throws {
        let path = try TemporaryFile().path
        #expect(throws: Errno.noSuchFileOrDirectory) {
            _ = try OwnedDescriptor(opening: path, for: .readingAndWriting)
        }
        #expect(throws: Errno.isDirectory) { _ = try OwnedDescriptor(opening: "/", for: .readingAndWriting) }
        #expect(unsafe access(path, F_OK) != 0)
    }

    @Test("one file at a time is closed after the process, if the kernel can do that")
    func closesLater() throws {
        let lock = try TemporaryFile()
        func guardian() throws -> OwnedDescriptor {
            try OwnedDescriptor(opening: lock.path, for: .readingAndWriting)
        }
        let (first, second) = try (makeChannel(), makeChannel())
        defer { for end in [first.write, second.write] { close(end) } }
        let guardOfFirst = try guardian()
        let isLater = OwnedDescriptor(owning: first.read).closesLater(guardOfFirst)
        #expect(hasReader(first.write) == isLater)
        let guardOfSecond = try guardian()
        let isSecondLater = OwnedDescriptor(owning: second.read).closesLater(guardOfSecond)
        #expect(!isSecondLater && !hasReader(second.write))
    }

    @Test("an interrupted call is repeated; any other errno is thrown")
    func calls() {
        var count = 0
        let result: Int32? = try? hostCall {
            count += 1
            errno = EINTR
            return count < 3 ? -1 : 7
        }
        #expect(result == 7)
        #expect(throws: Errno.badFileDescriptor) { try hostCall { close(-1) } }
    }
}

extension OwnedDescriptor {
    /// Whether the file will be closed after the process, once its owner is gone.
    fileprivate consuming func closesLater(_ guardian: borrowing OwnedDescriptor) -> Bool {
        closeAfterProcess(guardedBy: guardian)
    }
}
