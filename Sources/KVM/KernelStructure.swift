import CKVM
import Host

/// Structures of <linux/kvm.h> as plain bytes. A state holds those that vmm itself does not interpret.
enum KernelStructure {
    /// The largest number of bytes of a saved structure, but for the area of XSAVE.
    static let byteLimit = 4096

    /// Reads a structure of `byteCount` bytes by the ioctl `request`. `index` is its first field, if it
    /// selects what is read.
    static func read(
        _ request: UInt, byteCount: Int, startingWith index: Int32 = 0, from descriptor: Int32,
        _ what: @autoclosure () -> String
    ) throws(Failure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        let result = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe buffer.storeBytes(of: index, as: Int32.self)
            // A structure of the interface is never empty, so the buffer has an address.
            return unsafe ckvm_ioctl_pointer(descriptor, request, buffer.baseAddress!)
        }
        try kvmCall(what(), result)
        return bytes
    }

    static func read<Raw>(
        _ request: UInt, _ type: Raw.Type, startingWith index: Int32 = 0, from descriptor: Int32,
        _ what: @autoclosure () -> String
    ) throws(Failure) -> [UInt8] {
        try read(
            request, byteCount: MemoryLayout<Raw>.size, startingWith: index, from: descriptor, what())
    }

    /// Passes a structure to the ioctl `request`. Throws if `bytes` are not `byteCount`, as many as KVM
    /// reads, or if KVM refuses them.
    static func write(
        _ bytes: [UInt8], _ request: UInt, byteCount: Int, to descriptor: Int32,
        _ what: @autoclosure () -> String
    ) throws(Failure) {
        guard bytes.count == byteCount else {
            throw Failure(
                .badInput, what(), because: "the state has \(bytes.count) bytes, and KVM reads \(byteCount)")
        }
        // KVM may write its answer into the structure.
        var bytes = bytes
        let result = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe ckvm_ioctl_pointer(descriptor, request, buffer.baseAddress!)
        }
        try kvmCall(what(), result)
    }

    static func write<Raw>(
        _ bytes: [UInt8], _ request: UInt, _ type: Raw.Type, to descriptor: Int32,
        _ what: @autoclosure () -> String
    ) throws(Failure) {
        try write(bytes, request, byteCount: MemoryLayout<Raw>.size, to: descriptor, what())
    }
}

/// The size of the area of XSAVE in which a KVM reads and writes it (KVM_CAP_XSAVE2).
struct ExtendedStateSize: Sendable {
    let byteCount: Int
    /// Whether the size is KVM's own, and not that of struct kvm_xsave.
    let isLarge: Bool
}

extension ExtendedStateSize {
    /// Asks the KVM behind `descriptor`: /dev/kvm, or a VM.
    init(of descriptor: borrowing OwnedDescriptor) {
        let answer = ckvm_ioctl_value(
            descriptor.rawValue, ckvm_CHECK_EXTENSION, UInt(KVMCapability.extendedState.rawValue))
        byteCount = max(Int(answer), MemoryLayout<kvm_xsave>.size)
        isLarge = answer > 0
    }
}
