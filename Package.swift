// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target is held to the same rules: Swift 6 mode, explicit unsafety, no warning left.
let rules: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

/// A room of the house: a library target whose arrows are all named here.
func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: rules)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: dependencies, path: "Tests/\(name)", swiftSettings: rules)
}

let package = Package(
    name: "vmm",
    dependencies: [
        .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    ],
    targets: [
        .target(name: "CKVM"),
        // Tiny guests, for tests and measurements: assembly, and a table of what it made.
        .target(name: "TinyGuests", path: "firmware", exclude: ["build.sh", "test"]),
        .target(name: "CHost"),
        // What only measuring programs may do. The monitor does not contain it.
        .target(name: "CMeasure"),
        .target(
            name: "CCodecs",
            linkerSettings: [
                .linkedLibrary("z"), .linkedLibrary("lzma"), .linkedLibrary("zstd"), .linkedLibrary("lz4"),
            ]),
        .target(name: "CDigest", linkerSettings: [.linkedLibrary("crypto")]),

        room("Host", ["CHost", system]),
        // Commands and options, declared once: the reader, the help, man pages and completions.
        room("Arguments", ["Host"]),
        room("CompareOptions", ["Arguments"]),
        room("KVM", ["CKVM", "GuestMemory", "Host", system]),
        room("GuestMemory", ["Host", "CHost", system]),
        room("Layout", ["GuestMemory"]),
        room("Virtio", ["GuestMemory", "Host"]),
        room("Devices", ["Virtio", "GuestMemory", "Host", "CHost", system]),
        room("Boot", ["Layout", "GuestMemory", "Host", "CCodecs", system]),
        room(
            "Machine", ["KVM", "Devices", "Boot", "Layout", "Virtio", "GuestMemory", "Host", system, logging]),
        room("Doctor", ["Machine", "KVM", "Host", system]),
        // The frames between the monitor and the guest's agent; guest/init compiles these files too.
        room("AgentProtocol", ["Host"]),
        room("Cgroups", ["Host", system]),
        room("Layers", ["Host", "CHost", "CDigest", system]),
        room("Tar", ["Layers", "Host", "CCodecs", system]),
        room("EROFS", ["Layers", "Host", system]),
        room("Images", ["Tar", "EROFS", "Layers", "Host", "CHost", system]),
        room("Template", ["Machine", "Images", "Layers", "Host"]),
        room(
            "Containers",
            ["Template", "Machine", "Images", "Cgroups", "AgentProtocol", "Host", "CHost", system, logging]),
        room("Measure", ["Host", "CHost", "CMeasure", system]),
        room(
            "Comparison",
            ["Measure", "Containers", "Images", "EROFS", "Layers", "Host", "CHost", "CMeasure", system]),
        .executableTarget(
            name: "vmm",
            dependencies: [
                "Arguments", "CompareOptions", "Machine", "Doctor", "Containers", "Template", "Images",
                "Cgroups", "Layers", "AgentProtocol", "Host", system, logging,
            ],
            swiftSettings: rules),
        // What `vmm compare` runs in its place.
        .executableTarget(
            name: "vmm-compare",
            dependencies: [
                "Arguments", "CompareOptions", "Comparison", "Measure", "Containers", "Images", "Doctor",
                "Host",
            ],
            swiftSettings: rules),
        // What `make bench` runs.
        .executableTarget(
            name: "vmm-bench", dependencies: ["Measure", "Host", "CHost", system], swiftSettings: rules),

        .target(
            name: "TestSupport", dependencies: ["Virtio", "GuestMemory", "Layers", "Tar", "Host", "CHost"],
            path: "Tests/Support",
            swiftSettings: rules),
        // The table of devices in the hands of a hostile driver, for tests and fuzzers.
        .target(
            name: "HostileDevices", dependencies: ["Devices", "Virtio", "GuestMemory", "Host"],
            path: "Tests/Hostile", swiftSettings: rules),
        tests("Host", ["Host", "CHost", "TestSupport", system]),
        tests("Arguments", ["Arguments", "Host"]),
        tests("KVM", ["KVM", "GuestMemory", "Host", "TinyGuests", "TestSupport"]),
        tests(
            "Machine",
            [
                "Machine", "Boot", "Layout", "Devices", "Virtio", "KVM", "GuestMemory", "Host", "TinyGuests",
                "TestSupport",
                logging,
            ]),
        tests("AgentProtocol", ["AgentProtocol", "Host"]),
        tests("Layers", ["Layers", "Tar", "EROFS", "Host", "CHost", "TestSupport", system]),
        tests(
            "Images",
            ["Images", "Containers", "Tar", "EROFS", "Layers", "Host", "CHost", "TestSupport", system]),
        tests("Template", ["Template", "Machine", "Images", "Host", "TestSupport"]),
        tests(
            "Containers",
            [
                "Containers", "Template", "Images", "Cgroups", "Machine", "Layers", "AgentProtocol", "Host",
                "CHost",
                "TestSupport", system, logging,
            ]),
        tests("Bench", ["vmm-bench", "Host", "TestSupport"]),
        tests("Measure", ["Measure", "Host", "TestSupport"]),
        tests(
            "Comparison", ["Comparison", "Measure", "Containers", "Images", "Host", "TestSupport", system]),
        // The built program, as its user meets it.
        tests(
            "Command",
            [
                "vmm", "Arguments", "CompareOptions", "Containers", "Template", "Images", "Machine", "Host",
                "TestSupport",
                logging,
            ]),
        // The rules of the house that a program can check.
        tests("Tidy", ["TestSupport"]),
        // Real Linux in the lab.
        .testTarget(
            name: "LabTests", dependencies: ["TestSupport"], path: "Tests/Lab",
            exclude: [
                "lab.sh", "repeat.sh", "cases.sh", "systems.sh", "mend-qemu.py", "hold.sh", "stage1",
                "stage2",
                "guest-init", "agent",
                "postgres",
            ],
            swiftSettings: rules),
        tests("Boot", ["Boot", "Layout", "CCodecs", "GuestMemory", "Host"]),
        tests("GuestMemory", ["GuestMemory", "Host", "TestSupport"]),
        tests("Virtio", ["Virtio", "GuestMemory", "Host", "TestSupport"]),
        tests(
            "Devices",
            ["Devices", "Virtio", "GuestMemory", "Host", "CHost", "TestSupport", "HostileDevices", system]),
    ])

