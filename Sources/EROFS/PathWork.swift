import Layers

/// How many names the ways to files may lead over, on the average. One symbolic link leads over 2,000 names and its path over 40
/// links, so that an archive of a few megabytes could keep a CPU busy for hours; an honest archive's links are short.
struct PathWork {
    private static let namesPerEntry = 64
    /// For archives with few entries.
    private static let firstNames = 1 << 20

    private var rest = firstNames

    /// Adds what one more entry may take beside the `nameCount` names that it has itself.
    mutating func add(nameCount: Int = 0) {
        rest = min(rest &+ Self.namesPerEntry &+ nameCount, .max >> 1)
    }

    /// Passes a name.
    mutating func pass() throws(Damage) {
        guard rest > 0 else { throw Damage("its paths lead over too many names of symbolic links") }
        rest -= 1
    }
}
