import Foundation
import GuestMemory
import Host
import Testing

@testable import Boot

/// Files of one test, gone with it.
final class TemporaryDirectory {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "boot-tests-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Writes a file; its path.
    func write(_ bytes: [UInt8], to name: String) throws -> String {
        let file = path + "/" + name
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }
}

extension GuestAddress {
    static func + (address: GuestAddress, offset: UInt64) -> GuestAddress {
        GuestAddress(address.rawValue + offset)
    }
}

let mebibyte: UInt64 = 1 << 20

/// A kernel loaded from `bytes` into a memory of its own.
struct Loaded {
    let memory: GuestMemory
    let kernel: LoadedKernel

    /// A file of a few bytes does not look like a kernel, and `looksLikeOne` is not asked of it.
    init(
        _ bytes: [UInt8], memory size: UInt64 = 64 * mebibyte, policy: LoadPolicy = LoadPolicy(),
        looksLikeOne: Bool = false, mode: mode_t = 0o644
    ) throws {
        memory = try GuestMemory(byteCount: size)
        let directory = try TemporaryDirectory()
        let path = try directory.write(bytes, to: "kernel")
        #expect(unsafe chmod(path, mode) == 0)
        var policy = policy
        policy.allowsAnyKernel = !looksLikeOne
        kernel = try KernelImage(InputFile(path, as: "kernel")).load(into: memory, policy)
    }

    /// Whether everything from 1 MiB on is zero but for `expected`.
    func holds(_ expected: [(address: UInt64, bytes: [UInt8])], upTo end: UInt64) throws -> Bool {
        var image = [UInt8](repeating: 0, count: Int(end - mebibyte))
        for (address, bytes) in expected {
            let start = Int(address - mebibyte)
            image.replaceSubrange(start..<start + bytes.count, with: bytes)
        }
        return try memory.bytes(at: GuestAddress(mebibyte), count: image.count) == image
    }
}

/// The failure of loading `bytes` as a kernel; it names the file.
func refusal(
    of bytes: [UInt8], memory size: UInt64 = 64 * mebibyte, policy: LoadPolicy = LoadPolicy(),
    looksLikeOne: Bool = false,
    sourceLocation: SourceLocation = #_sourceLocation
) throws -> Failure {
    let failure = try #require(
        throws: Failure.self, sourceLocation: sourceLocation
    ) { try Loaded(bytes, memory: size, policy: policy, looksLikeOne: looksLikeOne) }
    #expect(failure.what.hasPrefix("cannot use the kernel /"), sourceLocation: sourceLocation)
    #expect(failure.description.split(separator: "\n").count <= 2, sourceLocation: sourceLocation)
    return failure
}
