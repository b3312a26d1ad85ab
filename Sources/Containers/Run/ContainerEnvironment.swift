import Host

/// The environment of a container's process: names in the order in which they came, each once.
struct ContainerEnvironment {
    /// Nil where one was taken away.
    private var variables: [String?] = []
    /// Where each name is. An image may have very many, and names are bytes: texts that only look alike are two.
    private var places: [[UInt8]: Int] = [:]

    /// What every container gets, before the image and the user say something else.
    init(hostname: String, hasTerminal: Bool) {
        set("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        set("HOSTNAME=\(hostname)")
        if hasTerminal { set("TERM=xterm") }
    }

    /// NAME=VALUE each.
    var list: [String] { variables.compactMap(\.self) }

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
            remove(text)
        }
    }

    mutating func set(_ variable: String) {
        let name = Array(variable.utf8.prefix { $0 != UInt8(ascii: "=") })
        if let place = places[name] {
            variables[place] = variable
        } else {
            places[name] = variables.count
            variables.append(variable)
        }
    }

    private mutating func remove(_ name: String) {
        if let place = places.removeValue(forKey: Array(name.utf8)) { variables[place] = nil }
    }
}
