import GuestMemory
import Host

/// Writes boot data to the places of the layout. A fault in such a write is a bug of vmm.
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