/// A libFuzzer target: its `main` comes from the fuzzer's runtime.
func fuzzer(_ name: String, _ directory: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: ["FuzzSupport"] + dependencies, path: "Tests/Fuzz/\(directory)",
        swiftSettings: rules + [.unsafeFlags(["-parse-as-library"])])
}

// An ordinary build does not link that runtime.
if Context.environment["VMM_FUZZ"] != nil {
    package.targets += [
        .target(name: "FuzzSupport", path: "Tests/Fuzz/Support", swiftSettings: rules),
        // The host's part of the table of devices.
        .target(
            name: "FuzzDevices",
            dependencies: ["FuzzSupport", "HostileDevices", "Devices", "Virtio", "Host"],
            path: "Tests/Fuzz/Devices", swiftSettings: rules),
        fuzzer("fuzz-tar", "Tar", ["Tar", "Layers", "Host"]),
        fuzzer("fuzz-kernel-image", "KernelImage", ["Boot", "Layout", "GuestMemory", "Host"]),
        fuzzer("fuzz-erofs", "Erofs", ["EROFS", "Layers", "Host"]),
        fuzzer("fuzz-layer-merge", "LayerMerge", ["EROFS", "Layers", "Host"]),
        fuzzer("fuzz-image-texts", "ImageTexts", ["Images", "Layers", "Host"]),
        fuzzer("fuzz-agent-protocol", "AgentProtocol", ["AgentProtocol", "Host"]),
        fuzzer("fuzz-virtqueue", "Virtqueue", ["FuzzDevices", "HostileDevices", "Virtio", "GuestMemory"]),
        fuzzer(
            "fuzz-machine-state", "MachineState",
            ["FuzzDevices", "HostileDevices", "Machine", "Devices", "Virtio", "GuestMemory", "Host"]),
    ]
}

// `VMM_TESTS="Layers Containers" swift test` builds only the test targets that are named, which is what a developer waits for.
if let names = Context.environment["VMM_TESTS"]?.split(separator: " ") {
    package.targets.removeAll { target in
        target.type == .test && !names.contains { target.name == $0 + "Tests" }
    }
}
