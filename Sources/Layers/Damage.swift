/// The reason why an image cannot be used. The caller that knows the image's name turns it into a `Failure`.
public struct Damage: Error, Hashable, Sendable {
    public let reason: String

    public init(_ reason: String) {
        self.reason = reason
    }

    /// The names of all layers need more memory than `TreeMemory` has.
    public static let tooManyFiles = Damage(
        "its layers have too many files for the memory limit, which allows some ten million in all")
}
