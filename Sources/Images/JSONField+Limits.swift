import Host

/// What no container can be made of is refused where it is read, and not at each start.
extension JSONField {
    private static let mountLimit = 1000

    /// Checks all arguments and variables of a process.
    func checkCommand(_ texts: [String]) throws(Failure) {
        guard let problem = CommandSize.problem(texts) else { return }
        throw document.refused(
            "\(document.subject) has arguments and variables that Linux cannot start a program with: \(problem)"
        )
    }

    /// Checks the number of volumes or mounts.
    func check(mountCount: Int) throws(Failure) {
        guard mountCount <= Self.mountLimit else {
            throw document.refused("\(document.subject) has more than \(Self.mountLimit) mounts")
        }
    }
}
