import Host

/// The options of a command: a command declares each of them with one call of `flag`, `value` or `choice`.
///
/// While a command line is read, such a call compares the names with the next option of the command line, and
/// if they agree, it stores the value. While the options are listed, it describes itself, and a destination
/// that is not empty is the default. So there is no table that has to be made at each start: a scan allocates
/// nothing, and no help text is computed before somebody asks for it.
public struct Options {
    var scan: OptionScan
    private let isListing: Bool
    private(set) var listed: [OptionDescription] = []
    private var group = ""
    /// The first failure of the command line.
    private(set) var failure: Failure?

    /// Reads `words`, which follow the command `path`, such as "vmm run".
    init(reading words: ArraySlice<String>, of path: String, _ operands: Operands) {
        scan = OptionScan(words, path: path, operandsEndOptions: operands.endOptions)
        isListing = false
    }

    /// Lists all options.
    init() {
        scan = OptionScan([], path: "", operandsEndOptions: false)
        isListing = true
    }

    /// Begins a group of options, for the help.
    public mutating func group(_ title: String) {
        if isListing { group = title }
    }

    // MARK: - Flags

    /// Declares an option without a value. `--name=false` switches it off.
    public mutating func flag(
        _ name: String, letter: Unicode.Scalar? = nil, _ help: @autoclosure () -> String,
        to destination: inout Bool
    ) {
        if isListing { return list(name, letter, nil, help()) }
        if let isOn = truth(name, letter) { destination = isOn }
    }

    /// Declares an option without a value whose meaning is no single variable.
    public mutating func flag(
        _ name: String, letter: Unicode.Scalar? = nil, _ help: @autoclosure () -> String, set: (Bool) -> Void
    ) {
        if isListing { return list(name, letter, nil, help()) }
        if let isOn = truth(name, letter) { set(isOn) }
    }

    // MARK: - Options with a value

    /// Declares an option whose last value counts.
    public mutating func value(
        _ name: String, letter: Unicode.Scalar? = nil, _ value: @autoclosure () -> Value,
        _ help: @autoclosure () -> String, to destination: inout String
    ) {
        if isListing { return list(name, letter, value(), help(), default: destination) }
        if let argument = argument(name, letter, value()) { destination = argument.text }
    }

    public mutating func value(
        _ name: String, letter: Unicode.Scalar? = nil, _ value: @autoclosure () -> Value,
        _ help: @autoclosure () -> String, to destination: inout String?
    ) {
        if isListing { return list(name, letter, value(), help(), default: destination ?? "") }
        if let argument = argument(name, letter, value()) { destination = argument.text }
    }

    /// Declares an option that may be repeated.
    public mutating func value(
        _ name: String, letter: Unicode.Scalar? = nil, _ value: @autoclosure () -> Value,
        _ help: @autoclosure () -> String, to destination: inout [String]
    ) {
        if isListing { return list(name, letter, value(), help()) }
        if let argument = argument(name, letter, value()) { destination.append(argument.text) }
    }

    /// Declares an option whose value is a number.
    public mutating func value<Number: LosslessStringConvertible & Numeric>(
        _ name: String, letter: Unicode.Scalar? = nil, _ value: @autoclosure () -> Value,
        _ help: @autoclosure () -> String, to destination: inout Number
    ) {
        if isListing { return list(name, letter, value(), help(), default: destination.description) }
        guard let argument = argument(name, letter, value()) else { return }
        if let number = Number(argument.text) {
            destination = number
        } else {
            failure = argument.invalid("not a number")
        }
    }

    /// Declares an option whose value is one of a few words.
    ///
    /// The caller's module specializes this function. Unspecialized, each call would ask the runtime for the
    /// metadata of `Choice?`, even if the command line does not have the option.
    @inlinable
    public mutating func choice<Choice: CaseIterable & RawRepresentable<String>>(
        _ name: String, _ valueName: String, _ help: @autoclosure () -> String, to destination: inout Choice
    ) {
        guard
            let text = word(
                name, valueName, help(), default: destination.rawValue,
                among: Choice.allCases.map(\.rawValue))
        else { return }
        // `allCases` is an array, whose type the runtime makes at its first use.
        if let choice = Choice(rawValue: text) {
            destination = choice
        } else {
            refuse(text, of: name, among: Choice.allCases.map(\.rawValue))
        }
    }

    /// Declares an option whose value is one of a few words. Nil stands for a default that the help names.
    @inlinable
    public mutating func choice<Choice: CaseIterable & RawRepresentable<String>>(
        _ name: String, _ valueName: String, _ help: @autoclosure () -> String, to destination: inout Choice?
    ) {
        guard
            let text = word(
                name, valueName, help(), default: "", among: Choice.allCases.map(\.rawValue))
        else { return }
        destination = Choice(rawValue: text)
        if destination == nil { refuse(text, of: name, among: Choice.allCases.map(\.rawValue)) }
    }

