import Host

/// Checks of configurations when they are read: a container that could never start is refused at the import
/// and not at each start.
extension JSONField {
    private static let mountLimit = 1000

    /// Checks the arguments and variables of a process together.
    func checkCommand(_ texts: [String]) throws(Failure) {
        guard let problem = CommandSize.problem(texts) else { return }
        throw document.refused(
            "\(document.subject) has more arguments and variables than Linux allows: \(problem)"
        )
    }

    /// Checks the number of volumes or mounts.
    func check(mountCount: Int) throws(Failure) {
        guard mountCount <= Self.mountLimit else {
            throw document.refused("\(document.subject) has more than \(Self.mountLimit) mounts")
        }
    }
}
