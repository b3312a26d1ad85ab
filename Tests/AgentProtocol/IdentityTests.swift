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
        "names and numbers, with a group and without",
        arguments: [
            ("", 0, 0, [29], "/root"), ("root", 0, 0, [29], "/root"), ("0", 0, 0, [29], "/root"),
            ("app", 1000, 1001, [29, 10], "/home/app"), ("1000", 1000, 1001, [29, 10], "/home/app"),
            ("app:audio", 1000, 29, [], "/home/app"), ("1000:4", 1000, 4, [], "/home/app"),
            ("4242", 4242, 0, [], "/"), ("4242:7", 4242, 7, [], "/"), (":audio", 0, 29, [], "/root"),
            ("no-home", 7, 7, [], "/"), ("77", 1234, 1, [], "/seventy-seven"),
            ("2147483647", 2_147_483_647, 0, [], "/"),
        ] as [(String, UInt32, UInt32, [UInt32], String)])
    func found(user: String, number: UInt32, group: UInt32, groups: [UInt32], home: String) throws {
        let identity = try Self.find(user)
        #expect(identity.user == number && identity.group == group && identity.home == home)
        #expect(identity.supplementaryGroups == groups)
    }

    @Test("further groups come after those of the user")
    func furtherGroups() throws {
        #expect(try Self.find("app", ["root", "77"]).supplementaryGroups == [29, 10, 0, 77])
        #expect(try Self.find("4242:1", ["wheel"]).supplementaryGroups == [10])
    }

    @Test(
        "what is not there is named",
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

    @Test("an image without the files knows numbers only")
    func withoutFiles() throws {
        let identity = try Identity(user: "5:6", groups: ["7"]) { _ in [] }
        #expect(identity.user == 5 && identity.group == 6 && identity.supplementaryGroups == [7])
        #expect(throws: StartFailure.self) { try Identity(user: "root", groups: []) { _ in [] } }
    }
}
