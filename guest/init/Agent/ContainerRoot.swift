import CLinux

/// The container's root: the image, and over it what can be written. The agent itself moves there: it needs no file of
/// its own any more, and every path is the container's from then on.
struct ContainerRoot {
    private let specification: ContainerSpecification
    private let device: String

    /// Where every container has file systems of its own.
    private static let places = ["/proc", "/sys", "/dev"]

    private static let image = "/image"
    private static let memory = "/memory"
    private static let writable = "/writable"
    private static let upper = writable + "/upper"
    private static let root = "/container"

    init(_ specification: ContainerSpecification, device: String) {
        self.specification = specification
        self.device = device
    }

    /// Moves there, and gives the file systems in memory, which are mounted in it next.
    func enter() throws(StartFailure) -> ContainerMemory {
        try mountImage()
        var memory = ContainerMemory(specification)
        switch specification.writable {
        // Names, mount points and the working directory are made even in a root that can only be read.
        case .none:
            try memory.mountPool(on: Self.writable)
            try moveToOverlay()
        case .memory(let byteLimit):
            try memory.mountPool(on: Self.writable, byteLimit: byteLimit)
            try moveToOverlay()
        case .disk:
            try memory.mountPool(on: Self.memory)
            try mount(try disk(), on: Self.writable, type: "ext4")
            try moveToOverlay()
        }
        return memory
    }

    /// With DAX a page of the image is the host's page. Where the device or the image's blocks are not made for that,
    /// the kernel does without or refuses. Persistent memory is made ready in the background, the longer the more it is.
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

    private func moveToOverlay() throws(StartFailure) {
        try makeUpper("", missing: 0o755)
        unsafe mkdir(Self.writable + "/work", 0o700)
        for name in Self.places where status(Self.image + name) == nil {
            try makeUpper(name, missing: 0o755)
        }
        let isElsewhere = isDirectory(Self.image + "/etc") == false
        if !isElsewhere, (try? makeUpper("/etc", missing: 0o755)) != nil {
            let directory = Descriptor(adopting: unsafe openFile(Self.upper + "/etc", O_PATH | O_DIRECTORY))
            ContainerNames(specification.hostname).write(into: directory, over: Self.image)
        }
        // One st_dev for the image's files, directories and what is made here.
        try mount(
            "overlay", on: Self.root, type: "overlay",
            options: "lowerdir=/image,upperdir=/writable/upper,workdir=/writable/work,xino=on")
        try move(Self.root)
        guard isElsewhere, let etc = try? ContainerPath.open("/etc", making: true) else { return }
        ContainerNames(specification.hostname).write(into: Descriptor(adopting: etc), over: "")
    }

    /// A directory of the upper layer is as the image's is: what lies in it is merged with that, and its owner and mode
    /// count. Made before the overlay is there, it costs a tenth of what it does afterwards.
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

    /// The root of an initramfs cannot be exchanged; a mount on top of it hides it.
    private func move(_ root: String) throws(StartFailure) {
        try attempt(unsafe chdir(root), "cannot enter ", root)
        try attempt(unsafe CLinux.mount(".", "/", nil, UInt(MS_MOVE), nil), "cannot move to / ", root)
        try attempt(unsafe chroot("."), "cannot take as the root ", root)
    }

    /// The virtio disk whose serial number is `writable`.
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
