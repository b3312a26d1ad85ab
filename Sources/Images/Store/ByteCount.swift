/// Sizes in units that people read.
public enum ByteCount {
    /// Formats a size in powers of 1,000 with at most three digits: "1.5 MB".
    public static func text(_ byteCount: UInt64) -> String {
        let units = ["bytes", "KB", "MB", "GB", "TB", "PB", "EB"]
        var (whole, rest, unit) = (byteCount, UInt64(0), 0)
        while whole >= 1000, unit < units.count - 1 {
            (whole, rest) = (whole / 1000, whole % 1000)
            unit += 1
        }
        guard unit > 0, whole < 100 else { return "\(whole) \(units[unit])" }
        return "\(whole).\(rest / 100) \(units[unit])"
    }
}
