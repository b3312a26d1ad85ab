import AgentProtocol
import Cgroups
import Host
import Machine
import TestSupport
import Testing

@testable import Containers
@testable import Images

/// A host whose environment and files are the test's.
func planHost(
    _ variables: [String: String] = [:], files: [String: String] = [:], terminalSize: TerminalSize? = nil
) -> ContainerPlan.Host {
    .init(
        terminalSize: terminalSize, variable: { variables[$0] },
        file: { path throws(Failure) in
            guard let text = files[path] else {
                throw Failure(.missingInput, "cannot read \(path)", because: "it is not there")
            }
            return Array(text.utf8)
        })
}

@Suite("The plan of a container")
struct RunPlanTests {
    private func plan(
        _ image: ImageConfiguration = .init(), host: ContainerPlan.Host = planHost(),
        _ change: (inout RunOptions) -> Void
    ) throws(Failure) -> ContainerPlan {
        var options = RunOptions()
        options.image = "image"
        options.command = ["true"]
        change(&options)
        return try ContainerPlan(options, image: image, identifier: "0123456789ab", host: host)
    }

    private func image(entrypoint: [String] = [], command: [String] = []) -> ImageConfiguration {
        var image = ImageConfiguration()
        image.entrypoint = entrypoint
        image.command = command
        return image
    }

    struct Words: Sendable {
        let image: [[String]]
        let entrypoint: String?
        let command: [String]
        let expected: [String]

        init(_ image: [[String]], _ entrypoint: String?, _ command: [String], _ expected: [String]) {
            self.image = image
            self.entrypoint = entrypoint
            self.command = command
            self.expected = expected
        }
    }

    @Test(
        "the command line comes from the entry point and the command of the image and the user",
        arguments: [
            Words([["e", "1"], ["c"]], nil, [], ["e", "1", "c"]),
            Words([["e"], ["c"]], nil, ["x", "y"], ["e", "x", "y"]),
            Words([[], ["c", "d"]], nil, [], ["c", "d"]),
            Words([[], ["c"]], nil, ["x"], ["x"]),
            Words([["e"], ["c"]], "u", [], ["u"]),
            Words([["e"], ["c"]], "u", ["x"], ["u", "x"]),
            Words([["e"], ["c"]], "", ["x"], ["x"]),
            Words([[""], ["c"]], nil, [], ["c"]),
            Words(
                [["sh", "-c", "echo $#", "x", "", ""], [""]], nil, [],
                ["sh", "-c", "echo $#", "x", "", "", ""]),
            Words([["", "x"], []], nil, [], ["", "x"]),
            Words([["", ""], ["c"]], nil, [], ["", "", "c"]),
        ])
    func words(_ words: Words) throws {
        let plan = try plan(image(entrypoint: words.image[0], command: words.image[1])) {
            $0.entrypoint = words.entrypoint
            $0.command = words.command
        }
        #expect(plan.process.arguments == words.expected)
    }

