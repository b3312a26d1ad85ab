import CHost
import Glibc
import Host
import SystemPackage

/// A reader for the extended attributes of files.
struct TreeAttributes: ~Copyable {
    /// XATTR_LIST_MAX and XATTR_SIZE_MAX.
    private static let byteLimit = 65536
    private let names = ByteBuffer(byteCount: byteLimit)
    private let value = ByteBuffer(byteCount: byteLimit)

    /// The attribute of SELinux labels. They express the policy of the host, not the file's.
    private static let hostLabel = "security.selinux"

    /// Reads the attributes of `file` that a layer keeps, sorted by name.
    func read(_ file: TreeFile) throws(Failure) -> [ExtendedAttribute] {
        // No system call takes a directory and a name without following a link; the kernel's links to
        // descriptors make it possible.
        let path = SystemName(Array("/proc/self/fd/\(file.directory)/".utf8) + file.name.bytes)
        var attributes: [ExtendedAttribute] = []
        for name in try list(path, file)
        where AttributeName.isKept(name) && !name.elementsEqual(Self.hostLabel.utf8) {
            guard let value = try value(of: name, path, file) else { continue }
            attributes.append(ExtendedAttribute(name: name, value: value))
        }
        return attributes.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }

    private func list(_ path: SystemName, _ file: TreeFile) throws(Failure) -> [[UInt8]] {
        let count = unsafe path.with {
            unsafe llistxattr(
                $0, names.bytes.baseAddress!.assumingMemoryBound(to: CChar.self), names.bytes.count)
        }
        if count < 0, Errno.current == .notSupported { return [] }
        guard count >= 0 else { throw file.failure(.current) }
        return unsafe names.prefix(count).split(separator: 0).map { unsafe Array($0) }
    }

    /// Reads a value. Returns nil if the attribute has been removed in the meantime.
    private func value(
        of name: [UInt8], _ path: SystemName, _ file: TreeFile
    ) throws(Failure) -> [UInt8]? {
        let count = unsafe path.with { path in
            unsafe SystemName(name).with {
                unsafe lgetxattr(path, $0, value.bytes.baseAddress, value.bytes.count)
            }
        }
        if count < 0, Errno.current == .noData { return nil }
        guard count >= 0 else { throw file.failure(.current) }
        return unsafe Array(value.prefix(count))
    }
}
