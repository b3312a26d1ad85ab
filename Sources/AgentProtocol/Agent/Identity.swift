/// The identity of a process of the container: its user and groups as numbers.
public struct Identity: Sendable {
    public private(set) var user: UInt32 = 0
    public private(set) var group: UInt32 = 0
    public private(set) var supplementaryGroups: [UInt32] = []
    public private(set) var home = "/"

    /// Looks up `user` (`user` or `user:group`, names or numbers) and `groups` in the container's files.
    /// `file` reads a file and returns nothing if it is missing. The files come from the image: a line that
    /// is no entry is ignored.
    ///
    /// A number needs no entry; a name does. Digits always mean a number: an image whose /etc/passwd has a
    /// user with the *name* 1000 does not decide who user 1000 is. If `user` names no group, the user has the
    /// group of its entry in /etc/passwd and the groups in /etc/group that list it.
    public init(
        user text: String, groups: [String], file: (String) -> [UInt8]
    ) throws(StartFailure) {
        let words = text.utf8.split(
            separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        let userName = Array(words[0])
        let groupName = words.count > 1 ? Array(words[1]) : []
        let name = try takeUser(userName, file("/etc/passwd"))
        guard !groupName.isEmpty || !groups.isEmpty || name != nil else { return }
        let groupFile = file("/etc/group")
        if !groupName.isEmpty {
            group = try Self.group(groupName, groupFile)
        } else if let name {
            supplementaryGroups = Self.groups(of: name, groupFile)
        }
        for text in groups { supplementaryGroups.append(try Self.group(Array(text.utf8), groupFile)) }
    }

    /// Sets user, group and home directory from an entry `name:password:user:group:comment:home:shell`
    /// (passwd(5)). Returns the user's name, or nil if there is no entry.
    private mutating func takeUser(_ wanted: [UInt8], _ file: [UInt8]) throws(StartFailure) -> [UInt8]? {
        let number = wanted.isEmpty ? 0 : Self.number(wanted[...])
        if number == nil, Self.isNumeric(wanted) { throw Self.missing("user", wanted, "/etc/passwd") }
        for line in Self.lines(file) {
            let fields = Self.fields(line)
            guard fields.count >= 6, let user = Self.number(fields[2]), let group = Self.number(fields[3]),
                number.map({ $0 == user }) ?? fields[0].elementsEqual(wanted)
            else { continue }
            self.user = user
            self.group = group
            if !fields[5].isEmpty { home = String(decoding: fields[5], as: UTF8.self) }
            return Array(fields[0])
        }
        guard let number else { throw Self.missing("user", wanted, "/etc/passwd") }
        user = number
        return nil
    }

    /// Returns the number of a group from an entry `name:password:group:name,name...` (group(5)).
    private static func group(_ wanted: [UInt8], _ file: [UInt8]) throws(StartFailure) -> UInt32 {
        if let number = number(wanted[...]) { return number }
        if isNumeric(wanted) { throw missing("group", wanted, "/etc/group") }
        for line in lines(file) {
            let fields = fields(line)
            if fields.count >= 3, fields[0].elementsEqual(wanted), let group = number(fields[2]) {
                return group
            }
        }
        throw missing("group", wanted, "/etc/group")
    }

    private static func groups(of user: [UInt8], _ file: [UInt8]) -> [UInt32] {
        var groups: [UInt32] = []
        for line in lines(file) {
            let fields = fields(line)
            guard fields.count >= 4, groups.count < groupLimit, let group = number(fields[2]) else {
                continue
            }
            let names = fields[3].split(separator: UInt8(ascii: ","))
            if names.contains(where: { $0.elementsEqual(user) }) { groups.append(group) }
        }
        return groups
    }

    /// The largest number of supplementary groups that the kernel accepts: NGROUPS_MAX.
    private static let groupLimit = 65536

    private static func lines(_ file: [UInt8]) -> [ArraySlice<UInt8>] {
        file.split(separator: UInt8(ascii: "\n"))
    }

    private static func fields(_ line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    }

    /// Whether the word consists of digits, with or without a sign: its author means a number, in range or
    /// not.
    private static func isNumeric(_ word: [UInt8]) -> Bool {
        let sign = word.first.map { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") } ?? false
        let digits = word.dropFirst(sign ? 1 : 0)
        return !digits.isEmpty && digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    /// Parses decimal digits, below 2^31, the limit of the tools that make users. 2^32 - 1 has a meaning of
    /// its own to the kernel.
    private static func number(_ digits: ArraySlice<UInt8>) -> UInt32? {
        guard !digits.isEmpty, digits.count <= 10 else { return nil }
        var number: UInt64 = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            // Ten digits at most: below 2^34.
            number = number &* 10 &+ UInt64(digit &- UInt8(ascii: "0"))
        }
        return number < 1 << 31 ? UInt32(number) : nil
    }

    private static func missing(_ what: String, _ name: [UInt8], _ file: String) -> StartFailure {
        StartFailure(
            .setUp, "no " + what + " \"" + String(decoding: name, as: UTF8.self) + "\" in the image's " + file
        )
    }
}
