import Glibc
import Host
import SystemPackage

/// A regular file that a user named, a kernel or an initramfs, or a section of such a file.
struct InputFile: ~Copyable {
    let descriptor: OwnedDescriptor
    /// The offset in the descriptor's file at which this file begins: 0, except for a section.
    let start: UInt64
    let byteCount: UInt64
    /// Whether only root and the monitor's user may change the file. Any other file is copied and never
    /// mapped: another user could cut it off (SIGBUS), or change the code of a running guest.
    let isSettled: Bool
    /// The beginning of every failure about the file: "cannot use the kernel /boot/vmlinuz".
    let complaint: String

    /// Opens `path`. `role` is the kind of file that is expected ("kernel").
    init(_ path: String, as role: String) throws(Failure) {
        let complaint = "cannot use the \(role) \(path)"
        let descriptor = try Self.open(path, complaint, role)
        let status = try Self.status(of: descriptor.rawValue, complaint, role)
        start = 0
        byteCount = UInt64(status.st_size)
        isSettled =
            (status.st_uid == 0 || status.st_uid == geteuid()) && status.st_mode & (S_IWGRP | S_IWOTH) == 0
        self.complaint = complaint
        self.descriptor = descriptor
    }

    /// Makes a file of the `byteCount` bytes of `file` from `offset` on. `file` must have those bytes.
    private init(
        _ file: borrowing InputFile, at offset: UInt64, byteCount: UInt64, complaint: String
    ) throws(Failure) {
        let number = fcntl(file.descriptor.rawValue, F_DUPFD_CLOEXEC, 0)
        guard number >= 0 else { throw Failure(complaint, errno: .current) }
        descriptor = OwnedDescriptor(owning: number)
        // Both numbers are below the size of a file.
        start = file.start &+ offset
        self.byteCount = byteCount
        isSettled = file.isSettled
        self.complaint = complaint
    }

    /// Makes a file of the section `name`. Throws if `offset` and `byteCount` go beyond the end of the file.
    func section(_ name: String, at offset: UInt64, byteCount: UInt64) throws(Failure) -> InputFile {
        let (end, overflow) = offset.addingReportingOverflow(byteCount)
        guard !overflow, end <= self.byteCount else {
            throw refused(
                "it ends before its section \(name) does: it is truncated",
                cure: "Build, copy or download it again.")
        }
        return try InputFile(
            self, at: offset, byteCount: byteCount, complaint: "\(complaint) (section \(name))")
    }

    private static func open(
        _ path: String, _ complaint: String, _ role: String
    ) throws(Failure) -> OwnedDescriptor {
        do throws(Errno) {
            // Opening a FIFO without a writer must not block; for a regular file the flag has no effect.
            return try OwnedDescriptor(opening: path, for: .reading, flags: O_NONBLOCK)
        } catch {
            throw Failure(complaint, errno: error, cure: cure(for: error, role))
        }
    }

    private static func status(
        of descriptor: Int32, _ complaint: String, _ role: String
    ) throws(Failure) -> stat {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw Failure(complaint, errno: .current) }
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR:
            throw Failure(
                .badInput, complaint, because: "it is a directory", cure: "Name the file in it.")
        default:
            throw Failure(.badInput, complaint, because: "it is not a regular file")
        }
        guard status.st_size > 0 else {
            throw Failure(
                .badInput, complaint, because: "it is empty", cure: "Build or download the \(role) again.")
        }
        return status
    }

    private static func cure(for error: Errno, _ role: String) -> String? {
        switch error {
        case .noSuchFileOrDirectory, .notDirectory: "Check the path of the \(role)."
        case .permissionDenied, .notPermitted: "Make the file and the directories above it readable for you."
        default: nil
        }
    }

    /// Reads up to `byteCount` bytes from `offset` on; fewer at the end of the file.
    func bytes(at offset: UInt64, byteCount: Int) throws(Failure) -> ImageBytes {
        guard offset < self.byteCount else { return ImageBytes(bytes: []) }
        let count = Int(min(UInt64(byteCount), self.byteCount - offset))
        var failure: Failure?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
            do throws(Failure) {
                done = unsafe try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return ImageBytes(bytes: bytes)
    }

    /// Fills `buffer` with the bytes from `offset` on, all of which must lie in the file. Returns the number
    /// of bytes, which is smaller only if the file was cut off meanwhile.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(Failure) -> Int {
        var done = 0
        while done < buffer.count {
            // The position is below the file's size, which is an off_t.
            let place = off_t(truncatingIfNeeded: start &+ offset) &+ off_t(done)
            let result = unsafe pread(
                descriptor.rawValue, buffer.baseAddress! + done, buffer.count - done, place)
            if result > 0 {
                done += result
            } else if result == 0 {
                break
            } else if errno != EINTR {
                throw Failure(complaint, errno: .current)
            }
        }
        return done
    }

    func refused(_ why: String, cure: String? = nil) -> Failure {
        Failure(.badInput, complaint, because: why, cure: cure)
    }
}
