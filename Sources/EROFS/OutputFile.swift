import Host
import Layers
import SystemPackage

/// A file that is written from start to end, in large pieces; some parts are skipped and filled in later.
///
/// Safe: only this value uses the buffer, which lives as long as it.
@safe
struct OutputFile: ~Copyable {
    private static let bufferByteCount = 1 << 20
    /// The length from which a run of zeroes becomes a hole in the file.
    private static let holeByteCount: UInt64 = 64 << 10

    private let file: FileDescriptor
    private let name: String
    private let budget: ImportBudget
    private let buffer: UnsafeMutableRawBufferPointer
    private var count = 0
    /// The offset of the buffer's first byte.
    private var start: UInt64 = 0

    /// Starts writing to `descriptor`. Output is charged to `budget`.
    init(_ descriptor: Int32, name: String, budget: ImportBudget) {
        file = FileDescriptor(rawValue: descriptor)
        self.name = name
        self.budget = budget
        unsafe buffer = .allocate(byteCount: Self.bufferByteCount, alignment: 4096)
    }

    deinit {
        unsafe buffer.deallocate()
    }

    /// The offset of the next byte.
    var offset: UInt64 { start + UInt64(count) }

    mutating func append(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        var rest = unsafe bytes
        while unsafe !rest.isEmpty {
            if count == 0, unsafe rest.count >= buffer.count {
                unsafe try write(rest, at: start)
                start += UInt64(rest.count)
                return
            }
            let part = unsafe rest.prefix(buffer.count - count)
            unsafe buffer[count...].copyBytes(from: part)
            unsafe count += part.count
            unsafe rest = unsafe UnsafeRawBufferPointer(rebasing: rest.dropFirst(part.count))
            if unsafe count == buffer.count { try flush() }
        }
    }

    mutating func append(_ bytes: [UInt8]) throws(Failure) {
        try unsafe bytes.span.bytes.withUnsafeBytes { (raw) throws(Failure) in unsafe try append(raw) }
    }

    mutating func append(zeroes byteCount: UInt64) throws(Failure) {
        guard byteCount < Self.holeByteCount else { return try skip(byteCount) }
        var rest = Int(byteCount)
        while rest > 0 {
            let part = unsafe min(rest, buffer.count - count)
            unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[count..<count + part]).initializeMemory(
                as: UInt8.self, repeating: 0)
            count += part
            rest -= part
            if unsafe count == buffer.count { try flush() }
        }
    }

    mutating func alignToBlock() throws(Failure) {
        try append(zeroes: (Erofs.blockByteCount - offset % Erofs.blockByteCount) % Erofs.blockByteCount)
    }

    /// Skips `byteCount` bytes, which are zero until they are written.
    mutating func skip(_ byteCount: UInt64) throws(Failure) {
        try flush()
        let (sum, overflow) = start.addingReportingOverflow(byteCount)
        guard !overflow, sum <= Erofs.imageByteLimit else { throw tooLarge }
        start = sum
    }

    /// Goes back to the end of the block at `offset`. All bytes behind it must have been skipped.
    mutating func giveBack(from offset: UInt64) throws(Failure) {
        try flush()
        start = min(start, offset.aligned(up: Erofs.blockByteCount) ?? start)
    }

    /// Writes the buffer, and ends the file here, at the end of a block.
    mutating func finish() throws(Failure) {
        try alignToBlock()
        try flush()
        guard start <= Erofs.imageByteLimit else { throw tooLarge }
        do {
            try file.resize(to: Int64(start))
        } catch {
            throw refused(error)
        }
    }

    private mutating func flush() throws(Failure) {
        guard count > 0 else { return }
        unsafe try write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: start)
        start += UInt64(count)
        count = 0
    }

    /// Writes at another offset: to a part that was skipped or already written.
    func write(_ bytes: [UInt8], at offset: UInt64) throws(Failure) {
        try unsafe bytes.span.bytes.withUnsafeBytes { (raw) throws(Failure) in
            unsafe try write(raw, at: offset)
        }
    }

    private func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(Failure) {
        guard offset <= Erofs.imageByteLimit else { throw tooLarge }
        try budget.write(UInt64(bytes.count), to: file.rawValue, complaint)
        do {
            unsafe try file.writeAll(toAbsoluteOffset: Int64(offset), bytes)
        } catch {
            throw refused(error)
        }
    }

    private func refused(_ error: any Error) -> Failure {
        let errno = error as? Errno ?? .ioError
        let cure = errno == .noSpace ? "Make room on the file system of the image store." : nil
        return Failure(complaint, errno: errno, cure: cure)
    }

    private var complaint: String { "cannot write \(name)" }

    private var tooLarge: Failure {
        Failure(.badInput, complaint, because: Erofs.imageTooLarge)
    }
}
