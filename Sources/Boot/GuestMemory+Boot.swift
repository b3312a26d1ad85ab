import GuestMemory
import Host

/// Writing what we made ourselves to where the layout says: a fault there is our own bug.
extension GuestMemory {
    func place(_ bytes: [UInt8], at address: GuestAddress) throws(Failure) {
        do throws(GuestMemoryFault) {
            try write(bytes, at: address)
        } catch {
            throw .outsideMemory(error)
        }
    }
}

extension Failure {
    static func outsideMemory(_ fault: GuestMemoryFault) -> Failure {
        Failure(
            .software, "cannot lay out the guest's memory",
            because: "there is no RAM for \(fault.range.byteCount) bytes at \(fault.range.start)")
    }
}