    @Test("an image without a command needs one on the command line", arguments: [nil, ""])
    func noCommand(entrypoint: String?) {
        let failure = #expect(throws: Failure.self) {
            try plan(entrypoint == nil ? .init() : image(entrypoint: ["e"], command: ["c"])) {
                $0.entrypoint = entrypoint
                $0.command = []
            }
        }
        #expect(failure?.kind == .usage && failure?.what == "cannot run image")
    }

    @Test(
        "variables of the image, of files and of the user override each other in this order; NAME alone takes the caller's value"
    )
    func environment() throws {
        var image = ImageConfiguration()
        image.environment = ["PATH=/image", "A=image", "B=image", "C=image"]
        let file = "\u{FEFF}# comment\n\n  B=file  \nHOME\nNOWHERE\nQ=\"a b\"\r\nEMPTY=\nA=file\n"
        let host = planHost(["HOME": "/here", "D": "d"], files: ["f": file])
        let plan = try plan(image, host: host) {
            $0.environmentFiles = ["f"]
            $0.environment = ["A=user", "D", "C", "E=", "E==x", "GONE"]
            $0.hasTerminal = true
        }
        #expect(
            plan.process.environment == [
                "PATH=/image", "HOSTNAME=0123456789ab", "TERM=xterm", "A=user", "B=file  ", "HOME=/here",
                "Q=\"a b\"", "EMPTY=", "D=d", "E==x",
            ])
    }

    /// A file of 40 GiB that takes no room on the disk: so may an image's be.
    @Test("an image that would use up the guest's memory before anything runs is refused")
    func hugeImage() throws {
        let file = try TemporaryFile(byteCount: 40 << 30)
        let image = Image(identifier: "x", configuration: .init(), files: [file.path])
        var options = RunOptions()
        options.image = "huge"
        options.command = ["true"]
        let failure = #expect(throws: Failure.self) {
            try ContainerPlan(options, image: image, host: planHost())
        }
        #expect(failure?.description.contains("640 MiB to manage the 40 GiB") == true)
        #expect(failure?.cure?.contains("--memory 896m") == true)
        options.memory = "896m"
        #expect(try ContainerPlan(options, image: image, host: planHost()).memoryByteCount == 896 << 20)
    }

    @Test("a bundle's settings are applied; unusual capabilities need an option of the user")
    func bundleCapabilities() throws {
        var bundle = BundleConfiguration()
        func plan(_ change: (inout RunOptions) -> Void = { _ in }) throws(Failure) -> ContainerPlan {
            var options = RunOptions()
            options.image = "bundle"
            options.command = ["true"]
            change(&options)
            return try ContainerPlan(
                options, image: .init(), bundle: bundle, identifier: "0123456789ab", host: planHost())
        }
        var sets = BundleConfiguration.Capabilities()
        sets.bounding = ["CAP_KILL", "CAP_CHOWN"]
        sets.effective = ["CAP_KILL"]
        bundle.capabilities = sets
        #expect(try plan().process.capabilities.bounding == 0x21)
        sets.ambient = ["CAP_KILL", "CAP_CHOWN"]
        sets.permitted = ["CAP_KILL", "CAP_CHOWN"]
        sets.inheritable = ["CAP_KILL"]
        bundle.capabilities = sets
        #expect(try plan().process.capabilities.ambient == 0x20, "what Linux lets a process raise")
        for set in [
            \BundleConfiguration.Capabilities.bounding, \.effective, \.permitted, \.inheritable, \.ambient,
        ] {
            var more = sets
            more[keyPath: set].append("CAP_SYS_ADMIN")
            bundle.capabilities = more
            let failure = #expect(throws: Failure.self) { try plan() }
            #expect(failure?.cure?.contains("--cap-add SYS_ADMIN") == true, "\(String(describing: failure))")
            #expect(
                try plan { $0.addedCapabilities = ["SYS_ADMIN"] }.process.capabilities.bounding == 0xA824_25FB
            )
        }
        bundle.capabilities = nil
        bundle.hostname = "a\n127.0.0.1 b"
        #expect(throws: Failure.self) { try plan() }
    }

    @Test("a plan beyond the limits of the agent's protocol or of Linux is refused")
    func plansBeyondLimits() throws {
        var image = ImageConfiguration()
        image.user = String(repeating: "u", count: 5 << 20)
        let failure = #expect(throws: Failure.self) { try plan(image) { _ in } }
        #expect(failure?.kind == .usage && failure?.why.contains("the limit is \(4 << 20)") == true)
        let long = String(repeating: "x", count: 131_072)
        for words in [[long], Array(repeating: String(long.dropLast()), count: 16)] {
            let failure = #expect(throws: Failure.self) { try plan { $0.command = words } }
            #expect(failure?.cure?.contains("128 KiB each") == true)
        }
        var bundle = BundleConfiguration()
        bundle.maskedPaths = Array(repeating: "/" + String(repeating: "m", count: 100), count: 40_000)
        var options = RunOptions()
        options.image = "bundle"
        options.command = ["true"]
        #expect(throws: Failure.self) {
            try ContainerPlan(options, image: .init(), bundle: bundle, identifier: "x", host: planHost())
        }
        bundle.maskedPaths.removeLast(2000)
        #expect(throws: Never.self) {
            try ContainerPlan(options, image: .init(), bundle: bundle, identifier: "x", host: planHost())
        }
    }

    @Test("very many variables are kept in order, each once")
    func manyVariables() throws {
        var image = ImageConfiguration()
        let names = (0..<100_000).map { "V\($0)" }
        image.environment = names.map { "\($0)=1" } + names.map { "\($0)=2" }
        let plan = try plan(image) { $0.environment = ["V1", "V3", "V1=3", "caf\u{E9}=1", "cafe\u{301}=2"] }
        let left = names.enumerated().filter { ![1, 3].contains($0.offset) }.map { "\($0.element)=2" }
        let expected = left + ["V1=3", "caf\u{E9}=1", "cafe\u{301}=2"]
        let found = plan.process.environment.dropFirst(2)
        #expect(found.elementsEqual(expected) { $0.utf8.elementsEqual($1.utf8) })
    }

    @Test(
        "variables without a name and malformed files of variables are refused",
        arguments: [["=x"], [""], ["@ A=1"], ["@=x"], ["@A B=1"], ["@A\t"], ["@\0=1"]])
    func badEnvironment(_ words: [String]) {
        #expect(throws: Failure.self) {
            try plan(host: planHost(files: ["f": "OK=1\n" + words[0].dropFirst()])) {
                if words[0].hasPrefix("@"), words[0] != "@ A=1" {
                    $0.environmentFiles = ["f"]
                } else if words[0] == "@ A=1" {
                    $0.environmentFiles = ["missing"]
                } else {
                    $0.environment = words
                }
            }
        }
    }

    @Test(
        "capabilities are added to and dropped from the default set",
        arguments: [
            ([], [], 0xA804_25FB), (["ALL"], [], 0x1FF_FFFF_FFFF), ([], ["all"], 0),
            (["NET_ADMIN"], [], 0xA804_35FB), (["CAP_NET_ADMIN"], ["ALL"], 0x1000),
            (["ALL"], ["cap_chown"], 0x1FF_FFFF_FFFE),
            ([], ["NET_RAW", "CAP_CHOWN"], 0xA804_05FA), (["net_bind_service"], [], 0xA804_25FB),
        ] as [([String], [String], UInt64)])
    func capabilities(added: [String], dropped: [String], bits: UInt64) throws {
        let plan = try plan {
            $0.addedCapabilities = added
            $0.droppedCapabilities = dropped
        }
        #expect(plan.process.capabilities.bounding == bits)
        #expect(plan.process.capabilities.effective == bits && plan.process.capabilities.ambient == 0)
    }

    @Test("limits, tmpfs mounts, volumes, names and numbers become parts of the plan")
    func parts() throws {
        var image = ImageConfiguration()
        image.volumes = ["/data", "/run", "relative"]
        image.stopSignal = "SIGQUIT"
        image.user = "postgres"
        image.workingDirectory = "srv"
        let plan = try plan(image) {
            $0.resourceLimits = ["nofile=1024:4096", "core=-1", "nproc=5"]
            $0.temporaryFileSystems = ["/run", "/tmp:rw,exec,size=64m,mode=1777"]
            $0.isReadOnly = true
            $0.memory = "1.5g"
            $0.cpus = "1.5"
            $0.processLimit = "100"
            $0.securityOptions = ["no-new-privileges"]
        }
        #expect(plan.process.limits.map(\.resource) == [7, 4, 6, 11])
        #expect(plan.process.limits.map(\.soft) == [1024, .max, 5, 65536])
        #expect(plan.process.limits.map(\.hard) == [4096, .max, 5, 65536])
        #expect(plan.container.mounts.map(\.target) == ["/run", "/tmp", "/data"])
        #expect(plan.container.mounts.map(\.flags) == [14, 6, 4096])
        #expect(plan.container.mounts[1].options == "size=64m,mode=1777")
        #expect(plan.container.mounts[2].type == "bind" && plan.container.isRootReadOnly)
        #expect(plan.stopSignal == 3 && plan.process.user == "postgres")
        #expect(plan.process.workingDirectory == "/srv" && plan.process.noNewPrivileges)
        #expect(plan.memoryByteCount == 3 << 29 && plan.cpuCount == 2)
        #expect(plan.limits.cpuBillionths == 1_500_000_000 && plan.limits.memoryByteCount == 3 << 29)
        #expect(plan.limits.processCount == 100)
        #expect(plan.container.hostname == "0123456789ab")
    }

    @Test("without options there is no cgroup, and the paths that docker hides are hidden")
    func usual() throws {
        let plan = try plan { _ in }
        #expect(plan.limits.isEmpty && plan.cpuCount == 1 && plan.writableByteCount == nil)
        #expect(plan.container.maskedPaths.contains("/proc/kcore"))
        #expect(plan.container.readOnlyPaths.contains("/proc/sysrq-trigger"))
        #expect(
            plan.process.terminal == nil && !plan.process.hasInput && plan.process.workingDirectory == "/")
        let open = try self.plan { $0.securityOptions = ["systempaths=unconfined"] }
        #expect(open.container.maskedPaths.isEmpty && open.container.readOnlyPaths.isEmpty)
    }

    @Test("the limits on open files and processes are docker's, unless the user sets others")
    func usualLimits() throws {
        let limits = try plan { _ in }.process.limits
        #expect(limits.first { $0.resource == 7 }.map { [$0.soft, $0.hard] } == [1024, 1 << 20])
        #expect(limits.first { $0.resource == 6 }.map { [$0.soft, $0.hard] } == [.max, .max])
        let own = try plan { $0.resourceLimits = ["nofile=10:20"] }.process.limits.filter { $0.resource == 7 }
        #expect(own.map(\.hard) == [20])
    }

    @Test(
        "capabilities and security options decide about privileges, user namespaces and io_uring",
        arguments: [
            ([], [], false, ["user/max_user_namespaces", "kernel/io_uring_disabled"]),
            (["SYS_ADMIN"], [], false, ["kernel/io_uring_disabled"]),
            (["ALL"], [], false, ["kernel/io_uring_disabled"]), ([], ["seccomp=unconfined"], false, []),
            (
                [], ["systempaths=unconfined"], false,
                ["user/max_user_namespaces", "kernel/io_uring_disabled"]
            ),
            (["ALL"], ["systempaths=unconfined"], true, []),
        ] as [([String], [String], Bool, [String])])
    func privileges(added: [String], security: [String], isPrivileged: Bool, closed: [String]) throws {
        let plan = try plan {
            $0.addedCapabilities = added
            $0.securityOptions = security
        }
        #expect(plan.container.isPrivileged == isPrivileged)
        let paths = plan.container.kernelParameters.map(\.path)
        let all = ["user/max_user_namespaces", "kernel/io_uring_disabled"]
        #expect(all.filter(paths.contains) == closed && paths.contains("vm/max_map_count"))
        let image = Image(identifier: "x", configuration: .init(), files: [])
        let files = try GuestFiles(kernel: "k", initramfs: "i")
        let line = try #require(plan.machine(files, image: image, disk: nil, append: nil).commandLine)
        #expect(line.split(separator: " ").contains("container_devices=") == !isPrivileged)
    }

    @Test("a kernel parameter that the user has set is kept")
    func ownParameter() throws {
        let plan = try plan {
            $0.append = "quiet sysctl.vm.max_map_count=5 sysctl.user.max_user_namespaces=9"
        }
        let paths = plan.container.kernelParameters.map(\.path)
        #expect(!paths.contains("vm/max_map_count") && !paths.contains("user/max_user_namespaces"))
        #expect(paths.contains("kernel/pid_max") && paths.contains("kernel/io_uring_disabled"))
    }

    @Test(
        "--writable chooses the writable layer",
        arguments: [("none", nil), ("memory", nil), ("10G", 10 << 30), ("16M", 16 << 20)]
            as [(String, UInt64?)])
    func writable(text: String, byteCount: UInt64?) throws {
        let plan = try plan { $0.writable = text }
        #expect(plan.writableByteCount == byteCount)
        switch plan.container.writable {
        case .none: #expect(text == "none")
        case .memory: #expect(text == "memory")
        case .disk: #expect(byteCount != nil)
        }
    }

    @Test(
        "stop signals are parsed",
        arguments: [
            ("TERM", 15), ("sigint", 2), ("9", 9), ("RTMIN+3", 37), ("SIGRTMAX-1", 63), ("RTMIN", 34),
        ] as [(String, UInt8)])
    func stopSignal(text: String, number: UInt8) throws {
        #expect(try plan { $0.stopSignal = text }.stopSignal == number)
    }

    static let nonsense: [@Sendable (inout RunOptions) -> Void] = [
        { $0.memory = "lots" }, { $0.memory = "1k" }, { $0.memory = "-1" }, { $0.memory = "9999999999p" },
        { $0.memory = "1.2.3g" }, { $0.memory = "." }, { $0.memory = "1gg" }, { $0.cpus = "0" },
        { $0.cpus = "65" }, { $0.cpus = "-1" }, { $0.cpus = "1e3" }, { $0.cpus = "99999999999999999999" },
        { $0.resourceLimits = ["nofile"] }, { $0.resourceLimits = ["files=1"] },
        { $0.resourceLimits = ["nofile=2:1"] }, { $0.resourceLimits = ["nofile=a"] },
        { $0.resourceLimits = ["nofile=1:2:3"] }, { $0.temporaryFileSystems = ["tmp"] },
        { $0.temporaryFileSystems = ["/tmp:loud"] }, { $0.addedCapabilities = ["FLY"] },
        { $0.stopSignal = "SIGNOTHING" }, { $0.stopSignal = "0" }, { $0.stopSignal = "65" },
        { $0.stopSignal = "RTMIN+31" }, { $0.stopSignal = "" }, { $0.writable = "1M" }, { $0.writable = "x" },
        { $0.writable = "99999T" }, { $0.hostname = "" }, { $0.hostname = "a b" },
        { $0.hostname = String(repeating: "h", count: 65) }, { $0.name = "-x" }, { $0.name = "x" },
        { $0.name = "a/b" }, { $0.workingDirectory = "here" }, { $0.processLimit = "many" },
        { $0.processLimit = "-2" }, { $0.securityOptions = ["selinux"] },
        { $0.labels = ["=x"] }, { $0.labels = [""] }, { $0.memorySwap = "1g" }, { $0.memorySwap = "x" },
        { $0.securityOptions = ["seccomp=profile.json"] }, { $0.sharedMemory = "x" },
        { $0.sharedMemory = "-1" }, { $0.volumes = ["/a:/b"] }, { $0.volumes = ["data"] },
        { $0.volumes = ["/"] },
        { $0.mounts = ["type=bind,src=/a,dst=/b"] }, { $0.mounts = ["type=tmpfs"] }, { $0.mounts = [""] },
        { $0.mounts = ["type=tmpfs,dst=a"] }, { $0.mounts = ["type=tmpfs,dst=/a,tmpfs-size=x"] },
        { $0.mounts = ["type=tmpfs,dst=/a,src=/b"] }, { $0.mounts = ["type=tmpfs,dst=/a,colour=red"] },
        { $0.mounts = ["type=tmpfs,dst=/a,tmpfs-mode=9"] }, { $0.mounts = ["type=npipe,dst=/a"] },
        { $0.sysctls = ["a"] }, { $0.sysctls = ["=1"] }, { $0.sysctls = ["a=1"] },
        { $0.sysctls = ["a..b=1"] },
        { $0.sysctls = ["net.../../x=1"] }, { $0.sysctls = ["net/../../etc/x=1"] },
        { $0.sysctls = ["net.x y=1"] },
        { $0.sysctls = ["/etc/x=1"] }, { $0.devices = ["/dev/kvm"] }, { $0.devices = ["fuse"] },
        { $0.devices = ["/dev/fuse:/dev/x:/dev/y:r"] }, { $0.devices = [""] },
        { $0.storageOptions = ["size"] }, { $0.storageOptions = ["size=x"] },
        { $0.storageOptions = ["dm.fs=ext4"] },
    ]

    @Test("an invalid value is a usage error", arguments: nonsense.indices)
    func refused(index: Int) {
        let failure = #expect(throws: Failure.self) { try plan(.init(), Self.nonsense[index]) }
        #expect(failure?.kind == .usage, "\(String(describing: failure))")
    }

    static let texts: [(String, @Sendable (inout RunOptions) -> Void)] = [
        ("invalid value 'many' for --pids-limit: not a number", { $0.processLimit = "many" }),
        ("invalid value 'lots' for --memory: not a size", { $0.memory = "lots" }),
        ("invalid value '0' for --cpus: not a number from 0.01 to 64", { $0.cpus = "0" }),
        ("invalid value 'FLY' for --cap-drop: no such capability", { $0.droppedCapabilities = ["FLY"] }),
        ("invalid value 'nofile=a' for --ulimit: not a number", { $0.resourceLimits = ["nofile=a"] }),
        ("--memory-swap 1g is not supported: a guest has no swap", { $0.memorySwap = "1g" }),
    ]

    @Test(
        "an invalid value is named with its option and the reason", arguments: texts.indices
    )
    func text(index: Int) {
        let failure = #expect(throws: Failure.self) { try plan(.init(), Self.texts[index].1) }
        #expect(failure?.description.hasPrefix(Self.texts[index].0) == true, "\(String(describing: failure))")
    }

    @Test("sizes of file systems in memory are added to the default memory, but not to --memory")
    func memory() throws {
        #expect(try plan { $0.sharedMemory = "0" }.memoryByteCount == 256 << 20)
        #expect(
            try plan { $0.temporaryFileSystems = ["/a", "/b:size=50%", "/c:mode=1777"] }.memoryByteCount
                == 256 << 20)
        #expect(try plan { $0.sharedMemory = "64m" }.memoryByteCount == (256 + 66) << 20)
        let both = try plan {
            $0.sharedMemory = "1g"
            $0.mounts = ["type=tmpfs,target=/x,tmpfs-size=1g"]
        }
        #expect(both.memoryByteCount == (256 + 2 * 1024 + 64) << 20 && both.limits.isEmpty)
        #expect(try plan { $0.sharedMemory = "900t" }.memoryByteCount == (256 + 4096 + 128) << 20)
        let own = try plan {
            $0.sharedMemory = "1g"
            $0.memory = "512m"
        }
        #expect(own.memoryByteCount == 512 << 20)
    }

    @Test("--shm-size and --mount type=tmpfs become mounts")
    func memoryMounts() throws {
        let plan = try plan {
            $0.sharedMemory = "64m"
            $0.temporaryFileSystems = ["/run:size=1m", "/tmp", "/run:size=2m"]
            $0.mounts = [
                "type=tmpfs,dst=/a,tmpfs-size=1k,tmpfs-mode=0700,readonly", "type=tmpfs,destination=/b",
                "type=tmpfs,target=/dev/shm,tmpfs-size=8m",
            ]
        }
        #expect(plan.container.mounts.map(\.target) == ["/tmp", "/run", "/a", "/b", "/dev/shm"])
        #expect(plan.container.mounts.map(\.flags) == [14, 14, 15, 14, 14])
        #expect(
            plan.container.mounts.map(\.options) == [
                "", "size=2m", "mode=0700,size=1024", "", "size=8388608",
            ])
        let shared = try self.plan { $0.sharedMemory = "64m" }.container.mounts
        #expect(shared.map(\.target) == ["/dev/shm"] && shared[0].options == "mode=1777,size=67108864")
    }

    @Test("anonymous volumes are writable in a read-only root; --storage-opt size= is a disk")
    func anonymousVolumes() throws {
        let plan = try plan {
            $0.volumes = ["/data"]
            $0.mounts = ["target=/more", "type=volume,dst=/ro,readonly"]
            $0.isReadOnly = true
        }
        #expect(plan.container.mounts.map(\.target) == ["/data", "/more", "/ro"])
        #expect(plan.container.mounts.allSatisfy { $0.type == "bind" })
        #expect(try self.plan { $0.volumes = ["/data"] }.container.mounts.isEmpty)
        #expect(try self.plan { $0.storageOptions = ["size=1G"] }.writableByteCount == 1 << 30)
        let own = try self.plan {
            $0.storageOptions = ["size=1G"]
            $0.writable = "2G"
        }
        #expect(own.writableByteCount == 2 << 30)
    }

    @Test(
        "--sysctl accepts names with dots or slashes, as sysctl(8) does",
        arguments: [
            ("net.ipv4.ip_forward=1", "net/ipv4/ip_forward", "1"),
            ("kernel/shmmax=5 6", "kernel/shmmax", "5 6"),
            ("net.ipv4.conf.eth0/1.rp_filter=0", "net/ipv4/conf/eth0.1/rp_filter", "0"),
            ("net/ipv4/conf/eth0.1/rp_filter=", "net/ipv4/conf/eth0.1/rp_filter", ""),
            ("kernel.core_pattern=/x=%p", "kernel/core_pattern", "/x=%p"),
        ])
    func sysctls(text: String, path: String, value: String) throws {
        let parameters = try plan { $0.sysctls = [text] }.container.kernelParameters
        #expect(parameters.last == .init(path, value, isRequired: true))
        let named = try plan { $0.domainname = "example" }.container.kernelParameters
        #expect(named.last == .init("kernel/domainname", "example", isRequired: true))
    }

    @Test("--privileged overrides the options for capabilities")
    func privileged() throws {
        let plan = try plan {
            $0.isPrivileged = true
            $0.droppedCapabilities = ["ALL"]
        }
        #expect(plan.process.capabilities.bounding == 0x1FF_FFFF_FFFF && plan.container.isPrivileged)
        #expect(plan.container.maskedPaths.isEmpty && plan.container.readOnlyPaths.isEmpty)
        #expect(plan.container.mounts.map(\.type) == ["devtmpfs"])
        #expect(try !self.plan { $0.addedCapabilities = ["ALL"] }.container.isPrivileged)
    }

    @Test("--device adds devices that a guest has")
    func devices() throws {
        let plan = try plan {
            $0.devices = ["/dev/fuse", "/dev/null", "/dev/fuse:/dev/x:rw", "/dev/kmsg:r"]
        }
        #expect(plan.container.devices.map(\.path) == ["/dev/fuse", "/dev/x", "/dev/kmsg"])
        #expect(plan.container.devices.map(\.minor) == [229, 229, 11])
    }

    @Test("files of labels are read and checked")
    func labelFiles() throws {
        let host = planHost(files: ["good": "# comment\na=b\nc\n", "bad": "a=b\n=c\n"])
        _ = try plan(host: host) { $0.labelFiles = ["good"] }
        #expect(throws: Failure.self) { try plan(host: host) { $0.labelFiles = ["bad"] } }
        #expect(throws: Failure.self) { try plan(host: host) { $0.labelFiles = ["missing"] } }
    }

    @Test(
        "sizes are parsed as docker parses them",
        arguments: [
            ("1", 1), ("1b", 1), ("64MiB", 64 << 20), ("64 MB", 64 << 20), (".5k", 512), ("2K", 2048),
            ("0", 0),
        ] as [(String, UInt64)])
    func sizes(text: String, byteCount: UInt64) {
        #expect(Quantity.byteCount(text) == byteCount)
    }
}
