public import SystemPackage

/// An error for the user: what failed, on what, why, and what to do about it.
///
/// A guest that misbehaves is never a `Failure`: its device reports it in the device status, and the monitor
/// goes on.
public struct Failure: Error, Sendable, Equatable {
    /// The class of the failure; it decides the exit status (sysexits.h).
    public enum Kind: Int32, Sendable {
        /// A usage error: the command line is invalid (EX_USAGE).
        case usage = 64
        /// A kernel, an initramfs or a disk has unusable content or is of the wrong kind (EX_DATAERR).
        case badInput = 65
        /// A file does not exist (EX_NOINPUT).
        case missingInput = 66
        /// KVM is missing or lacks a capability that is needed (EX_UNAVAILABLE).
        case unavailable = 69
        /// `vmm` has a bug (EX_SOFTWARE).
        case software = 70
        /// The host's kernel refused a call (EX_OSERR).
        case host = 71
        /// The output cannot be written (EX_IOERR).
        case output = 74
        /// Another process uses a file or device (EX_TEMPFAIL).
        case inUse = 75
        /// The user may not open a file or device (EX_NOPERM).
        case notPermitted = 77
    }

    public let kind: Kind
    /// The operation that failed and its object: "cannot open /dev/kvm".
    public let what: String
    /// The reason: "permission denied".
    public let why: String
    /// Advice for the user: "add yourself to the group kvm".
    public let cure: String?
    /// The error number, if a system call failed.
    public let errno: Errno?

    public init(_ kind: Kind, _ what: String, because why: String, cure: String? = nil) {
        self.kind = kind
        self.what = what
        self.why = why
        self.cure = cure
        errno = nil
    }

    /// Makes the failure of a system call. EACCES, EPERM, ENOENT, ENOTDIR and EISDIR have kinds of their own.
    public init(_ what: String, errno: Errno, cure: String? = nil) {
        self.init(Kind(errno), what, errno: errno, cure: cure)
    }

    /// Makes the failure of a system call whose `kind` does not follow from its errno.
    public init(_ kind: Kind, _ what: String, errno: Errno, cure: String? = nil) {
        self.kind = kind
        self.what = what
        why = errno.description.lowercasedFirst
        self.cure = cure
        self.errno = errno
    }
}

extension Failure.Kind {
    init(_ errno: Errno) {
        switch errno {
        case .noSuchFileOrDirectory, .notDirectory: self = .missingInput
        case .isDirectory: self = .badInput
        case .permissionDenied, .notPermitted: self = .notPermitted
        default: self = .host
        }
    }
}

extension Failure: CustomStringConvertible {
    /// The message: one line, and the cure on the lines below it. Parts of the message may come from
    /// strangers' files, images and programs. No control character of such a part reaches the terminal, and
    /// `printable` cuts each text in case a caller has not; vmm's own texts are shorter than its limit.
    public var description: String {
        let text = "\(what.printable): \(why.printable)"
        guard let cure else { return text }
        let lines = cure.split(separator: "\n").prefix(Self.cureLineLimit)
        return text + "\n  "
            + lines.map { String($0).shortened(to: Self.cureCharacterLimit).harmless }.joined(separator: "\n")
    }

    /// The largest number of characters in a line of the cure: enough for a command with a path, which is
    /// useless if it is cut.
    private static let cureCharacterLimit = 400
    private static let cureLineLimit = 10
}

extension String {
    // Joining two strings is cheaper than joining a string and a substring: the latter looks up conformances
    // at run time, which takes half of a start's time.
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + String(dropFirst()) }
}

extension Failure {
    /// Makes the failure of an invalid value of an option: "invalid value 'x' for --pids-limit: not a
    /// number".
    public static func invalid(
        _ value: some StringProtocol, for option: String, because why: String, cure: String? = nil
    ) -> Failure {
        Failure(.usage, "invalid value '\(value)' for \(option)", because: why, cure: cure)
    }
}
