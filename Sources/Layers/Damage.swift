/// The reason why an image cannot be used. It becomes a `Failure` where the name of the image is known.
public struct Damage: Error, Hashable, Sendable {
    public let reason: String

    public init(_ reason: String) {
        self.reason = reason
    }

    /// The names of all layers take more memory than `TreeMemory` has.
    public static let tooManyFiles = Damage(
        "there are more files than there is memory for: ten million are too many, of all layers together")
}
