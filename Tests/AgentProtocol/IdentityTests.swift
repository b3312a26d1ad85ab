import AgentProtocol
import Testing

@Suite struct IdentityTests {
    private static let passwd = """
        # a comment
        root:x:0:0:root:/root:/bin/sh
        app:x:1000:1001::/home/app:/bin/sh
        no-home:x:7:7:::
        short:x:8
        huge:x:99999999999:1::/:
        77:x:1234:1::/seventy-seven:
        :::::::
        """
    private static let group = "root:x:0:\naudio:x:29:app,root\nwheel:x:10:app\nbroken:x:y:app\nempty:x:5\n"

    private static func find(_ user: String, _ groups: [String] = []) throws(StartFailure) -> Identity {
        try Identity(user: user, groups: groups) { Array(($0 == "/etc/passwd" ? passwd : group).utf8) }
    }

    @Test(
        "names and numbers are looked up, with a group and without",
        arguments: [
            ("", 0, 0, [29], "/root"), ("root", 0, 0, [29], "/root"), ("0", 0, 0, [29], "/root"),
            ("app", 1000, 1001, [29, 10], "/home/app"), ("1000", 1000, 1001, [29, 10], "/home/app"),
            ("app:audio", 1000, 29, [], "/home/app"), ("1000:4", 1000, 4, [], "/home/app"),
            ("4242", 4242, 0, [], "/"), ("4242:7", 4242, 7, [], "/"), (":audio", 0, 29, [], "/root"),
            ("no-home", 7, 7, [], "/"), ("77", 77, 0, [], "/"),
            ("2147483647", 2_147_483_647, 0, [], "/"),
        ] as [(String, UInt32, UInt32, [UInt32], String)])
    func found(user: String, number: UInt32, group: UInt32, groups: [UInt32], home: String) throws {
        let identity = try Self.find(user)
        #expect(identity.user == number && identity.group == group && identity.home == home)
        #expect(identity.supplementaryGroups == groups)
    }

    @Test("additional groups follow those of the user")
    func furtherGroups() throws {
        #expect(try Self.find("app", ["root", "77"]).supplementaryGroups == [29, 10, 0, 77])
        #expect(try Self.find("4242:1", ["wheel"]).supplementaryGroups == [10])
    }

    @Test(
        "a missing user or group is named",
        arguments: [
            ("nobody", "no user \"nobody\" in the image's /etc/passwd"), ("-1", "no user \"-1\""),
            ("short", "no user \"short\""), ("huge", "no user \"huge\""), ("2147483648", "no user"),
            ("99999999999", "no user"), ("app:staff", "no group \"staff\" in the image's /etc/group"),
            ("0:broken", "no group \"broken\""), ("0x0", "no user"),
        ])
    func missing(user: String, words: String) throws {
        let failure = #expect(throws: StartFailure.self) { () throws in _ = try Self.find(user) }
        #expect(failure?.reason == .setUp && failure?.message.hasPrefix(words) == true)
    }

    /// CVE-2016-3697: the image's files say what a name is, and never what a number is.
    @Test(
        "digits always mean a number, never a name",
        arguments: [
            ("1000", 1000, 0, []), ("1000:1000", 1000, 1000, []), ("7:29", 7, 29, []), ("01000", 1000, 0, []),
            ("0", 0, 0, []), ("app:1000", 5, 1000, []), ("app", 5, 5, [44]),
        ] as [(String, UInt32, UInt32, [UInt32])])
    func numberIsNoName(user: String, number: UInt32, group: UInt32, groups: [UInt32]) throws {
        let identity = try Self.hostile(user, [])
        #expect(identity.user == number && identity.group == group)
        #expect(identity.supplementaryGroups == groups)
    }

    @Test(
        "a number out of range is not looked up as a name",
        arguments: ["2147483648", "4294967295", "99999999999", "-1", "+0", "app:4294967296", "app:-1"])
    func badNumber(user: String) {
        #expect(throws: StartFailure.self) { () throws in _ = try Self.hostile(user, []) }
    }

    @Test("additional groups given as numbers are not looked up as names")
    func furtherNumbers() throws {
        #expect(try Self.hostile("7", ["29", "1000"]).supplementaryGroups == [29, 1000])
        #expect(throws: StartFailure.self) { () throws in _ = try Self.hostile("7", ["4294967296"]) }
    }

    /// Files in which names look like numbers.
    private static func hostile(_ user: String, _ groups: [String]) throws(StartFailure) -> Identity {
        let names = ["1000", "2147483648", "4294967295", "99999999999", "-1", "+0", "01000", "7"]
        let passwd =
            names.map { "\($0):x:0:0:root:/root:/bin/sh\n" }.joined() + "app:x:5:5::/home/app:/bin/sh\n"
        let group = ["29", "1000", "4294967296", "-1"].map { "\($0):x:0:\n" }.joined() + "video:x:44:app\n"
        return try Identity(user: user, groups: groups) {
            Array(($0 == "/etc/passwd" ? passwd : group).utf8)
        }
    }

    @Test("without the files, an image accepts numbers only")
    func withoutFiles() throws {
        let identity = try Identity(user: "5:6", groups: ["7"]) { _ in [] }
        #expect(identity.user == 5 && identity.group == 6 && identity.supplementaryGroups == [7])
        #expect(throws: StartFailure.self) { try Identity(user: "root", groups: []) { _ in [] } }
    }
}
