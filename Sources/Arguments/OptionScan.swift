import Host

/// The place of the reader in a command line, by the rules of docker's parser (pflag): `--name value`,
/// `--name=value`, `--flag`, `--flag=false`, `-n value`, `-nvalue`, `-n=value`, and combined letters. `--`
/// ends the options.
struct OptionScan {
    /// The command, for messages: "vmm run".
    let path: String
    private let operandsEndOptions: Bool
    private var rest: ArraySlice<String>
    private(set) var operands: [String] = []

    /// The option that is to be found in the declarations: its long name, or its letter.
    private var name = ""
    private var letter: Unicode.Scalar?
    /// Whether a declaration had the name.
    private(set) var isFound = false
    /// The value after the `=` of a long option.
    private var joined: String?
    /// The characters that follow the letter in its word.
    private var letters = Substring().unicodeScalars

    init(_ words: ArraySlice<String>, path: String, operandsEndOptions: Bool) {
        rest = words
        self.path = path
        self.operandsEndOptions = operandsEndOptions
    }

    /// Moves to the next option, and collects the operands before it. Returns false at the end.
    mutating func next() -> Bool {
        isFound = false
        joined = nil
        letter = letters.popFirst()
        if letter != nil { return true }
        while let word = rest.popFirst() {
            guard word.isOption else {
                operands.append(word)
                if operandsEndOptions { break }
                continue
            }
            if word == "--" { break }
            if word.utf8.dropFirst().first == UInt8(ascii: "-") {
                splitLong(word)
            } else {
                letters = word.dropFirst().unicodeScalars
                letter = letters.popFirst()
            }
            return true
        }
        operands += rest
        return false
    }

    private mutating func splitLong(_ word: String) {
        let text = word.dropFirst(2)
        guard let end = text.utf8.firstIndex(of: UInt8(ascii: "=")) else {
            name = String(text)
            return
        }
        name = String(text[..<end])
        joined = String(text[text.utf8.index(after: end)...])
    }

    /// Whether the option is the one with these names, and no declaration before had it.
    mutating func finds(_ name: String, _ letter: Unicode.Scalar?) -> Bool {
        if isFound { return false }
        if let wanted = self.letter {
            isFound = wanted == letter
        } else {
            isFound = self.name.utf8.count == name.utf8.count && self.name == name
        }
        return isFound
    }

    /// The option as the user wrote it, without its value.
    var written: String { letter.map { "-\($0)" } ?? "--" + name }

    var isHelp: Bool { letter == nil ? name == "help" : letter == "h" }

    var isVersion: Bool { letter == nil && name == "version" }

    /// Reads a flag's value as Go's strconv.ParseBool does; a flag without a value is true.
    mutating func truth() throws(Failure) -> Bool {
        var text = joined
        if letters.first == "=" {
            text = String(letters.dropFirst())
            letters = letters.dropFirst(letters.count)
        }
        switch text {
        case nil, "1", "t", "T", "true", "TRUE", "True": return true
        case "0", "f", "F", "false", "FALSE", "False": return false
        case let text?:
            throw Failure(
                .usage, "invalid value '\(text)' for \(written)", because: "not true or false", cure: cure)
        }
    }

    /// Reads the value of an option: what is joined to it, or else the next word.
    mutating func argument(_ value: Value) throws(Failure) -> Argument {
        if !letters.isEmpty {
            let text = letters.first == "=" ? letters.dropFirst() : letters
            letters = letters.dropFirst(letters.count)
            return Argument(String(text), of: written)
        }
        guard let text = joined ?? rest.popFirst() else {
            throw Failure(.usage, "missing value for \(written)", because: "nothing follows it", cure: cure)
        }
        // No file is called like an option by intention, and `vmm boot --kernel --initrd x` lacks one.
        if joined == nil, value.isPath, text.isOption {
            throw Failure(
                .usage, "missing value for \(written)", because: "\(text) follows it",
                cure: "Write \(written)\(letter == nil ? "=" : "")\(text) if that is the value.")
        }
        return Argument(text, of: written)
    }

    private var cure: String { CommandRefusal.cure(path) }
}

extension String {
    /// Whether the word is an option: it begins with a hyphen, and is not the hyphen that stands for standard
    /// input.
    var isOption: Bool { utf8.first == UInt8(ascii: "-") && utf8.count > 1 }
}
