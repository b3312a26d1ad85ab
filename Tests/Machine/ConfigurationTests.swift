import Foundation
import Host
import Machine
import TestSupport
import Testing

@Suite("MachineConfiguration")
struct ConfigurationTests {
    @Test(
        "sizes have binary units, in either case, or none",
        arguments: [
            ("256M", UInt64(256) << 20), ("2G", 2 << 30), ("1048576K", 1 << 30), ("1T", 1 << 40),
            ("4096", 4096),
            ("16m", 16 << 20), ("0", 0), ("0M", 0),
        ])
    func sizes(text: String, expected: UInt64) throws {
        #expect(try MachineConfiguration.byteCount(text) == expected)
    }

    @Test(
        "what is no size is refused in the user's words",
        arguments: [
            "", "M", "abc", "-1", "-256M", "256MB", "1.5G", " 1G", "99999999999T", "18446744073709551616",
            "0x100M", "1 G",
        ])
    func badSizes(text: String) {
        let failure = #expect(throws: Failure.self) { try MachineConfiguration.byteCount(text) }
        #expect(failure?.kind == .usage)
        #expect(failure?.what == "cannot give the guest \(text) of memory")
        #expect(failure?.cure?.contains("256M") == true)
    }

    @Test("CPU counts are numbers")
    func cpuCounts() throws {
        #expect(try MachineConfiguration.cpuCount("4") == 4)
        for text in ["", "abc", "1.5", "99999999999999999999", "4x"] {
            let failure = #expect(throws: Failure.self) { try MachineConfiguration.cpuCount(text) }
            #expect(failure?.kind == .usage)
        }
    }

    @Test(
        "a disk is a file and its options; a comma of the name is written twice",
        arguments: [
            ("a.img", "a.img", false, String?.none), ("a.img,ro", "a.img", true, nil),
            ("a.img,id=root", "a.img", false, "root"), ("a.img,ro,id=root", "a.img", true, "root"),
            ("a.img,id=root,ro", "a.img", true, "root"), ("a,,b.img,ro", "a,b.img", true, nil),
            ("a,,,,b", "a,,b", false, nil), ("a,,ro", "a,ro", false, nil),
            ("/x y/z,id=a b", "/x y/z", false, "a b"),
        ])
    func disks(text: String, path: String, isReadOnly: Bool, identifier: String?) throws {
        let disk = try DiskConfiguration(parsing: text)
        #expect(disk.path == path)
        #expect(disk.isReadOnly == isReadOnly)
        #expect(disk.identifier == identifier)
    }

    @Test("a disk's sectors and its content are what the user says")
    func diskContent() throws {
        let disk = try DiskConfiguration(parsing: "a,sector=4096,format=raw")
        #expect(disk.sectorByteCount == 4096 && disk.isRaw && !disk.isReadOnly)
        let plain = try DiskConfiguration(parsing: "a")
        #expect(plain.sectorByteCount == nil && !plain.isRaw)
    }

    @Test(
        "a disk that says something unknown is refused",
        arguments: [
            "", ",ro", "a.img,rw", "a.img,", "a.img,id=", "a.img,ro,", "a.img,RO", "a.img,serial=1",
            "a.img,format=qcow2", "a.img,format=", "a.img,format", "a.img,sector=512.0", "a.img,sector=256",
            "a.img,sector=8192", "a.img,sector=-512", "a.img,sector=", "a.img,sector=99999999999999999999",
            "a.img,ro=1",
        ])
    func badDisks(text: String) {
        let failure = #expect(throws: Failure.self) { try DiskConfiguration(parsing: text) }
        #expect(failure?.kind == .usage)
        #expect(failure?.cure == "Write FILE[,ro][,id=NAME][,sector=SIZE][,format=raw].")
    }

    @Test("the default command line says where the console is")
    func commandLine() {
        var configuration = MachineConfiguration(kernel: "k")
        #expect(configuration.defaultCommandLine == "console=hvc0 panic=-1")
        configuration.console = .serial
        #expect(configuration.defaultCommandLine == "console=ttyS0 panic=-1")
        configuration.console = .none
        #expect(configuration.defaultCommandLine == "panic=-1")
    }

    @Test("limits are checked before anything is built")
    func limits() throws {
        var good = MachineConfiguration(kernel: "k")
        try good.validate()
        good.cpuCount = 64
        good.memoryByteCount = 1 << 40
        try good.validate()
        let bad: [(String, (inout MachineConfiguration) -> Void)] = [
            ("no CPU", { $0.cpuCount = 0 }), ("less than none", { $0.cpuCount = -1 }),
            ("too many", { $0.cpuCount = 65 }),
            ("no memory", { $0.memoryByteCount = 0 }), ("too little", { $0.memoryByteCount = 1 << 20 }),
            ("too much", { $0.memoryByteCount = 1 << 41 }),
            ("odd", { $0.memoryByteCount = (16 << 20) + 512 }),
            (
                "a long id",
                {
                    var disk = DiskConfiguration(path: "d")
                    disk.identifier = "123456789012345678901"
                    $0.disks = [disk]
                }
            ),
        ]
        for (what, change) in bad {
            var configuration = MachineConfiguration(kernel: "k")
            change(&configuration)
            let failure = #expect(throws: Failure.self, "\(what)") { try configuration.validate() }
            #expect(failure?.kind == .usage, "\(what)")
        }
    }

    @Test("as many devices as there is room for, and no more")
    func tooManyDisks() throws {
        let files = try (0..<40).map { _ in try TemporaryFile(byteCount: 512) }
        let run = try MachineRun("halt") { $0.disks = files.map { DiskConfiguration(path: $0.path) } }
        let failure = #expect(throws: Failure.self) { try run.end() }
        #expect(failure?.kind == .usage)
    }
}
