import Containers
import Host
import Logging
import Machine

/// What `vmm run` does once its arguments are read.
enum Run {
    /// What docker's users know as the status of a failure that is not the command's own.
    static let failureStatus: Int32 = 125

    static func run(_ options: RunOptions) throws(Failure) -> Never {
        throw Failure(.software, "cannot run \(options.image)", because: "this is not built yet")
    }
}
