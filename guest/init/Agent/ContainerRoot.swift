import CLinux

/// The container's root: the image, and over it the writable layer. The agent itself moves into this root: it
/// needs no file of its own any more, and from then on every path is one of the container.
struct ContainerRoot {
    private let layer: Preparation.Layer
    private let device: String

    /// The mount points of the file systems that every container has.
    private static let places = ["/proc", "/sys", "/dev"]

    private static let image = "/image"
    private static let memory = "/memory"
    private static let writable = "/writable"
    private static let upper = writable + "/upper"
    private static let root = "/container"

    init(_ layer: Preparation.Layer, device: String) {
        self.layer = layer
        self.device = device
    }

    /// Mounts the root and moves into it. Returns the pool, and the files with the container's names.
    func enter() throws(StartFailure) -> (pool: MemoryPool, names: ContainerNames) {
        try mountImage()
        let pool: MemoryPool
        switch layer {
        case .memory: pool = try MemoryPool(on: Self.writable)
        case .disk:
            pool = try MemoryPool(on: Self.memory)
            try mount(try disk(), on: Self.writable, type: "ext4")
        }
        return (pool, try moveToOverlay())
    }

    /// Mounts the image, with DAX if possible, so that the guest uses the host's pages of the image. If the
    /// device or the blocks of the image do not support DAX, the kernel ignores the option or refuses the
    /// mount. The kernel prepares persistent memory in the background; the more there is, the longer that
    /// takes.
    private func mountImage() throws(StartFailure) {
        unsafe mkdir(Self.image, 0o755)
        let flags = UInt(MS_RDONLY | MS_NODEV)
        let mounted = NewDevices.wait { () -> Bool? in
            if unsafe CLinux.mount(device, Self.image, "erofs", flags, "dax=always") == 0 { return true }
            return lastError() == ENOENT || lastError() == ENXIO ? nil : false
        }
        if mounted == true { return }
        try attempt(
            unsafe CLinux.mount(device, Self.image, "erofs", flags, ""), "cannot mount the image ", device)
    }

    private func mount(
        _ source: String, on target: String, type: String, options: String = ""
    ) throws(StartFailure) {
        unsafe mkdir(target, 0o755)
        try attempt(
            unsafe CLinux.mount(source, target, type, 0, options), text("cannot mount ", type, " on "), target
        )
    }

    /// Mounts the overlay and moves into it. Returns the files with the container's names. They are made in
    /// the upper layer before it is mounted, which costs a tenth of the time, unless the image has something
    /// else than a directory in the place of /etc.
    private func moveToOverlay() throws(StartFailure) -> ContainerNames {
        try makeUpper("", missing: 0o755)
        unsafe mkdir(Self.writable + "/work", 0o700)
        for name in Self.places where status(Self.image + name) == nil {
            try makeUpper(name, missing: 0o755)
        }
        let isElsewhere = isDirectory(Self.image + "/etc") == false
        let lacksResolver = ContainerNames.lackResolver(below: Self.image)
        if !isElsewhere, (try? makeUpper("/etc", missing: 0o755)) != nil {
            let directory = Descriptor(adopting: unsafe openFile(Self.upper + "/etc", O_PATH | O_DIRECTORY))
            ContainerNames(in: directory, withResolver: lacksResolver).close()
            ContainerNames.linkMounts(in: directory, below: Self.image)
        }
        // xino=on gives one st_dev to the image's files, its directories and new files.
        try mount(
            "overlay", on: Self.root, type: "overlay",
            options: "lowerdir=/image,upperdir=/writable/upper,workdir=/writable/work,xino=on")
        try move(Self.root)
        let etc = Descriptor(adopting: (try? ContainerPath.open("/etc", making: true)) ?? -1)
        if isElsewhere { ContainerNames.linkMounts(in: etc, below: "") }
        return ContainerNames(in: etc, withResolver: lacksResolver)
    }

    /// Makes a directory of the upper layer with the owner and mode of the image's directory, because the
    /// overlay shows those of the upper layer. Before the overlay is mounted, this costs a tenth of the time.
    private func makeUpper(_ name: String, missing mode: mode_t) throws(StartFailure) {
        let model = status(Self.image + name)
        let path = Self.upper + name
        if unsafe mkdir(path, model.map { $0.st_mode & 0o7777 } ?? mode) < 0 {
            if lastError() == EEXIST { return }
            throw setUpFailure("cannot write to ", Self.writable, lastError())
        }
        guard let model, model.st_uid != 0 || model.st_gid != 0 else { return }
        unsafe lchown(path, model.st_uid, model.st_gid)
    }

    /// Makes `root` the root. The root of an initramfs cannot be exchanged; a mount over it hides it.
    private func move(_ root: String) throws(StartFailure) {
        try attempt(unsafe chdir(root), "cannot enter ", root)
        try attempt(unsafe CLinux.mount(".", "/", nil, UInt(MS_MOVE), nil), "cannot mount over / ", root)
        try attempt(unsafe chroot("."), "cannot change the root to ", root)
    }

    /// Returns the path of the virtio disk whose serial number is `writable`.
    private func disk() throws(StartFailure) -> String {
        try mount("sysfs", on: "/sys", type: "sysfs")
        for letter in UInt8(ascii: "a")...UInt8(ascii: "z") {
            let name = "vd" + String(decoding: [letter], as: UTF8.self)
            guard let file = try? Descriptor(opening: text("/sys/block/", name, "/serial"), O_RDONLY) else {
                break
            }
            let serial = file.text(upTo: 64)
            if serial.isEqual(to: "writable") || serial.isEqual(to: "writable\n") { return "/dev/" + name }
        }
        throw StartFailure(.setUp, "the machine has no disk with the serial number 'writable'")
    }
}
