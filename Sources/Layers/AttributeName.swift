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
