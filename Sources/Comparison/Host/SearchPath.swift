import CHost

/// Where programs are looked for.
struct SearchPath {
    let directories: [String]

    /// PATH, and where system programs lie that a user's PATH may leave out.
    init(_ path: String) {
        let own = path.split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
        directories = own + ["/usr/local/sbin", "/usr/sbin", "/sbin"].filter { !own.contains($0) }
    }

    /// The first program called `name`.
    func find(_ name: String) -> String? {
        directories.map { $0 + "/" + name }.first(where: Files.isExecutable)
    }
}
