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

    static func logger(level: Logger.Level) -> Logger {
        Logger(label: "vmm") { _ in StandardErrorLog(logLevel: level) }
    }
}
