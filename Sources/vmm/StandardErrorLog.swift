import Host
import Logging

/// A log handler that writes to standard error, in lines short enough for a terminal.
struct StandardErrorLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        // `post` writes on another thread: the caller may be a vCPU's thread or the event loop's.
        StandardError.post("vmm: \(event.level): \(event.message)\n")
    }

    /// Makes a logger of the level `name`.
    static func logger(level name: String) throws(Failure) -> Logger {
        guard let level = Logger.Level(rawValue: name) else {
            let names = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw Failure(.usage, "cannot log at level \(name)", because: "the levels are \(names)")
        }
        return Logger(label: "vmm") { _ in StandardErrorLog(logLevel: level) }
    }
}
