import Host

/// Parses signals: `SIGTERM`, `term`, `15`, `RTMIN+3`. The numbers are those of x86-64.
enum SignalNumber {
    private static let names = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
        "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
        "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ]
    /// The first real-time signal that the C library leaves to programs, and the last.
    private static let (realTimeFirst, realTimeLast) = (34, 64)

    /// Returns the number of the signal `text`. `option` is the source of `text`, for the error message.
    static func parse(_ text: String, for option: String) throws(Failure) -> UInt8 {
        if let number = UInt8(text), (1...64).contains(number) { return number }
        var name = text.uppercased()
        if name.hasPrefix("SIG") { name.removeFirst(3) }
        for (index, known) in names.enumerated() where known == name { return UInt8(index + 1) }
        if let number = realTime(name) { return UInt8(number) }
        throw .invalid(
            text, for: option, because: "no such signal",
            cure: "Write a name such as SIGTERM or a number from 1 to 64.")
    }

    private static func realTime(_ name: String) -> Int? {
        if name == "RTMIN" { return realTimeFirst }
        if name == "RTMAX" { return realTimeLast }
        let span = realTimeLast - realTimeFirst
        guard let offset = UInt8(name.dropFirst(6)).map(Int.init), offset <= span else { return nil }
        if name.hasPrefix("RTMIN+") { return realTimeFirst + offset }
        return name.hasPrefix("RTMAX-") ? realTimeLast - offset : nil
    }
}
