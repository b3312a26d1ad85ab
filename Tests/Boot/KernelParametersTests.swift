import Testing

@testable import Boot

/// A command line is taken apart as Linux does it.
@Suite struct KernelParametersTests {
    typealias Parameter = KernelParameters.Parameter

    static let lines: [(String, [Parameter])] = [
        ("", []),
        ("  quiet \t\n acpi=off ", [.init(name: "quiet", value: nil), .init(name: "acpi", value: "off")]),
        ("a=b=c", [.init(name: "a", value: "b=c")]),
        ("a= b", [.init(name: "a", value: ""), .init(name: "b", value: nil)]),
        ("a=\"b c\" d", [.init(name: "a", value: "b c"), .init(name: "d", value: nil)]),
        ("\"a=b c\" d", [.init(name: "a", value: "b c"), .init(name: "d", value: nil)]),
        ("a=b\"c d\"e", [.init(name: "a", value: "b\"c d\"e")]),
        ("\"a b\"", [.init(name: "a b", value: nil)]),
        ("a=\"b c", [.init(name: "a", value: "b c")]),
        ("a -- b", [.init(name: "a", value: nil)]),
        ("--=x b", [.init(name: "--", value: "x"), .init(name: "b", value: nil)]),
        ("\"", [.init(name: "", value: nil)]),
        ("=a", [.init(name: "=a", value: nil)]),
        ("\"=\"", [.init(name: "=", value: nil)]),
        ("a=\"", [.init(name: "a", value: "")]),
    ]

    @Test(arguments: lines.indices)
    func words(_ index: Int) {
        let (line, expected) = Self.lines[index]
        #expect(Array(KernelParameters(line)) == expected, "\(line)")
    }

    @Test(
        "a kernel that is told so leaves its local APIC off",
        arguments: [
            ("nolapic", true), ("a \"disableapic\"", true), ("lapic noapic", false), ("-- nolapic", false),
            ("", false),
        ])
    func localAPIC(line: String, isOff: Bool) {
        #expect(KernelSwitches(line).turnsOffLocalAPIC == isOff)
    }
}
