import Glibc
import Host
import SystemPackage

/// A file without a name: gone when the process is, however that ends.
struct ScratchFile: ~Copyable {
    let descriptor: OwnedDescriptor
    private let complaint: String
    private var byteCount: UInt64 = 0

    /// Makes it on the file system of `directory`.
    init(in directory: String) throws(Failure) {
        complaint = "cannot unpack an archive into \(directory)"
        let path = "\(directory)/.scratch-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        let flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC
        do throws(Errno) {
            descriptor = OwnedDescriptor(owning: try hostCall { unsafe open(path, flags, 0o600) })
        } catch {
            throw Failure(complaint, errno: error)
        }
        unsafe unlink(path)
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        var rest = unsafe bytes
        while unsafe !rest.isEmpty {
            let count: Int
            do throws(Errno) {
                count = try hostCall { unsafe write(descriptor.rawValue, rest.baseAddress, rest.count) }
            } catch {
                throw Failure(
                    complaint, errno: error,
                    cure: error == .noSpace ? "Make room there, or unpack the archive yourself." : nil)
            }
            unsafe rest = rest.rest(after: count)
        }
    }
}
