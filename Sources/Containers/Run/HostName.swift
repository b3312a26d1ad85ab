/// The syntax of a container's host name.
enum HostName {
    /// HOST_NAME_MAX.
    private static let byteLimit = 64

    /// The rule, as error messages state it.
    static let rule = "a host name has 1 to 64 letters, digits, -, _ and ."

    /// Whether `name` is valid; a valid name can be written to /etc/hosts unchanged.
    static func isValid(_ name: String) -> Bool {
        (1...byteLimit).contains(name.utf8.count) && name.utf8.allSatisfy(isAllowed)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "_.-".utf8.contains(byte)
        }
    }
}
