import Foundation
import TestSupport
import Testing

/// Files of the host in a guest's physical memory, as a real kernel uses them.
@Suite("Persistent memory in the lab")
struct PersistentMemoryTests {
    private static let common = "--kernel build/vmlinux --initrd build/initramfs.cpio"

    /// Makes /dev/shm/NAME.erofs with a file `sum` of that many random bytes, and notes its sum.
    private static func image(_ name: String, byteCount: Int) -> String {
        """
        mkdir -p /dev/shm/\(name)
        head -c \(byteCount) /dev/urandom >/dev/shm/\(name)/data
        cp /bin/busybox /dev/shm/\(name)/busybox
        mkfs.erofs /dev/shm/\(name).erofs /dev/shm/\(name) >/dev/null 2>&1
        note sum-\(name) sha256sum /dev/shm/\(name)/data

        """
    }

    private func command(_ line: String) -> String { "--append " + Question.quoted(Question.append(line)) }

    private static let mount = "mkdir /m; mount -t erofs -o ro,dax=always /dev/pmem0 /m && echo dax=mounted; "
    private static let read = "echo sum=$(sha256sum </m/data | cut -c1-64); echo ran=$(/m/busybox echo yes); "

    @Test(
        "a file system in it is read and run in place, with little memory and with much, and cannot be written"
    )
    func reading() throws {
        let write = "echo ro=$(cat /sys/block/pmem0/ro); echo x | dd of=/dev/pmem0 bs=1 2>/dev/null; sync; "
        let boots = try Lab.run(
            Self.image("a", byteCount: 9_000_001) + """
                note before sha256sum /dev/shm/a.erofs
                boot small \(Self.common) --memory 128M --pmem /dev/shm/a.erofs \(command(Self.mount + Self.read))
                boot large \(Self.common) --memory 5G --cpus 4 --pmem /dev/shm/a.erofs \(command(
                    Self.mount + Self.read + "echo size=$(cat /sys/block/pmem0/size); "
                        + "echo place=$(grep -c namespace /proc/iomem)"))
                boot write \(Self.common) --pmem /dev/shm/a.erofs \(command(write + Self.mount + Self.read))
                note after sha256sum /dev/shm/a.erofs
                note size stat -c bytes=%s /dev/shm/a.erofs
                """, seconds: 900)
        let sum = try #require(boots["sum-a"]?.lines.first).prefix(64)
        for name in ["small", "large", "write"] {
            let boot = try #require(boots[name])
            #expect(boot.status == 0 && boot["dax"] == "mounted", "\(name): \(boot)")
            #expect(boot["sum"] == String(sum) && boot["ran"] == "yes", "\(name): \(boot)")
        }
        let bytes = try #require(boots["size"]?["bytes"].flatMap { Int($0) })
        #expect(
            boots["large"]?["size"] == "\((bytes + 0x1F_FFFF) / 0x20_0000 * 4096)", "in sectors, up to 2 MiB")
        #expect(boots["before"]?.lines == boots["after"]?.lines, "nothing was written through to the file")
    }

    @Test("several files lie one after another; a file that is cut off ends the guest with a clear word")
    func several() throws {
        let offset = "$(( ($(stat -c %s /dev/shm/a.erofs) + 4095) / 4096 ))"
        let wait = "echo up=yes; sleep 5; cat /m/data >/dev/null; echo unreachable=yes"
        let boots = try Lab.run(
            Self.image("a", byteCount: 100_000) + Self.image("b", byteCount: 3_000_000) + """
                note sum-whole sha256sum /dev/shm/b.erofs
                pages=\(offset)
                size=$(stat -c %s /dev/shm/b.erofs)
                boot two \(Self.common) --pmem /dev/shm/a.erofs,/dev/shm/b.erofs --append \
                "quiet -- \\"\(Self.mount)echo second=\\$(tail -c +$((pages * 4096 + 1)) /dev/pmem0 | head -c $size | sha256sum | cut -c1-64)\\""
                start cut boot \(Self.common) --pmem /dev/shm/b.erofs \(command(Self.mount + wait))
                await cut up=yes
                truncate -s 8192 /dev/shm/b.erofs
                finish cut
                """, seconds: 900)
        let two = try #require(boots["two"])
        #expect(two.status == 0 && two["dax"] == "mounted", "\(two)")
        #expect(two["second"] == boots["sum-whole"]?.lines.first.map { String($0.prefix(64)) }, "\(two)")
        let cut = try #require(boots["cut"])
        #expect(cut.status == 65 && cut["unreachable"] == nil, "\(cut)")
        #expect(cut.says("cannot go on reading the persistent memory /dev/shm/b.erofs"), "\(cut)")
    }
}
