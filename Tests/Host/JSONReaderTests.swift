import Testing

@testable import Host

@Suite("Strict reading of JSON")
struct JSONReaderTests {
    private func value(_ text: String) throws(JSONError) -> JSONValue {
        try JSONReader.value(of: Array(text.utf8))
    }

    @Test("every kind of value is read, with white space around it")
    func values() throws {
        let text = #" { "a" : [ 1 , -0.5e+10 , true , false , null , "x" ] , "b" : { } , "c":[]} "#
        let list: [JSONValue] = [
            .number("1"), .number("-0.5e+10"), .boolean(true), .boolean(false), .null, .string("x"),
        ]
        #expect(try value(text) == .object(["a": .array(list), "b": .object([:]), "c": .array([])]))
    }

    @Test("escapes are decoded, and text beyond ASCII is kept")
    func strings() throws {
        #expect(
            try value(#""\"\\\/\b\f\n\r\té\u00e9\ud83d\ude00😀""#) == .string("\"\\/\u{8}\u{C}\n\r\té\u{e9}😀😀")
        )
    }

    @Test("two members with one name are refused, because readers differ in which they use")
    func duplicates() throws {
        for text in [#"{"a":1,"a":2}"#, #"{"a":1,"\u0061":1}"#, #"[{"b":{"a":null,"x":1,"a":null}}]"#] {
            let error = #expect(throws: JSONError.self) { try value(text) }
            #expect(error?.why.contains("twice") == true)
        }
        #expect(
            try value(#"{"a":{"a":1},"A":2}"#)
                == .object(["a": .object(["a": .number("1")]), "A": .number("2")]))
    }

    @Test(
        "a member whose name Go's reader accepts for another name is refused",
        arguments: [
            #"{"layers": 1, "Layers": 2}"#, #"{"LAYERS": 2}"#, #"{"layer\u017f": 2}"#,
            #"{"layers": null, "lAyers": 2}"#,
        ])
    func foldedNames(_ text: String) throws {
        let root = try JSONDocument(complaint: "cannot use it", subject: "its text").root(Array(text.utf8))
        let failure = #expect(throws: Failure.self) { try root.member("layers") }
        #expect(failure?.why.contains("'layers'") == true)
        #expect(try root.member("layer").value == nil, "one letter more or less is another name")
        let kelvin = try JSONDocument(complaint: "", subject: "").root(Array(#"{"\u212aey": 1}"#.utf8))
        #expect(throws: Failure.self) { try kelvin.member("key") }
    }

    @Test(
        "every other text is refused",
        arguments: [
            "", " ", "{", "[", "[1", "[1,", "[1,]", "{}}", "[] []", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
            "{a:1}",
            "{1:2}", "tru", "nulll", "True", "'a'", "\"", "\"a", "\"\\", "\"\\x\"", "\"\\u12\"",
            "\"\\u12G4\"",
            "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"a\nb\"", "\"\u{0}\"", "01", "-", "1.",
            ".5", "1e",
            "1e+", "+1", "0x10", "NaN", "-Infinity", "1 2", "\u{FEFF}1", "// no\n1",
        ])
    func broken(_ text: String) {
        #expect(throws: JSONError.self) { try value(text) }
    }

    @Test("strings must be UTF-8")
    func encoding() {
        for bytes: [UInt8] in [
            [0x80], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80], [0xE2, 0x82],
        ] {
            #expect(throws: JSONError.self) { try JSONReader.value(of: [0x22] + bytes + [0x22]) }
        }
    }

    @Test("nesting is limited before the stack overflows")
    func nesting() throws {
        let deep = 64
        _ = try value(String(repeating: "[", count: deep) + String(repeating: "]", count: deep))
        for count in [deep + 1, 1_000_000] {
            #expect(throws: JSONError.self) { try value(String(repeating: "[", count: count)) }
            #expect(throws: JSONError.self) { try value(String(repeating: "{\"a\":", count: count)) }
        }
    }

    @Test("a text cut at any byte is refused, and a text with any byte changed causes no crash")
    func damage() throws {
        let whole = Array(#"{"a":[1,-2.5e3,"x\u00e9\n"],"b":{"c":null,"d":true}}"#.utf8)
        for count in 0..<whole.count {
            #expect(throws: JSONError.self) { try JSONReader.value(of: Array(whole.prefix(count))) }
        }
        for index in whole.indices {
            for byte in UInt8.min...UInt8.max {
                var bytes = whole
                bytes[index] = byte
                if let value = try? JSONReader.value(of: bytes), bytes != whole {
                    #expect(
                        try value != JSONReader.value(of: whole) || byte == 0x20
                            || whole[index] | 0x20 == byte | 0x20)
                }
            }
        }
    }

    @Test("the failure of a field names its path")
    func fields() throws {
        let document = JSONDocument(complaint: "cannot use it", subject: "its text")
        let root = try document.root(Array(#"{"a":{"b":["x",1]},"n":-1,"z":"\u0000"}"#.utf8))
        #expect(try root.member("a").member("none").text() == nil)
        #expect(throws: Failure(.badInput, "cannot use it", because: "a.b[1] of its text is not a string")) {
            try root.member("a").member("b").texts()
        }
        #expect(
            throws: Failure(
                .badInput, "cannot use it", because: "n of its text is not a whole number of at least 0")
        ) {
            try root.member("n").integer()
        }
        #expect(throws: Failure.self) { try root.member("z").text() }
        #expect(throws: Failure.self) { try root.member("a").member("b").object() }
        #expect(throws: Failure.self) { try root.member("a").elements() }
        #expect(throws: Failure.self) { try document.root([]) }
    }

    @Test("what was read can be written again")
    func written() throws {
        let text = #"{"a": [1, -2, 0.5, true, null], "b": {"c": "x\n"}}"#
        #expect(JSON(try value(text)).text() == text)
    }

    @Test("a number may have a fraction, and is finite")
    func fractions() throws {
        let document = JSONDocument(complaint: "cannot use it", subject: "it")
        let field = try document.root(Array(#"{"a": -1.5e1, "b": 1e999, "c": "1", "d": null}"#.utf8))
        #expect(try field.member("a").number() == -15)
        #expect(try field.member("d").number() == nil)
        for name in ["b", "c"] {
            #expect(throws: Failure.self) { try field.member(name).number() }
        }
    }
}
