import Foundation

/// A directory that is gone with all its files when its owner is.
public final class TemporaryDirectory: Sendable {
    public let path: String

    public init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "vmm-test-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    /// The path of a name in it.
    public func path(_ name: String) -> String { "\(path)/\(name)" }

    /// All that is below it, or below `name` in it: paths, sorted.
    public func tree(_ name: String = "") -> [String] {
        (FileManager.default.subpaths(atPath: name.isEmpty ? path : path(name)) ?? []).sorted()
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
