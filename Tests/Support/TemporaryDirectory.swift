import Foundation

/// A directory that is removed with all its files when its owner releases it.
public final class TemporaryDirectory: Sendable {
    public let path: String

    public init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "vmm-test-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    /// Returns the path of `name` in the directory.
    public func path(_ name: String) -> String { "\(path)/\(name)" }

    /// Lists all paths below the directory, or below `name` in it, sorted.
    public func tree(_ name: String = "") -> [String] {
        (FileManager.default.subpaths(atPath: name.isEmpty ? path : path(name)) ?? []).sorted()
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
