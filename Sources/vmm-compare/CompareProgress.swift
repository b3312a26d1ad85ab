import Host

/// The progress of a comparison, on standard error: on a terminal one line that changes, otherwise a line for
/// each kind of work.
final class CompareProgress {
    private let isTerminal = Terminal.isTerminal(2)
    private var last = ""

    func show(_ what: String, _ part: String, _ share: Double) {
        if isTerminal {
            let percent = share > 0 ? "\(Int(share * 100)) % " : ""
            StandardError.write("\r\u{1B}[Kvmm: \(percent)\(what)\(part.isEmpty ? "" : ": \(part)")")
        } else if what != last {
            StandardError.write("vmm: \(what)\n")
        }
        last = what
    }

    func clear() {
        if isTerminal, !last.isEmpty { StandardError.write("\r\u{1B}[K") }
    }
}
