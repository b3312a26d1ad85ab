import CHost

/// Text for the user, beside what the guest prints.
public enum StandardError {
    /// Writes `text` and ends its lines as the terminal wants it: a raw one does not return the carriage by itself.
    public static func write(_ text: String) {
        let bytes = Array((Terminal.isRaw ? text.replacing("\n", with: "\r\n") : text).utf8)
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe CHost.write(2, $0.baseAddress, $0.count) }
            if count < 0, chost_errno() == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
