import CHost
import SystemPackage

/// The three descriptors that every program is started with.
public enum StandardDescriptors {
    /// Opens /dev/null for each standard descriptor that is closed. Otherwise the next file to be opened gets
    /// the number, and messages for the user are written into that file. Call it before anything else opens a
    /// file.
    public static func openMissing() throws(Failure) {
        let result = chost_open_standard_descriptors()
        guard result == 0 else {
            throw Failure(
                "cannot open /dev/null for a standard descriptor that is closed",
                errno: Errno(rawValue: -result))
        }
    }
}
