/// What an image says of the container that is made of it (OCI image 1.1, config.md, `config`).
public struct ImageConfiguration: Hashable, Sendable {
    public var entrypoint: [String] = []
    public var command: [String] = []
    /// NAME=VALUE each.
    public var environment: [String] = []
    /// Empty where the image names none: `/`.
    public var workingDirectory = ""
    /// `user`, `uid`, `user:group`, `uid:gid`, and mixed; empty for root.
    public var user = ""
    /// A name as `SIGTERM` or a number; empty where the image names none.
    public var stopSignal = ""
    /// Paths in the container.
    public var volumes: [String] = []
    /// `port/tcp`, `port/udp` or `port`.
    public var exposedPorts: [String] = []

    public init() {}

    /// The words that the image's command line begins with: its entry point, or none if that is one empty word (docker's rule).
    public var entrypointWords: [String] { entrypoint == [""] ? [] : entrypoint }
}
