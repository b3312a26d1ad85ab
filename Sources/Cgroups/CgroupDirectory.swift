import Glibc
import Host
import SystemPackage

/// Operations on the directories of a cgroup hierarchy.
enum CgroupDirectory {
    /// Writes `text` to a cgroup's file in a single write(2), as the kernel requires.
    static func write(_ text: String, to path: String) throws(Errno) {
        let file = try OwnedDescriptor(opening: path, for: .readingAndWriting)
        var text = text
        let count = try hostCall {
            text.withUTF8 { unsafe Glibc.write(file.rawValue, $0.baseAddress, $0.count) }
        }
        guard count == text.utf8.count else { throw .ioError }
    }

    /// Returns the words of a cgroup's file; none if the file cannot be read.
    static func words(_ path: String) -> [String] {
        let bytes = (try? WholeFile.read(path, upTo: 64 << 10)) ?? []
        return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace).map(String.init)
    }

    /// Makes a cgroup. Succeeds if it exists already.
    static func make(_ path: String) throws(Errno) {
        do throws(Errno) {
            _ = try hostCall { unsafe mkdir(path, 0o755) }
        } catch {
            guard error == .fileExists else { throw error }
        }
    }

    /// Enables `controllers` for the children of `group` (cgroup.subtree_control). Returns those that were
    /// not enabled before.
    static func give(_ controllers: [String], in group: String) throws(Errno) -> [String] {
        let given = words(group + "/cgroup.subtree_control")
        let missing = controllers.filter { !given.contains($0) }
        if !missing.isEmpty { try change(missing, "+", in: group) }
        return missing
    }

    /// Disables `controllers` for the children of `group`.
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

    /// Returns the names of the cgroups in `path`.
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
