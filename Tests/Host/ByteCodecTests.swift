import TestSupport
import Testing

@testable import Host

@Suite struct ByteCodecTests {
    /// The bytes that `write` appends.
    private func bytes(_ write: (inout ByteWriter) -> Void) -> [UInt8] {
        var writer = ByteWriter()
        write(&writer)
        return writer.bytes
    }

    @Test("integers are little-endian at any place of any slice", arguments: 0..<9)
    func integers(offset: Int) {
        let fields: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
        let all = [UInt8](repeating: 0xEE, count: offset) + fields + [0xEE]
        var reader = ByteReader(all[offset..<offset + fields.count])
        #expect(reader.u8() == 1)
        #expect(reader.u16() == 0x0302)
        #expect(reader.u32() == 0x0706_0504)
        #expect(!reader.isAtEnd)
        #expect(reader.u64() == 0x0F0E_0D0C_0B0A_0908)
        #expect(reader.isAtEnd)
        #expect(reader.u8() == nil)
    }

    @Test("a read beyond the end fails, and so does every later one")
    func end() {
        var reader = ByteReader([1, 0, 0])
        #expect(reader.u32() == nil)
        #expect(reader.u8() == nil)
        reader = ByteReader([2, 7])
        #expect(reader.flag() == nil)
        #expect(reader.u8() == nil)
    }

    @Test("arrays of bytes, optional values and lists come back")
    func roundTrip() {
        let bytes = bytes { writer in
            writer.bytes([1, 2, 3])
            writer.bytes([])
            writer.optional(UInt16?.none) { $0.u16($1) }
            writer.optional(0x1234) { $0.u16($1) }
            writer.list([5, 6]) { $0.u64($1) }
            writer.text("a")
        }
        #expect(bytes.count == 7 + 4 + 1 + 3 + 20 + 5)
        var reader = ByteReader(bytes)
        #expect(reader.bytes(atMost: 3) == [1, 2, 3])
        #expect(reader.bytes(atMost: 0) == [])
        #expect(reader.optional { $0.u16() } == .some(nil))
        #expect(reader.optional { $0.u16() } == 0x1234)
        #expect(reader.list(atMost: 2) { $0.u64() } == [5, 6])
        #expect(reader.text() == "a")
        #expect(reader.isAtEnd)
    }

    @Test(
        "an optional value that is cut off or neither there nor absent is refused",
        arguments: [[1], [1, 9], [2]])
    func badOptional(bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        let value: UInt16?? = reader.optional { $0.u16() }
        #expect(value == nil)
    }

    @Test("a length above its limit or above the bytes that are left is refused before anything is read")
    func lengths() {
        for count in [3, 5, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF] as [UInt32] {
            let bytes = bytes { writer in
                writer.u32(count)
                writer.append(zeroes: 4)
            }
            let limit = count == 3 ? 2 : Int.max
            var reader = ByteReader(bytes)
            #expect(reader.bytes(atMost: limit) == nil)
            var readCount = 0
            reader = ByteReader(bytes)
            let list: [UInt8]? = reader.list(atMost: limit) { reader in
                readCount += 1
                return reader.u8()
            }
            #expect(list == nil && readCount == 0)
        }
        var reader = ByteReader([4, 0, 0, 0, 1, 0, 0, 0])
        #expect(reader.list { $0.u16() } == nil, "the elements are cut off")
    }
}
