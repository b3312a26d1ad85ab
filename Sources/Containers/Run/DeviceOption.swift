import AgentProtocol
import Host

/// docker's `--device PATH[:PATH-IN-CONTAINER][:PERMISSIONS]`, for devices that every guest has.
struct DeviceOption {
    /// The character devices of a guest that `--device` can add to the usual ones.
    private static let known: [(path: String, major: UInt32, minor: UInt32)] = [
        ("/dev/fuse", 10, 229), ("/dev/hwrng", 10, 183), ("/dev/kmsg", 1, 11),
    ]
    private static let usual = [
        "/dev/full", "/dev/null", "/dev/ptmx", "/dev/random", "/dev/tty", "/dev/urandom", "/dev/zero",
    ]

    /// The device to add; nil for one that every container has.
    let device: ContainerSpecification.Device?

    init(_ text: String) throws(Failure) {
        var words = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        if let last = words.last, words.count > 1, !last.isEmpty,
            last.utf8.allSatisfy({ "rwm".utf8.contains($0) })
        {
            words.removeLast()
        }
        guard words.count <= 2, words.allSatisfy({ $0.hasPrefix("/") }) else {
            throw .invalid(
                text, for: "--device", because: "not PATH[:PATH][:rwm]",
                cure: "For example: --device /dev/fuse")
        }
        let path = words[words.count - 1]
        if Self.usual.contains(words[0]), path == words[0] {
            device = nil
            return
        }
        guard let known = Self.known.first(where: { $0.path == words[0] }) else {
            throw Failure(
                .usage, "--device \(words[0]) is not supported yet",
                because: "devices of the host cannot be given to a guest",
                cure:
                    "A guest has \(Self.known.map(\.path).joined(separator: ", ")); --privileged grants access to all of them."
            )
        }
        device = .init(path: path, major: known.major, minor: known.minor)
    }
}
