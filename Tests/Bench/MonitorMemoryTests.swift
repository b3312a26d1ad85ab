import Testing

@testable import vmm_bench

/// The memory of a monitor that is not its guest's, by the text of a smaps file.
@Suite("the memory of a monitor")
struct MonitorMemoryTests {
    /// Makes the lines of a mapping whose pages are all resident, anonymous ones if `isAnonymous`.
    private func mapping(_ start: UInt64, _ mebibytes: UInt64, _ name: String, isAnonymous: Bool = true)
        -> String
    {
        let end = start + mebibytes << 20
        let (from, to) = (String(start, radix: 16), String(end, radix: 16))
        let kibibytes = mebibytes << 10
        return """
            \(from)-\(to) rw-p 00000000 00:00 0    \(name)
            Size: \(kibibytes) kB
            Rss:                \(kibibytes) kB
            Anonymous:          \(isAnonymous ? kibibytes : 0) kB
            VmFlags: rd wr mr

            """
    }

    private func memory(_ text: String) -> [Int] {
        let memory = MonitorMemory(smaps: text, guestByteCount: 256 << 20)
        return [memory.anonymous >> 10, memory.guest >> 10, memory.resident >> 10]
    }

    @Test("guest memory is known by its name, its size, or its pieces")
    func guest() {
        let own = mapping(0x1000_0000, 3, "[heap]") + mapping(0x2000_0000, 5, "/opt/vmm", isAnonymous: false)
        #expect(memory(own) == [3, 0, 8])
        #expect(memory(own + mapping(0x7000_0000, 64, "[anon:guest memory]")) == [3, 64, 72])
        #expect(memory(own + mapping(0x7000_0000, 64, "/memfd:guest (deleted)")) == [3, 64, 72])
        #expect(memory(own + mapping(0x7000_0000, 64, "/home/guest/file")) == [67, 0, 72])
        #expect(memory(own + mapping(0x7000_0000, 300, "")) == [3, 300, 308])
        let pieces = mapping(0x7000_0000, 100, "") + mapping(0x7640_0000, 156, "/kernel", isAnonymous: false)
        #expect(memory(own + pieces) == [3, 256, 264])
        // A gap, or another size, is the monitor's own.
        let apart = mapping(0x7000_0000, 100, "") + mapping(0x7650_0000, 156, "")
        #expect(memory(own + apart) == [259, 0, 264])
    }

    @Test("a file that is mapped over guest memory belongs to it")
    func between() {
        let name = "[anon:guest memory]"
        let text =
            mapping(0x7000_0000, 16, name) + mapping(0x7100_0000, 16, "/kernel")
            + mapping(0x7200_0000, 16, name) + mapping(0x7300_0000, 16, "")
        #expect(memory(text) == [16, 48, 64])
    }
}
