import CHost
import Glibc
import Host
import SystemPackage

/// A reader for the bytes of a regular file that keeps its holes.
struct TreeContent: ~Copyable {
    private let buffer = ByteBuffer()
    private var holes = HoleFinder()

    /// Passes on the file that is open as `descriptor` and has `byteCount` bytes.
    mutating func pass(
        _ descriptor: borrowing OwnedDescriptor, _ byteCount: UInt64, _ file: TreeFile,
        into sink: inout some LayerSink
    ) throws(Failure) {
        var offset: UInt64 = 0
        while offset < byteCount {
            let data = try seek(descriptor, from: offset, to: SEEK_DATA, file).map { min($0, byteCount) }
            if (data ?? byteCount) > offset { try sink.appendHole(byteCount: (data ?? byteCount) - offset) }
            guard let data, data < byteCount else { return }
            let end = try seek(descriptor, from: data, to: SEEK_HOLE, file).map { min($0, byteCount) }
            try pass(descriptor, data, end ?? byteCount, file, into: &sink)
            offset = end ?? byteCount
        }
    }

    /// Returns the offset of the next data or the next hole; nil if there is none before the file's end.
    private func seek(
        _ descriptor: borrowing OwnedDescriptor, from offset: UInt64, to what: Int32, _ file: TreeFile
    ) throws(Failure) -> UInt64? {
        let result = lseek(descriptor.rawValue, off_t(clamping: offset), what)
        if result >= 0 { return max(offset, UInt64(result)) }
        switch Errno.current {
        case .noSuchAddressOrDevice: return nil
        // A file system without holes has data everywhere.
        case .invalidArgument: return what == SEEK_DATA ? offset : nil
        default: throw file.failure(.current)
        }
    }

    private mutating func pass(
        _ descriptor: borrowing OwnedDescriptor, _ start: UInt64, _ end: UInt64, _ file: TreeFile,
        into sink: inout some LayerSink
    ) throws(Failure) {
        holes.start(at: start)
        var offset = start
        while offset < end {
            let count = try read(descriptor, offset, end, file)
            unsafe try holes.pass(buffer.prefix(count), into: &sink)
            offset += UInt64(count)
        }
        try holes.finish(into: &sink)
    }

    private func read(
        _ descriptor: borrowing OwnedDescriptor, _ offset: UInt64, _ end: UInt64, _ file: TreeFile
    ) throws(Failure) -> Int {
        let wanted = unsafe Int(min(end - offset, UInt64(buffer.bytes.count)))
        let number = descriptor.rawValue
        let count: Int
        do throws(Errno) {
            count = try hostCall {
                unsafe pread(number, buffer.bytes.baseAddress, wanted, off_t(clamping: offset))
            }
        } catch {
            throw file.failure(error)
        }
        guard count > 0 else { throw file.failure(because: "it was truncated while it was read") }
        return count
    }
}
