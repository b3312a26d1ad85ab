import Host

/// The environment of a container's process: its variables in the order in which they were set, each name
/// once.
struct ContainerEnvironment {
    /// The variables as NAME=VALUE; nil in place of a removed one.
    private var variables: [String?] = []
    /// The index in `variables` of each name, made only when there are more than `fewCount`: an image may
    /// have very many. For a few variables a linear search is faster than making the first dictionary of a
    /// start. Keys are bytes, because names that are canonically equivalent as strings are still different
    /// names.
    private var places: [[UInt8]: Int]?
    private static let fewCount = 64

    /// Makes the environment that every container has before the image and the user set variables.
    init(hostname: String, hasTerminal: Bool) {
        set("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        set("HOSTNAME=\(hostname)")
        if hasTerminal { set("TERM=xterm") }
    }

    /// The variables as NAME=VALUE.
    var list: [String] { variables.compactMap(\.self) }

    /// Sets the variable if `text` is NAME=VALUE. If `text` is NAME alone, copies the caller's variable, or
    /// removes the container's if the caller has none.
    mutating func add(_ text: String, host: (String) -> String?) throws(Failure) {
        guard !text.isEmpty, text.utf8.first != UInt8(ascii: "=") else {
            throw .invalid(
                text, for: "--env", because: "the variable has no name",
                cure: "Write NAME=VALUE, or NAME to pass on your own value.")
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
        let name = Self.name(variable)
        if let place = place(of: name) {
            variables[place] = variable
            return
        }
        places?[Array(name)] = variables.count
        variables.append(variable)
        if places == nil, variables.count > Self.fewCount { makePlaces() }
    }

    private mutating func remove(_ name: String) {
        guard let place = place(of: name.utf8[...]) else { return }
        variables[place] = nil
        places?[Array(name.utf8)] = nil
    }

    private func place(of name: Substring.UTF8View) -> Int? {
        if let places { return places[Array(name)] }
        return variables.firstIndex { $0.map { Self.name($0).elementsEqual(name) } ?? false }
    }

    private mutating func makePlaces() {
        var places: [[UInt8]: Int] = [:]
        for (place, variable) in variables.enumerated() {
            if let variable { places[Array(Self.name(variable))] = place }
        }
        self.places = places
    }

    private static func name(_ variable: String) -> Substring.UTF8View {
        variable.utf8.prefix { $0 != UInt8(ascii: "=") }
    }
}
