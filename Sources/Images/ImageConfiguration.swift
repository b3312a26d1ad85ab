/// The settings of an image for its containers (OCI image 1.1, config.md, `config`).
public struct ImageConfiguration: Hashable, Sendable {
    public var entrypoint: [String] = []
    public var command: [String] = []
    /// The environment: NAME=VALUE each.
    public var environment: [String] = []
    /// The working directory; empty if the image sets none, which means `/`.
    public var workingDirectory = ""
    /// The user and group: `user`, `uid`, `user:group`, `uid:gid`, or a mixture; empty for root.
    public var user = ""
    /// The signal that stops the container: a name such as `SIGTERM` or a number; empty if the image sets
    /// none.
    public var stopSignal = ""
    /// The paths of volumes in the container.
    public var volumes: [String] = []
    /// The exposed ports: `port/tcp`, `port/udp` or `port`.
    public var exposedPorts: [String] = []

    public init() {}

    /// The start of the image's command line: its entry point, or no words if the entry point is one empty
    /// word (docker's rule).
    public var entrypointWords: [String] { entrypoint == [""] ? [] : entrypoint }
}
