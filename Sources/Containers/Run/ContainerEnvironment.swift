import Host

/// The environment of a container's process: names in the order in which they came, each once.
struct ContainerEnvironment {
    private var variables: [String] = []

    /// What every container gets, before the image and the user say something else.
    init(hostname: String, hasTerminal: Bool) {
        set("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        set("HOSTNAME=\(hostname)")
        if hasTerminal { set("TERM=xterm") }
    }

    /// NAME=VALUE each.
    var list: [String] { variables }

    /// Sets NAME=VALUE, or with NAME alone the variable that the caller has; one that is set nowhere is taken away.
    mutating func add(_ text: String, host: (String) -> String?) throws(Failure) {
        guard !text.isEmpty, text.utf8.first != UInt8(ascii: "=") else {
            throw Failure(
                .usage, "cannot set the variable '\(text)'", because: "it has no name",
                cure: "Write NAME=VALUE, or NAME for the value that it has here.")
        }
        if text.utf8.contains(UInt8(ascii: "=")) {
            set(text)
        } else if let value = host(text) {
            set(text + "=" + value)
        } else {
            remove(text.utf8[...])
        }
    }

    mutating func set(_ variable: String) {
        let name = Self.name(variable)
        if let index = variables.firstIndex(where: { Self.name($0).elementsEqual(name) }) {
            variables[index] = variable
        } else {
            variables.append(variable)
        }
    }

    private mutating func remove(_ name: Substring.UTF8View) {
        variables.removeAll { Self.name($0).elementsEqual(name) }
    }

    private static func name(_ variable: String) -> Substring.UTF8View {
        variable.utf8.prefix { $0 != UInt8(ascii: "=") }
    }
}
