import Containers
import Host

extension RunOptions {
    /// Parses a command line as docker does: options up to the image; everything after it belongs to the
    /// command. Returns nil if the user asks for help, which ArgumentParser prints.
    ///
    /// Like `BootArguments.init(plain:)`, this exists because ArgumentParser's reflection costs more than the
    /// rest of a start. `RunArgumentsTests` checks that both parsers agree.
    init?(plain arguments: ArraySlice<String>) throws(Failure) {
        self.init()
        guard try read(arguments) else { return nil }
    }

    /// Parses `arguments` over the options that are set already, by the rules of docker's parser (pflag):
    /// `--name value`, `--name=value`, `--flag`, `--flag=false`, `-n value`, `-nvalue`, `-n=value`, and
    /// combined letters. Returns false if the user asks for help.
    mutating func read(_ arguments: ArraySlice<String>) throws(Failure) -> Bool {
        var rest = arguments
        while let word = rest.first, word.hasPrefix("-"), word != "-" {
            rest.removeFirst()
            if word == "--" { break }
            if ["--help", "--help-hidden", "--version"].contains(word) { return false }
            if word.hasPrefix("--") { try long(word, &rest) } else { try short(word, &rest) }
        }
        guard let image = rest.popFirst(), !image.isEmpty else { throw RunRefusal.noImage }
        self.image = image
        command = Array(rest)
        return true
    }

    private mutating func long(_ word: String, _ rest: inout ArraySlice<String>) throws(Failure) {
        let text = word.dropFirst(2)
        let name = String(text.prefix { $0 != "=" })
        let joined = name.utf8.count < text.utf8.count ? String(text.dropFirst(name.count + 1)) : nil
        if let flag = RunFlag(rawValue: name) {
            set(flag, to: try RunRefusal.truth(joined, of: "--" + name))
        } else if let option = RunOption(rawValue: name) {
            set(option, to: try Self.value(joined, "--" + name, &rest))
        } else if let option = DockerOption.named(name) {
            try option.check(option.takesValue ? try Self.value(joined, "--" + name, &rest) : joined)
        } else {
            throw RunRefusal.unknown("--" + name)
        }
    }

    /// Parses letters that take no value, followed by at most one that does: `-i`, `-it`, `-ite A=B`,
    /// `-eA=B`, `-e=A=B`, `-t=false`.
    private mutating func short(_ word: String, _ rest: inout ArraySlice<String>) throws(Failure) {
        var letters = word.dropFirst()
        while let letter = letters.popFirst() {
            let option = RunOption(letter: letter)
            let docker = DockerOption.named(letter)
            guard option != nil || docker?.takesValue == true else {
                // Text after a `=` is the value of the letter before it.
                let joined = letters.first == "=" ? String(letters.dropFirst()) : nil
                try set(letter, to: joined, docker)
                if joined != nil { return }
                continue
            }
            let joined = letters.first == "=" ? letters.dropFirst() : letters
            let value = try Self.value(letters.isEmpty ? nil : String(joined), "-\(letter)", &rest)
            if let option { set(option, to: value) } else { try docker?.check(value) }
            return
        }
    }

    private mutating func set(
        _ letter: Character, to joined: String?, _ docker: DockerOption?
    ) throws(Failure) {
        if let flag = RunFlag(letter: letter) {
            set(flag, to: try RunRefusal.truth(joined, of: "-\(letter)"))
        } else if let docker {
            try docker.check(joined)
        } else {
            throw RunRefusal.unknown("-\(letter)")
        }
    }

    private static func value(
        _ joined: String?, _ option: String, _ rest: inout ArraySlice<String>
    ) throws(Failure) -> String {
        guard let value = joined ?? rest.popFirst() else { throw RunRefusal.missingValue(option) }
        return value
    }
}
