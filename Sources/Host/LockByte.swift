public import Glibc

/// The bytes of lock files that stand for names.
public enum LockByte {
    /// Returns the offset of the byte that stands for `name`: an FNV-1a hash above the first 4 GiB, which
    /// belong to other locks of the same file. A hash collision is harmless if the lock only makes others
    /// wait.
    public static func offset(of name: String) -> off_t {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return off_t(1 << 32 | hash >> 2)
    }
}
