import Host

/// The layer that is added to the image: this executable, the idle program, and small files to read.
struct InsideLayer {
    private static let program = "/proc/self/exe"

    /// Makes the layer. This executable is added only if it is static, because only a static one runs in any
    /// image.
    static func make(in workspace: Workspace) throws(Failure) -> String {
        let layer = try workspace.directory("inside")
        try Files.makeDirectory(layer + Work.smallFiles)
        try Files.write(IdleProgram.bytes, to: layer + InsideProgram.idle, mode: 0o755)
        if isStatic() { try Files.copy(program, to: layer + InsideProgram.program, mode: 0o755) }
        for index in 0..<Work.smallFileCount {
            try Files.write(
                [UInt8](repeating: UInt8(index % 256), count: 512), to: "\(layer)\(Work.smallFiles)/\(index)")
        }
        return layer
    }

    /// Whether this executable has no interpreter (PT_INTERP).
    static func isStatic() -> Bool {
        guard let bytes = Files.bytes(program, limit: 65536), bytes.count > 64 else { return false }
        func little(_ offset: Int, _ count: Int) -> Int {
            (0..<count).reduce(0) {
                $0 | (offset + $1 < bytes.count ? Int(bytes[offset + $1]) << (8 * $1) : 0)
            }
        }
        let (start, size, count) = (little(32, 4), little(54, 2), little(56, 2))
        return !(0..<count).contains { little(start + $0 * size, 4) == 3 }
    }
}
