#if canImport(Host)  // the guest's agent compiles this file and the codec as one module
    public import Host
#endif

/// The container's file systems and names, set up before its first process.
public struct ContainerSpecification: ByteValue {
    /// The storage of the writable layer over the image's layers, which are the machine's first virtio-pmem
    /// device.
    public enum Writable: Sendable {
        /// None: the root is read-only.
        case none
        /// The guest's memory, at most `byteLimit` bytes of it; 0 for the size that `MemoryPlan` computes.
        case memory(byteLimit: UInt64)
        /// An ext4 file system on the virtio disk whose serial number is `writable`.
        case disk
    }

    /// A file system to be mounted in the container.
    public struct Mount: ByteValue {
        /// The type for mount(2): `tmpfs`, `proc`, `bind` and others.
        public var type: String
        public var source: String
        /// An absolute path in the container.
        public var target: String
        /// MS_ flags of mount(2).
        public var flags: UInt32
        /// The file system's own options, separated by commas.
        public var options: String

        public init(type: String, source: String, target: String, flags: UInt32 = 0, options: String = "") {
            self.type = type
            self.source = source
            self.target = target
            self.flags = flags
            self.options = options
        }
    }

    /// A parameter of the guest's kernel: sysctl(8).
    public struct KernelParameter: ByteValue, Equatable {
        /// The path below /proc/sys, with slashes.
        public var path: String
        public var value: String
        /// Whether the set-up fails if the kernel lacks this parameter.
        public var isRequired: Bool

        public init(_ path: String, _ value: String, isRequired: Bool = false) {
            self.path = path
            self.value = value
            self.isRequired = isRequired
        }
    }

    /// A character device in the container's /dev beside the usual ones.
    public struct Device: ByteValue, Equatable {
        /// An absolute path in the container.
        public var path: String
        public var major: UInt32
        public var minor: UInt32

        public init(path: String, major: UInt32, minor: UInt32) {
            self.path = path
            self.major = major
            self.minor = minor
        }
    }

    public var hostname: String
    public var writable: Writable
    /// Whether the root is read-only although there is a `writable` layer, which volumes and other mounts can
    /// still use.
    public var isRootReadOnly = false
    /// Whether the first process is the container's process 1 itself. Otherwise a small init that reaps
    /// orphans is.
    public var firstProcessIsInit = false
    /// The mounts in their order, after /proc, /sys (read-only), /sys/fs/cgroup (read-only), /dev, /dev/pts,
    /// /dev/shm and /dev/mqueue. A mount whose target is one of these replaces it. Missing targets are made.
    public var mounts: [Mount] = []
    /// Files and directories that are hidden (OCI runtime 1.2, config-linux, Masked Paths).
    public var maskedPaths: [String] = []
    /// Files and directories that are read-only (OCI runtime 1.2, config-linux, Readonly Paths).
    public var readOnlyPaths: [String] = []
    /// Whether /sys and /sys/fs/cgroup are writable, as in docker's privileged containers.
    public var isPrivileged = false
    /// The kernel parameters, set in this order before the container's first process runs.
    public var kernelParameters: [KernelParameter] = []
    public var devices: [Device] = []

    public init(hostname: String, writable: Writable) {
        self.hostname = hostname
        self.writable = writable
    }

    public func write(to writer: inout ByteWriter) {
        writer.text(hostname)
        switch writable {
        case .none: writer.u8(0)
        case .memory(let byteLimit):
            writer.u8(1)
            writer.u64(byteLimit)
        case .disk: writer.u8(2)
        }
        writer.flag(isRootReadOnly)
        writer.flag(firstProcessIsInit)
        writer.list(mounts) { $1.write(to: &$0) }
        writer.list(maskedPaths) { $0.text($1) }
        writer.list(readOnlyPaths) { $0.text($1) }
        writer.flag(isPrivileged)
        writer.list(kernelParameters) { $1.write(to: &$0) }
        writer.list(devices) { $1.write(to: &$0) }
    }

    public init?(from reader: inout ByteReader) {
        guard let hostname = reader.text(), let writable = Self.writable(&reader),
            let isRootReadOnly = reader.flag(), let firstProcessIsInit = reader.flag(),
            let mounts = reader.list({ Mount(from: &$0) }), let maskedPaths = reader.list({ $0.text() }),
            let readOnlyPaths = reader.list({ $0.text() }), let isPrivileged = reader.flag(),
            let kernelParameters = reader.list({ KernelParameter(from: &$0) }),
            let devices = reader.list({ Device(from: &$0) })
        else { return nil }
        self.init(hostname: hostname, writable: writable)
        self.isRootReadOnly = isRootReadOnly
        self.firstProcessIsInit = firstProcessIsInit
        self.mounts = mounts
        self.maskedPaths = maskedPaths
        self.readOnlyPaths = readOnlyPaths
        self.isPrivileged = isPrivileged
        self.kernelParameters = kernelParameters
        self.devices = devices
    }

    private static func writable(_ reader: inout ByteReader) -> Writable? {
        switch reader.u8() {
        case 0: Writable.none
        case 1: reader.u64().map { .memory(byteLimit: $0) }
        case 2: .disk
        default: nil
        }
    }
}

extension ContainerSpecification.KernelParameter {
    public func write(to writer: inout ByteWriter) {
        writer.text(path)
        writer.text(value)
        writer.flag(isRequired)
    }

    public init?(from reader: inout ByteReader) {
        guard let path = reader.text(), let value = reader.text(), let isRequired = reader.flag() else {
            return nil
        }
        self.init(path, value, isRequired: isRequired)
    }
}

extension ContainerSpecification.Device {
    public func write(to writer: inout ByteWriter) {
        writer.text(path)
        writer.u32(major)
        writer.u32(minor)
    }

    public init?(from reader: inout ByteReader) {
        guard let path = reader.text(), let major = reader.u32(), let minor = reader.u32() else { return nil }
        self.init(path: path, major: major, minor: minor)
    }
}

extension ContainerSpecification.Mount {
    public func write(to writer: inout ByteWriter) {
        writer.text(type)
        writer.text(source)
        writer.text(target)
        writer.u32(flags)
        writer.text(options)
    }

    public init?(from reader: inout ByteReader) {
        guard let type = reader.text(), let source = reader.text(), let target = reader.text(),
            let flags = reader.u32(), let options = reader.text()
        else { return nil }
        self.init(type: type, source: source, target: target, flags: flags, options: options)
    }
}
