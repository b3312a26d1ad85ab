import Glibc

/// A name in a file system for system calls: its bytes and a zero byte.
struct SystemName {
    private let text: [CChar]

    /// `name` has no zero byte in it.
    init(_ name: some Sequence<UInt8>) {
        text = name.map(CChar.init(bitPattern:)) + [0]
    }

    var bytes: some Collection<UInt8> { text.dropLast().lazy.map(UInt8.init(bitPattern:)) }

    func with<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        unsafe text.withUnsafeBufferPointer { unsafe body($0.baseAddress!) }
    }
}
