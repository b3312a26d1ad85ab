import Glibc
import Host
import SystemPackage

/// A regular file that a user named: a kernel or an initramfs.
struct InputFile: ~Copyable {
    let descriptor: OwnedDescriptor
    let byteCount: UInt64
    /// "cannot use the kernel /boot/vmlinuz": how every failure about it begins.
    let complaint: String

    /// Opens `path`; `role` says what it should be ("kernel").
    init(_ path: String, as role: String) throws(Failure) {
        let complaint = "cannot use the \(role) \(path)"
        let descriptor = try Self.open(path, complaint, role)
        byteCount = try Self.size(of: descriptor.rawValue, complaint, role)
        self.complaint = complaint
        self.descriptor = descriptor
    }

    private static func open(
        _ path: String, _ complaint: String, _ role: String
    ) throws(Failure) -> OwnedDescriptor {
        do throws(Errno) {
            // A FIFO without a writer must not keep us waiting; for a regular file the flag does nothing.
            return try OwnedDescriptor(opening: path, for: .reading, flags: O_NONBLOCK)
        } catch {
            throw Failure(complaint, errno: error, cure: cure(for: error, role))
        }
    }

    private static func size(
        of descriptor: Int32, _ complaint: String, _ role: String
    ) throws(Failure) -> UInt64 {
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
        return UInt64(status.st_size)
    }

    private static func cure(for error: Errno, _ role: String) -> String? {
        switch error {
        case .noSuchFileOrDirectory, .notDirectory: "Check the path of the \(role)."
        case .permissionDenied, .notPermitted: "Make the file and the directories above it readable for you."
        default: nil
        }
    }

    /// Up to `byteCount` bytes from `offset` on; fewer where the file ends.
    func bytes(at offset: UInt64, byteCount: Int) throws(Failure) -> ImageBytes {
        guard offset < self.byteCount, let start = off_t(exactly: offset) else {
            return ImageBytes(bytes: [])
        }
        let count = Int(min(UInt64(byteCount), self.byteCount - offset))
        var failure: Errno?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
            while done < count {
                let at = unsafe buffer.baseAddress! + done
                let result = unsafe pread(descriptor.rawValue, at, count - done, start + off_t(done))
                if result > 0 {
                    done += result
                } else if result == 0 {
                    return
                } else if errno != EINTR {
                    failure = .current
                    return
                }
            }
        }
        if let failure { throw Failure(complaint, errno: failure) }
        return ImageBytes(bytes: bytes)
    }

    func refused(_ why: String, cure: String? = nil) -> Failure {
        Failure(.badInput, complaint, because: why, cure: cure)
    }
}
