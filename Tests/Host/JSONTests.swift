import Foundation
import Host
import Testing

@Suite("Writing of JSON")
struct JSONTests {
    private func read(_ json: JSON) throws -> Any {
        try JSONSerialization.jsonObject(with: Data(json.text().utf8), options: .fragmentsAllowed)
    }

    @Test(
        "any text survives, as a value and as a name",
        arguments: [
            "", "a\"b\\c", "tab\tline\nend\r\u{1}\u{7F}", "\u{0}\u{1F}\u{80}\u{9B}2J\u{9F}\u{A0}",
            "\u{1F600} ü 漢", "</script>", "\u{2028}\u{202E}",
        ])
    func texts(_ text: String) throws {
        let json = JSON.object([(text, .string(text)), ("list", .array([.string(text), .null]))])
        let all = try #require(try read(json) as? [String: Any])
        #expect(all[text] as? String == text)
        let list = try #require(all["list"] as? [Any])
        #expect(list.first as? String == text && list.last is NSNull)
    }

    @Test("texts have no control characters and are quoted as RFC 8259 demands")
    func quoting() {
        #expect(JSON.string(#"say "\""#).text() == #""say \"\\\"""#)
        #expect(JSON.string("a\nb\tc\rd\u{0}").text() == #""a\nb\tc\u000dd\u0000""#)
        #expect(JSON.string("\u{1B}[2J\u{9B}2J\u{7F}").text() == #""\u001b[2J\u009b2J\u007f""#)
        #expect(JSON.object([("\u{9B}\"", .null)]).text() == #"{"\u009b\"": null}"#)
        #expect(JSON.string("~\u{A0}é").text() == "\"~\u{A0}é\"")
    }

    @Test(
        "numbers are written exactly",
        arguments: [
            0, 1.5, -2.25, 0.000_000_001, 123_456.789, 1e9, 1e12, 1e-12, -0.4, 1.5e20, -1e20, 1.25e100,
            .greatestFiniteMagnitude,
        ])
    func numbers(_ value: Double) throws {
        let number = try #require(try read(.number(value)) as? Double)
        #expect(abs(number - value) <= 5e-10 + abs(value) * 1e-12)
    }

    @Test(
        "a number that is missing or not finite is null",
        arguments: [.nan, .infinity, -.infinity] as [Double])
    func notFinite(_ value: Double) {
        #expect(JSON.number(value).text() == "null")
        #expect(JSON.optional(value).text() == "null")
        #expect(JSON.array([.optional(Double?.none), .optional(Int?.none)]).text() == "[null, null]")
        #expect(JSON.optional(String?.none).text() == "null")
    }

    @Test("members keep their order; long values are split into lines")
    func nesting() throws {
        let short = JSON.object([("z", .integer(.min)), ("a", .boolean(true)), ("none", .array([]))])
        #expect(short.text() == #"{"z": -9223372036854775808, "a": true, "none": []}"#)
        let words = (0..<20).map { "word \($0)" }
        let long = JSON.object([("short", short), ("words", .strings(words)), ("empty", .object([]))])
        #expect(
            long.text() == """
                {
                  "short": {"z": -9223372036854775808, "a": true, "none": []},
                  "words": [
                \(words.map { "    \"\($0)\"" }.joined(separator: ",\n"))
                  ],
                  "empty": {}
                }
                """)
        let deep = (0..<50).reduce(long) { inner, _ in .array([inner]) }
        var all = try read(deep)
        for _ in 0..<50 { all = try #require((all as? [Any])?.first) }
        #expect((all as? [String: Any])?["words"] as? [String] == words)
    }
}
