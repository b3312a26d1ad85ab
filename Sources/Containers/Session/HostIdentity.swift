import AgentProtocol
import CHost
import Glibc
import Host
import SystemPackage

extension GuestIdentity {
    /// Makes an identity of new random bytes of the host (getrandom(2)) and its present time
    /// (CLOCK_REALTIME).
    static func ofHost() throws(Failure) -> GuestIdentity {
        var seed = InlineArray<64, UInt8>(repeating: 0)
        var span = seed.mutableSpan
        let count = unsafe span.withUnsafeMutableBytes { unsafe getrandom($0.baseAddress, $0.count, 0) }
        guard count == seedByteCount else {
            throw Failure("cannot get random bytes for the guest", errno: .current)
        }
        var time = timespec()
        guard unsafe clock_gettime(CLOCK_REALTIME, &time) == 0 else {
            throw Failure("cannot read the clock for the guest", errno: .current)
        }
        return GuestIdentity(
            seed: seed, seconds: UInt64(max(0, time.tv_sec)),
            nanoseconds: UInt32(truncatingIfNeeded: time.tv_nsec))
    }
}
