import Host
import Synchronization

/// The form in which an import shows its progress on standard error.
public enum ProgressStyle: Hashable, Sendable {
    case silent
    /// One line that is overwritten.
    case line
    /// A line for each step.
    case plain

    /// A line on a terminal, and no output elsewhere.
    public static var automatic: ProgressStyle { Terminal.isTerminal(2) ? .line : .silent }
}

/// A printer that writes the progress of an import on standard error.
struct ProgressPrinter {
    let style: ProgressStyle
    private var shown = ""
    private var start = MonotonicTime.now()

    init(style: ProgressStyle) {
        self.style = style
    }

    mutating func show(_ session: ImportSession) {
        let state = session.state.withLock { $0 }
        let done = session.doneByteCount.load(ordering: .relaxed)
        switch style {
        case .silent: return
        case .plain: showStep(state)
        case .line: showLine(state, done)
        }
    }

    /// Prints the last step, which may have been too short to be seen, and removes the line.
    mutating func finish(_ session: ImportSession) {
        if style == .plain { show(session) }
        clear()
    }

    /// Removes the line.
    mutating func clear() {
        if style == .line, !shown.isEmpty { StandardError.write("\r\u{1B}[K") }
        shown = ""
    }

    private mutating func showStep(_ state: ImportSession.State) {
        var text = "vmm: \(state.title)"
        if let note = state.note {
            text += ": \(note)"
        } else if state.layerCount > 0 {
            text += ": layer \(state.layersBegun) of \(state.layerCount)"
        }
        guard text != shown else { return }
        shown = text
        StandardError.write(text + "\n")
    }

    private mutating func showLine(_ state: ImportSession.State, _ done: UInt64) {
        var text = state.title
        if let note = state.note {
            text += ": \(note)"
        } else {
            if state.layerCount > 0 { text += ": layer \(state.layersBegun) of \(state.layerCount)" }
            if done > 0 { text += ", \(figures(done, of: state.byteCount))" }
        }
        let columns = Int(Terminal.size(of: 2)?.columns ?? 80)
        text = String(text.prefix(columns - 1))
        guard text != shown else { return }
        shown = text
        StandardError.write("\r\(text)\u{1B}[K")
    }

    private func figures(_ done: UInt64, of total: UInt64) -> String {
        let milliseconds = max(1, (MonotonicTime.now().nanoseconds &- start.nanoseconds) / 1_000_000)
        let perSecond = done.multipliedReportingOverflow(by: 1000).partialValue / milliseconds
        let all = total > 0 ? " of \(ByteCount.text(total))" : ""
        return "\(ByteCount.text(done))\(all), \(ByteCount.text(perSecond))/s"
    }
}