    /// Lists the option with the words that it accepts, or reads its value, which may be any word.
    @usableFromInline
    mutating func word(
        _ name: String, _ valueName: String, _ help: @autoclosure () -> String,
        default usual: @autoclosure () -> String, among words: @autoclosure () -> [String]
    ) -> String? {
        if isListing {
            list(name, nil, .words(valueName, words()), help(), default: usual())
            return nil
        }
        return argument(name, nil, .text(valueName))?.text
    }

    @usableFromInline
    mutating func refuse(_ text: String, of name: String, among words: [String]) {
        failure = Argument(text, of: "--" + name).invalid(
            "not one of \(words.joined(separator: ", "))")
    }

    // MARK: - Options of another program

    /// Declares an option of another program that has no effect, whatever its value is.
    public mutating func ignored(_ name: String, letter: Unicode.Scalar? = nil) {
        if isListing { return list(name, letter, .text("VALUE"), "", .ignored) }
        _ = argument(name, letter, .text("VALUE"))
    }

    /// Declares an option of another program that has no effect if its value is a number.
    public mutating func ignoredNumber(_ name: String, letter: Unicode.Scalar? = nil) {
        if isListing { return list(name, letter, .text("VALUE"), "", .ignored) }
        if let argument = argument(name, letter, .text("VALUE")), Int(argument.text) == nil {
            failure = argument.invalid("not a number")
        }
    }

    /// Declares an option of another program that has neither a value nor an effect.
    public mutating func ignoredFlag(_ name: String, letter: Unicode.Scalar? = nil) {
        if isListing { return list(name, letter, nil, "", .ignored) }
        _ = truth(name, letter)
    }

    /// Declares an option of another program that is refused for `reason`, unless its value is one of
    /// `accepted`, which have no effect.
    public mutating func refused(
        _ name: String, letter: Unicode.Scalar? = nil, _ reason: @autoclosure () -> RefusalReason,
        unless accepted: @autoclosure () -> [String] = []
    ) {
        if isListing { return list(name, letter, .text("VALUE"), "", .refused(unless: accepted())) }
        guard let argument = argument(name, letter, .text("VALUE")) else { return }
        let accepted = accepted()
        if accepted.contains(argument.text) { return }
        failure = reason().failure(accepted.isEmpty ? "--" + name : "--\(name) \(argument.text)")
    }

    /// Declares an option of another program that has no value and is refused for `reason`, unless it is
    /// `accepted`, which has no effect.
    public mutating func refusedFlag(
        _ name: String, letter: Unicode.Scalar? = nil, _ reason: @autoclosure () -> RefusalReason,
        unless accepted: Bool = false
    ) {
        if isListing { return list(name, letter, nil, "", .refused(unless: accepted ? ["true"] : [])) }
        guard let isOn = truth(name, letter), isOn != accepted else { return }
        failure = reason().failure("--" + name)
    }

    // MARK: - Reading and listing

    /// Reads the flag if the next option of the command line is this one.
    private mutating func truth(_ name: String, _ letter: Unicode.Scalar?) -> Bool? {
        guard scan.finds(name, letter) else { return nil }
        do throws(Failure) { return try scan.truth() } catch {
            failure = error
            return nil
        }
    }

    /// Reads the value if the next option of the command line is this one.
    private mutating func argument(
        _ name: String, _ letter: Unicode.Scalar?, _ value: @autoclosure () -> Value
    ) -> Argument? {
        guard scan.finds(name, letter) else { return nil }
        do throws(Failure) { return try scan.argument(value()) } catch {
            failure = error
            return nil
        }
    }

    private mutating func list(
        _ name: String, _ letter: Unicode.Scalar?, _ value: Value?, _ help: String,
        _ support: OptionDescription.Support = .full, default usual: String = ""
    ) {
        listed.append(
            OptionDescription(
                name: name, letter: letter, value: value,
                help: usual.isEmpty ? help : "\(help) (default: \(usual))", group: group, support: support))
    }
}

/// The reason why an option of another program is refused.
public struct RefusalReason: Sendable {
    let why: String
    let cure: String
    let isPlanned: Bool

    public init(_ why: String, cure: String = "Leave it out.", isPlanned: Bool = false) {
        self.why = why
        self.cure = cure
        self.isPlanned = isPlanned
    }

    func failure(_ option: String) -> Failure {
        Failure(
            .usage, "\(option) is not supported\(isPlanned ? " yet" : "")", because: why, cure: cure)
    }
}
