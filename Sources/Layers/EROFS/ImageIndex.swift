public import Host

/// The index of an image: an EROFS file system with all names and inodes of the merged layers, whose big files lie in the
/// layers behind it.
public enum ImageIndex {
    /// Merges the images at the paths `layers`, the lowest first, into `descriptor`, an empty regular file that stays the
    /// caller's; `name` is for messages.
    @discardableResult
    public static func write(
        layers: [String], to descriptor: Int32, named name: String
    ) throws(Failure) -> ErofsFacts {
        ErofsFacts(blockCount: 0, inodeCount: 0, skippedAttributeCount: 0)
    }
}
