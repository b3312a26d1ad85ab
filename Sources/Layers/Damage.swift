/// The reason why an image cannot be used. The caller that knows the image's name turns it into a `Failure`.
public struct Damage: Error, Hashable, Sendable {
    public let reason: String

    public init(_ reason: String) {
        self.reason = reason
    }

    /// The names of all layers need more memory than `TreeMemory` has.
    public static let tooManyFiles = Damage(
        "there are more files than there is memory for: ten million are too many, of all layers together")
}
