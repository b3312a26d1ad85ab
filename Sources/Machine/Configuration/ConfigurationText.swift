public import Host

/// Parses numbers and disks as users write them.
extension MachineConfiguration {
    /// Parses `256M`, `2G`, `1048576K`, or a number of bytes. The units are binary.
    public static func byteCount(_ text: String) throws(Failure) -> UInt64 {
        let unit: UInt64? =
            switch text.last {
            case "K", "k": 1 << 10
            case "M", "m": 1 << 20
            case "G", "g": 1 << 30
            case "T", "t": 1 << 40
            default: nil
            }
        let digits = unit == nil ? text[...] : text.dropLast()
        let (product, overflow) = (UInt64(digits) ?? 0).multipliedReportingOverflow(by: unit ?? 1)
        guard UInt64(digits) != nil, !overflow else { throw badMemory(text, "not a size") }
        return product
    }

    /// Parses FILE[,FILE]...: the files of a persistent memory. A comma within a name is written twice.
    public static func files(_ text: String) throws(Failure) -> [String] {
        let paths = commaSeparated(text)
        guard !paths.contains("") else {
            throw Failure(
                .usage, "cannot attach the persistent memory '\(text)'", because: "it names no file",
                cure: "Write FILE[,FILE]...")
        }
        return paths
    }

    /// Parses a number of CPUs. `validate` checks its range.
    public static func cpuCount(_ text: String) throws(Failure) -> Int {
        guard let count = Int(text) else {
            throw Failure(
                .usage, "invalid number of CPUs '\(text)'", because: "not a number",
                cure: "Write a number from 1 to \(maximumCPUCount), as in --cpus 2.")
        }
        return count
    }

    /// Checks that a machine can be built from this configuration.
    public func validate() throws(Failure) {
        try checkMemory()
        guard (1...Self.maximumCPUCount).contains(cpuCount) else {
            throw Failure(
                .usage, "invalid number of CPUs \(cpuCount)",
                because: "a machine has 1 to \(Self.maximumCPUCount)",
                cure: "Write a number in that range, as in --cpus 2.")
        }
        guard !keepsConsole || console == .serial || console == .none else {
            throw Failure(
                .usage, "cannot keep what the guest prints", because: "only a serial console can be kept")
        }
        for disk in disks {
            guard (disk.identifier?.utf8.count ?? 0) <= 20 else {
                throw Failure(
                    .usage, "invalid id '\(disk.identifier ?? "")' of a disk",
                    because: "an id has at most 20 bytes (Virtio 1.2, 5.2.6)")
            }
        }
    }

    private func checkMemory() throws(Failure) {
        let least = Self.minimumMemoryByteCount
        guard memoryByteCount >= least else {
            throw badMemory("no kernel starts in less than \(least >> 20) MiB")
        }
        guard memoryByteCount % 4096 == 0 else { throw badMemory("not a multiple of 4,096 bytes") }
        guard memoryByteCount <= 1 << 40 else { throw badMemory("the maximum is 1 TiB") }
    }

    private func badMemory(_ why: String) -> Failure { Self.badMemory("\(memoryByteCount) bytes", why) }

    private static func badMemory(_ amount: String, _ why: String) -> Failure {
        Failure(
            .usage, "cannot give the guest \(amount) of memory", because: why,
            cure: "Write a number with K, M or G, as in --memory 256M.")
    }
}

extension DiskConfiguration {
    /// Parses FILE[,ro][,id=NAME][,sector=SIZE][,format=raw]. A comma within the file's name is written
    /// twice.
    public init(parsing text: String) throws(Failure) {
        var words = commaSeparated(text)
        self.init(path: words.removeFirst())
        guard !path.isEmpty else { throw Self.bad(text, "it names no file") }
        for word in words { try set(word, of: text) }
    }

    private mutating func set(_ word: String, of text: String) throws(Failure) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let value = parts.count == 2 ? String(parts[1]) : nil
        switch (parts[0], value) {
        case ("ro", nil): isReadOnly = true
        case ("id", let name?) where !name.isEmpty: identifier = name
        case ("format", "raw"): isRaw = true
        case ("format", _): throw Self.bad(text, "the only format is raw (qemu-img convert -O raw makes it)")
        case ("sector", let size?):
            guard let byteCount = UInt32(size), [512, 1024, 2048, 4096].contains(byteCount) else {
                throw Self.bad(text, "a sector has 512, 1024, 2048 or 4096 bytes")
            }
            sectorByteCount = byteCount
        default: throw Self.bad(text, "unknown option '\(word)'")
        }
    }

    private static func bad(_ text: String, _ why: String) -> Failure {
        Failure(
            .usage, "cannot attach the disk \(text)", because: why,
            cure: "Write FILE[,ro][,id=NAME][,sector=SIZE][,format=raw].")
    }
}

/// Splits `text` at single commas. Two commas are one comma within a word.
private func commaSeparated(_ text: String) -> [String] {
    var words = [""]
    var rest = text[...]
    while let character = rest.popFirst() {
        if character != "," {
            words[words.count - 1].append(character)
        } else if rest.first == "," {
            words[words.count - 1].append(",")
            rest.removeFirst()
        } else {
            words.append("")
        }
    }
    return words
}
