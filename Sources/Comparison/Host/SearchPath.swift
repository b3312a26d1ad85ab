import CHost

/// The directories that are searched for programs.
struct SearchPath {
    let directories: [String]

    /// Searches PATH, and the system directories that a user's PATH may leave out.
    init(_ path: String) {
        let own = path.split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
        directories = own + ["/usr/local/sbin", "/usr/sbin", "/sbin"].filter { !own.contains($0) }
    }

    /// Returns the first executable called `name`.
    func find(_ name: String) -> String? {
        directories.map { $0 + "/" + name }.first(where: Files.isExecutable)
    }
}
