import Foundation
import TestSupport
import Testing

/// Images and block devices of the host.
@Suite("Disks in the lab")
struct DiskTests {
    private static let common = "--kernel build/vmlinux --initrd build/initramfs.cpio"

    private func command(_ line: String) -> String { "--append " + Question.quoted(Question.append(line)) }

    @Test("a guest sees a disk's own sectors, and can write whole ones")
    func sectors() throws {
        let question = command(
            """
            echo logical=$(cat /sys/block/vda/queue/logical_block_size); \
            echo physical=$(cat /sys/block/vda/queue/physical_block_size); \
            echo written >/dev/vda && sync && echo sum=$(head -c 8 /dev/vda)
            """)
        let boots = try Lab.run(
            """
            truncate -s 64M /dev/shm/large /dev/shm/small
            device=$(losetup -b 4096 -f --show /dev/shm/large)
            boot device \(Self.common) --disk $device \(question)
            losetup -d $device
            boot image \(Self.common) --disk /dev/shm/small,sector=4096 \(question)
            boot plain \(Self.common) --disk /dev/shm/small \(question)
            """, seconds: 600)
        for (name, logical) in [("device", "4096"), ("image", "4096"), ("plain", "512")] {
            let boot = try #require(boots[name], "\(name)")
            #expect(boot.status == 0 && boot["logical"] == logical, "\(boot)")
            #expect(boot["physical"] == "4096" && boot["sum"] == "written", "\(boot)")
        }
    }

    @Test("a device that is read-only, mounted, or another monitor's is not attached for writing")
    func devices() throws {
        let boots = try Lab.run(
            """
            truncate -s 16M /dev/shm/file /dev/shm/system
            device=$(losetup -r -f --show /dev/shm/file)
            boot readOnly --kernel build/firmware/poweroff.elf --disk $device
            boot allowed --kernel build/firmware/poweroff.elf --disk $device,ro --disk $device,ro
            losetup -d $device
            mke2fs -q -F /dev/shm/system
            device=$(losetup -f --show /dev/shm/system)
            mkdir /dev/shm/mount
            mount $device /dev/shm/mount
            boot mounted --kernel build/firmware/poweroff.elf --disk $device
            umount /dev/shm/mount
            boot unmounted --kernel build/firmware/poweroff.elf --disk $device
            start holder boot --kernel build/firmware/spin.elf --console serial --disk $device
            until ls /proc/$(</dev/shm/holder.pid)/task/*/comm | xargs grep -q vcpu0; do sleep 0.1; done
            mknod /dev/other-disk b $(stat -c '0x%t 0x%T' $device)
            boot second --kernel build/firmware/poweroff.elf --disk /dev/other-disk
            kill -9 $(</dev/shm/holder.pid)
            finish holder
            boot twice --kernel build/firmware/poweroff.elf --disk $device --disk /dev/other-disk
            """, seconds: 600)
        for (name, status, words) in [
            ("readOnly", 77, "the device is read-only"), ("allowed", 0, "powered off"),
            ("mounted", 75, "it is mounted on the host"), ("unmounted", 0, "powered off"),
            ("second", 75, "another monitor"), ("twice", 64, "is the same disk"),
        ] as [(String, Int32, String)] {
            let boot = try #require(boots[name], "\(name)")
            #expect(boot.status == status && boot.says(words), "\(name): \(boot)")
        }
    }
}
