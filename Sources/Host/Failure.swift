public import SystemPackage

/// What a user is told when `vmm` itself cannot go on: what failed, on what, why, and what to do about it.
///
/// A guest that misbehaves is never a `Failure`: its device says so in its status and the monitor lives.
public struct Failure: Error, Sendable, Equatable {
    /// The class of the failure; it decides the exit status (sysexits.h).
    public enum Kind: Int32, Sendable {
        /// The command line asks for something that makes no sense (EX_USAGE).
        case usage = 64
        /// A kernel, an initramfs or a disk that cannot be used: its content, or what it is (EX_DATAERR).
        case badInput = 65
        /// A file that is not there (EX_NOINPUT).
        case missingInput = 66
        /// KVM is missing, or cannot do what is needed (EX_UNAVAILABLE).
        case unavailable = 69
        /// `vmm` itself failed: a bug of ours (EX_SOFTWARE).
        case software = 70
        /// The host's kernel refused a call (EX_OSERR).
        case host = 71
        /// The output cannot be written (EX_IOERR).
        case output = 74
        /// Somebody else uses a file or device (EX_TEMPFAIL).
        case inUse = 75
        /// A file or device may not be opened (EX_NOPERM).
        case notPermitted = 77
    }

    public let kind: Kind
    /// What failed and on what: "cannot open /dev/kvm".
    public let what: String
    /// Why: "permission denied".
    public let why: String
    /// What to do about it: "add yourself to the group kvm".
    public let cure: String?
    /// The error number, where a system call failed.
    public let errno: Errno?

    public init(_ kind: Kind, _ what: String, because why: String, cure: String? = nil) {
        self.kind = kind
        self.what = what
        self.why = why
        self.cure = cure
        errno = nil
    }

    /// The failure of a system call; EACCES, EPERM, ENOENT and EISDIR have kinds of their own.
    public init(_ what: String, errno: Errno, cure: String? = nil) {
        self.init(Kind(errno), what, errno: errno, cure: cure)
    }

    /// The failure of a system call whose kind its errno does not tell.
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
    /// One line, or two when there is a cure, which may have lines of its own. Files, images and programs that strangers made
    /// have a part in these texts; nothing in them reaches the terminal as more than text, and whoever forgets to shorten what a
    /// stranger wrote finds it cut here. Texts of our own are shorter than that.
    public var description: String {
        let text = "\(what.printable): \(why.printable)"
        guard let cure else { return text }
        let lines = cure.split(separator: "\n").prefix(Self.cureLineLimit)
        return text + "\n  "
            + lines.map { String($0).shortened(to: Self.cureCharacterLimit).harmless }.joined(separator: "\n")
    }

    /// A cure may have a command with a path in it, which must be whole to be of use.
    private static let cureCharacterLimit = 400
    private static let cureLineLimit = 10
}

extension String {
    // Two strings: to add a substring looks up conformances at run time, half of what a start costs otherwise.
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + String(dropFirst()) }
}
