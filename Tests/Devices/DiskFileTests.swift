import Devices
import Foundation
import Host
import TestSupport
import Testing

@Suite struct DiskFileTests {
    /// The failure of opening `path`; an attempt that works is a failed test.
    private func failure(_ path: String, readOnly: Bool = false) -> Failure? {
        do throws(Failure) {
            _ = try DiskFile.open(path, readOnly: readOnly)
            Issue.record("\(path) can be opened")
            return nil
        } catch { return error }
    }

    @Test func aFileOfWholeSectorsIsADisk() throws {
        let file = try TemporaryFile(byteCount: 1 << 20)
        #expect(try DiskFile.open(file.path, readOnly: false).byteCount == 1 << 20)
        #expect(try DiskFile.open(file.path, readOnly: true).isReadOnly)
    }

    @Test func whatIsMissingIsNamed() {
        let failure = failure("/nonexistent/disk.img")
        #expect(failure?.kind == .missingInput)
        #expect(
            failure?.description == "cannot open the disk /nonexistent/disk.img: no such file or directory")
    }

    @Test(arguments: [true, false]) func aDirectoryIsNoDisk(_ readOnly: Bool) {
        let failure = failure("/", readOnly: readOnly)
        #expect(failure?.kind == .badInput)
        #expect(failure?.why == "is a directory")
    }

    @Test(arguments: [true, false]) func aCharacterDeviceIsNoDisk(_ readOnly: Bool) {
        #expect(failure("/dev/null", readOnly: readOnly)?.why == "it is neither a file nor a block device")
    }

    @Test func aFIFOIsNoDiskAndHoldsNobodyUp() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "vmm-fifo-\(UUID())").path
        #expect(unsafe mkfifo(path, 0o600) == 0)
        defer { unsafe unlink(path) }
        #expect(failure(path, readOnly: true)?.why == "it is neither a file nor a block device")
    }

    @Test(arguments: [1, 511, 513, 1_000_000]) func aSizeOfPartSectorsIsRefused(_ byteCount: Int) throws {
        let file = try TemporaryFile(byteCount: byteCount)
        let failure = failure(file.path)
        #expect(failure?.kind == .badInput)
        #expect(failure?.why == "its size of \(byteCount) bytes is not a multiple of 512")
        // The cure works, and refusing changed nothing.
        #expect(failure?.cure == "truncate -s \((byteCount + 511) / 512 * 512) \(file.path)")
        #expect(try file.bytes().count == byteCount)
    }

    @Test func anEmptyFileIsRefused() throws {
        let file = try TemporaryFile()
        #expect(failure(file.path)?.why == "it is empty")
    }

    @Test func aWritableDiskHasOneUser() throws {
        let file = try TemporaryFile(byteCount: 4096)
        let first = try DiskFile.open(file.path, readOnly: false)
        for readOnly in [false, true] {
            #expect(failure(file.path, readOnly: readOnly)?.why == "another monitor is using it")
        }
        withExtendedLifetime(first) {}
    }

    @Test func readersShareADiskAndKeepWritersOut() throws {
        let file = try TemporaryFile(byteCount: 4096)
        let readers = try (0..<3).map { _ in try DiskFile.open(file.path, readOnly: true) }
        #expect(failure(file.path)?.why == "another monitor is using it")
        withExtendedLifetime(readers) {}
    }

    @Test func aDiskInUseHasAKindOfItsOwn() throws {
        let file = try TemporaryFile(byteCount: 4096)
        let first = try DiskFile.open(file.path, readOnly: false)
        #expect(failure(file.path)?.kind == .inUse)
        withExtendedLifetime(first) {}
    }

    /// By another name, too.
    @Test func aMachineHasAWritableDiskOnce() throws {
        let file = try TemporaryFile(byteCount: 4096)
        let link = file.path + "-link"
        #expect(unsafe symlink(file.path, link) == 0)
        defer { unsafe unlink(link) }
        for (firstReadOnly, secondReadOnly) in [(false, false), (false, true), (true, false)] {
            let first = try DiskFile.open(file.path, readOnly: firstReadOnly)
            for (path, why) in [(file.path, "it is named twice"), (link, "\(file.path) is the same disk")] {
                let failure = #expect(throws: Failure.self) {
                    _ = try DiskFile.open(path, readOnly: secondReadOnly, beside: [first])
                }
                #expect(failure?.kind == .usage && failure?.why == why)
            }
        }
        let first = try DiskFile.open(file.path, readOnly: true)
        _ = try DiskFile.open(link, readOnly: true, beside: [first])
    }

    @Test(arguments: [512, 1024, 2048, 4096] as [UInt32]) func anImageHasWholeSectors(_ sector: UInt32) throws
    {
        let whole = try TemporaryFile(byteCount: 8192)
        #expect(try DiskFile.open(whole.path, readOnly: false, sectorByteCount: sector).byteCount == 8192)
        let odd = try TemporaryFile(byteCount: 8192 + Int(sector) / 2)
        let failure = #expect(throws: Failure.self) {
            _ = try DiskFile.open(odd.path, readOnly: false, sectorByteCount: sector)
        }
        #expect(failure?.why == "its size of \(8192 + sector / 2) bytes is not a multiple of \(sector)")
    }

    @Test func aDiskIsFreeAgainAfterItsUser() throws {
        let file = try TemporaryFile(byteCount: 4096)
        for _ in 0..<3 { _ = try DiskFile.open(file.path, readOnly: false) }
    }
}
