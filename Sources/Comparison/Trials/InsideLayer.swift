import Host
import Measure
import SystemPackage

/// The layer that is added to the image: this executable, the idle program, and small files to read.
struct InsideLayer {
    private static let program = "/proc/self/exe"

    /// Makes the layer. This executable is added only if it is static, because only a static one runs in any
    /// image.
    static func make(in workspace: Workspace) throws(Failure) -> String {
        let layer = try workspace.directory("inside")
        try Workspace.makeDirectories(layer + Work.smallFiles)
        try WholeFile.write(IdleProgram.bytes, to: layer + InsideProgram.idle, mode: 0o755)
        if isStatic() { try FileCopy.copy(program, to: layer + InsideProgram.program, mode: 0o755) }
        for index in 0..<Work.smallFileCount {
            try WholeFile.write(
                [UInt8](repeating: UInt8(index % 256), count: 512), to: "\(layer)\(Work.smallFiles)/\(index)")
        }
        return layer
    }

    /// Whether this executable has no interpreter (PT_INTERP).
    static func isStatic() -> Bool {
        var header = [UInt8](repeating: 0, count: 4096)
        guard let file = try? FileDescriptor.open(FilePath(program), .readOnly, options: .closeOnExec) else {
            return false
        }
        defer { try? file.close() }
        _ = unsafe try? header.withUnsafeMutableBytes { unsafe try file.read(into: $0) }
        func little(_ offset: Int, _ count: Int) -> Int {
            (0..<count).reduce(0) {
                $0 | (offset + $1 < header.count ? Int(header[offset + $1]) << (8 * $1) : 0)
            }
        }
        let (start, size, count) = (little(32, 4), little(54, 2), little(56, 2))
        return !(0..<count).contains { little(start + $0 * size, 4) == 3 }
    }
}
