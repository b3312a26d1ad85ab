/// A file of a layer, from a tar archive or a directory.
public struct LayerEntry: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// A regular file; exactly `byteCount` bytes follow it.
        case file(byteCount: UInt64)
        case directory
        case symbolicLink(target: [UInt8])
        /// Another name of an earlier file.
        case hardLink(to: LayerPath)
        case characterDevice(major: UInt32, minor: UInt32)
        case blockDevice(major: UInt32, minor: UInt32)
        case fifo
        case socket
        /// The removal of the file that lower layers have at this path (OCI image 1.1, layer, Whiteouts).
        case whiteout
        /// The removal of the entries that lower layers have in this directory. The directory itself does not
        /// change.
        case opaque
    }

    public var path: LayerPath
    public var kind: Kind
    /// The low twelve bits of st_mode.
    public var permissions: UInt16
    public var userID: UInt32
    public var groupID: UInt32
    /// The modification time: seconds since 1970, and nanoseconds below a second.
    public var seconds: Int64
    public var nanoseconds: UInt32
    /// The extended attributes, whose names include the prefix: `user.`, `security.`, `trusted.`,
    /// `system.posix_acl_`.
    public var attributes: [ExtendedAttribute] = []
    /// Whether the layer hides the file at this path, and the directory in the root that the path begins
    /// with: only hard links lead to the file.
    public var isHidden = false

    public init(
        path: LayerPath, kind: Kind, permissions: UInt16, userID: UInt32 = 0, groupID: UInt32 = 0,
        seconds: Int64 = 0, nanoseconds: UInt32 = 0
    ) {
        self.path = path
        self.kind = kind
        self.permissions = permissions
        self.userID = userID
        self.groupID = groupID
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }
}

public struct ExtendedAttribute: Hashable, Sendable {
    public var name: [UInt8]
    public var value: [UInt8]

    public init(name: [UInt8], value: [UInt8]) {
        self.name = name
        self.value = value
    }
}

extension [ExtendedAttribute] {
    /// The memory for the attributes, counted twice: as they came, and as they are written.
    public var keptByteCount: Int { reduce(0) { $0 + 2 * ($1.name.count + $1.value.count + 64) } }
}

/// The extended attributes that a layer keeps.
public enum AttributeName {
    private static let prefixes = ["user.", "security.", "trusted."]
    private static let names = ["system.posix_acl_access", "system.posix_acl_default"]
    /// The prefix of attributes that control overlayfs. From an image they would control the overlayfs of
    /// another system. Whiteouts and opaque directories carry the layer's changes to lower layers instead.
    private static let foreign = "trusted.overlay."

    /// Whether a Linux guest can have an attribute of that name; archives of other systems have others.
    public static func isKept(_ name: [UInt8]) -> Bool {
        if name.starts(with: foreign.utf8) { return false }
        return prefixes.contains { name.count > $0.utf8.count && name.starts(with: $0.utf8) }
            || names.contains { name.elementsEqual($0.utf8) }
    }
}
