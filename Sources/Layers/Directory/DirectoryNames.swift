import Glibc
import Host
import SystemPackage

/// The names in a directory.
enum DirectoryNames {
    /// Reads all names except `.` and `..`, sorted by their bytes. The caller keeps the descriptor.
    static func read(_ directory: borrowing OwnedDescriptor) throws(Errno) -> [[UInt8]] {
        let copy = fcntl(directory.rawValue, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw .current }
        guard let stream = unsafe fdopendir(copy) else {
            let cause = Errno.current
            close(copy)
            throw cause
        }
        defer { unsafe closedir(stream) }
        // The copy shares the position of the original.
        unsafe rewinddir(stream)
        return unsafe try names(stream).sorted { $0.lexicographicallyPrecedes($1) }
    }

    private static func names(_ stream: OpaquePointer) throws(Errno) -> [[UInt8]] {
        var names: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(stream) else {
                if errno != 0 { throw .current }
                return names
            }
            let name = unsafe Self.name(entry)
            if !name.elementsEqual(".".utf8), !name.elementsEqual("..".utf8) { names.append(name) }
        }
    }

    private static func name(_ entry: UnsafeMutablePointer<dirent>) -> [UInt8] {
        // The declared size of the array at the structure's end is not the size of the name.
        let start = unsafe UnsafeRawPointer(entry) + MemoryLayout<dirent>.offset(of: \.d_name)!
        let byteCount = unsafe strlen(start.assumingMemoryBound(to: CChar.self))
        return unsafe Array(UnsafeRawBufferPointer(start: start, count: byteCount))
    }
}

/// A file name for system calls: its bytes and a zero byte.
struct SystemName {
    private let text: [CChar]

    /// Makes the name. `name` must not contain a zero byte.
    init(_ name: some Sequence<UInt8>) {
        text = name.map(CChar.init(bitPattern:)) + [0]
    }

    var bytes: some Collection<UInt8> { text.dropLast().lazy.map(UInt8.init(bitPattern:)) }

    func with<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        unsafe text.withUnsafeBufferPointer { unsafe body($0.baseAddress!) }
    }
}
