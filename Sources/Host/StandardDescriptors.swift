import CHost
import SystemPackage

/// The three descriptors that every program is started with.
public enum StandardDescriptors {
    /// Opens /dev/null in the place of each that is closed: otherwise the next file that is opened gets its number, and what
    /// is meant for the user is written into that file. Call it before anything else opens one.
    public static func openMissing() throws(Failure) {
        let result = chost_open_standard_descriptors()
        guard result == 0 else {
            throw Failure(
                "cannot open /dev/null for a standard descriptor that is closed",
                errno: Errno(rawValue: -result))
        }
    }
}
