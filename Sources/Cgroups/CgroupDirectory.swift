import Glibc
import Host
import SystemPackage

/// The directories of a hierarchy of cgroups.
enum CgroupDirectory {
    /// Writes to the file of a group, in one piece, as the kernel wants it.
    static func write(_ text: String, to path: String) throws(Errno) {
        let file = try OwnedDescriptor(opening: path, for: .readingAndWriting)
        var text = text
        let count = try hostCall {
            text.withUTF8 { unsafe Glibc.write(file.rawValue, $0.baseAddress, $0.count) }
        }
        guard count == text.utf8.count else { throw .ioError }
    }

    /// The words of a group's file; none where it cannot be read.
    static func words(_ path: String) -> [String] {
        let bytes = (try? WholeFile.read(path, upTo: 64 << 10)) ?? []
        return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace).map(String.init)
    }

    /// Makes a group; one that is there already will do.
    static func make(_ path: String) throws(Errno) {
        do throws(Errno) {
            _ = try hostCall { unsafe mkdir(path, 0o755) }
        } catch {
            guard error == .fileExists else { throw error }
        }
    }

    /// Has `group` give `controllers` to the groups below it; those that it has not given so far.
    static func give(_ controllers: [String], in group: String) throws(Errno) -> [String] {
        let given = words(group + "/cgroup.subtree_control")
        let missing = controllers.filter { !given.contains($0) }
        if !missing.isEmpty { try change(missing, "+", in: group) }
        return missing
    }

    /// Has `group` give `controllers` no longer.
    static func take(_ controllers: [String], from group: String) throws(Errno) {
        try change(controllers, "-", in: group)
    }

    private static func change(
        _ controllers: [String], _ sign: String, in group: String
    ) throws(Errno) {
        try write(controllers.map { sign + $0 }.joined(separator: " "), to: group + "/cgroup.subtree_control")
    }

    static func remove(_ path: String) {
        unsafe rmdir(path)
    }

    /// The names of the groups in `path`.
    static func groups(in path: String) -> [String] {
        guard let directory = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            guard unsafe entry.pointee.d_type == UInt8(DT_DIR) else { continue }
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
