import Host

/// The arguments of a measurement, which this program gives to itself.
enum Arguments {
    /// Returns the number at `index`, which must be at least 1.
    static func number(_ arguments: [String], _ index: Int) throws(Failure) -> Int {
        guard index < arguments.count, let number = Int(arguments[index]), number > 0 else {
            throw Failure(
                .usage, "cannot measure", because: "argument \(index + 1) must be a number, at least 1")
        }
        return number
    }
}
