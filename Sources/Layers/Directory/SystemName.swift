import Glibc

/// A file name for system calls: its bytes and a zero byte.
struct SystemName {
    private let text: [CChar]

    /// Makes the name. `name` must not contain a zero byte.
    init(_ name: some Sequence<UInt8>) {
        text = name.map(CChar.init(bitPattern:)) + [0]
    }

    var bytes: some Collection<UInt8> { text.dropLast().lazy.map(UInt8.init(bitPattern:)) }

    func with<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        unsafe text.withUnsafeBufferPointer { unsafe body($0.baseAddress!) }
    }
}
