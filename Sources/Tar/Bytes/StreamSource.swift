import Glibc
import Host
import Layers
import SystemPackage

/// The bytes of a pipe, a FIFO or a socket, which can be read only once and in order.
struct StreamSource: ByteSource, ~Copyable {
    let complaint: String
    private let file: OwnedDescriptor
    private let buffer = ByteBuffer()

    /// Opens the file at `path`; waits for a writer if it is a FIFO without one. `role` is its purpose, for
    /// messages ("layer").
    init(opening path: String, as role: String) throws(Failure) {
        complaint = "cannot read the \(role) \(path)"
        do throws(Errno) {
            file = try Self.open(path)
        } catch {
            throw Failure(complaint, errno: error)
        }
    }

    /// Opens a path. Duplicates standard input's descriptor, because a socket cannot be opened by its path.
    private static func open(_ path: String) throws(Errno) -> OwnedDescriptor {
        guard path == "/dev/stdin" else { return try OwnedDescriptor(opening: path, for: .reading) }
        return OwnedDescriptor(owning: try hostCall { fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) })
    }

    /// Whether the bytes at `path` can be read only once.
    static func isStream(_ path: String) -> Bool {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return false }
        return [S_IFIFO, S_IFSOCK].contains(status.st_mode & S_IFMT)
    }

    mutating func next() throws(Failure) -> UnsafeRawBufferPointer {
        do throws(Errno) {
            let count = try hostCall {
                unsafe read(file.rawValue, buffer.bytes.baseAddress, buffer.bytes.count)
            }
            return unsafe buffer.prefix(count)
        } catch {
            throw Failure(complaint, errno: error)
        }
    }
}
