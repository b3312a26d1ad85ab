import Foundation
import Host
import SystemPackage
import TestSupport
import Testing

@testable import Containers

@Suite("The input of a container's process")
struct InputPumpTests {
    /// The loop watches the descriptor already, so that epoll_ctl(2) fails with EEXIST: as with ENOSPC or
    /// ENOMEM, nobody knows whether a read would block. It must not be tried, for the pipe is empty.
    @Test("input that the host cannot watch is a failure")
    func cannotWatch() throws {
        let (pipe, loop) = (try TestPipe(), try EventLoop())
        try loop.watch(pipe.readEnd) {}
        let pump = InputPump(descriptor: pipe.readEnd, loop: loop) { _ in }
        let failure = #expect(throws: Failure.self) { try pump.start() }
        #expect(failure?.errno == .fileExists)
        pump.stop()
    }

    @Test("input that epoll refuses is read at once, because it never blocks")
    func regularFile() throws {
        let (file, loop, recorder) = (try TemporaryFile([1, 2, 3]), try EventLoop(), try TestRecorder())
        let descriptor = unsafe open(file.path, O_RDONLY | O_CLOEXEC)
        defer { close(descriptor) }
        let pump = InputPump(descriptor: descriptor, loop: loop) { recorder.record($0) }
        try pump.start()
        #expect(recorder.bytes == [1, 2, 3])
        pump.stop()
    }
}
