import Layers

/// A limit on the names in the paths to files, on average per entry. One symbolic link may lead over 2,000
/// names, and its path over 40 links, so an archive of a few megabytes could keep a CPU busy for hours. Real
/// archives have short links.
struct PathWork {
    private static let namesPerEntry = 64
    /// The allowance for archives with few entries.
    private static let firstNames = 1 << 20

    private var rest = firstNames

    /// Adds the allowance for an entry, beside its own `nameCount` names.
    mutating func add(nameCount: Int = 0) {
        rest = min(rest &+ Self.namesPerEntry &+ nameCount, .max >> 1)
    }

    /// Passes a name. Throws if the allowance is spent.
    mutating func pass() throws(Damage) {
        guard rest > 0 else { throw Damage("its paths pass through too many symbolic links") }
        rest -= 1
    }
}
