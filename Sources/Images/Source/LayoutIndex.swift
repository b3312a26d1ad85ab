import Host
import Layers

/// The `index.json` of a layout (OCI image 1.1, image-layout.md): the images in it, each under one name,
/// several or none.
struct LayoutIndex {
    /// The entries of one image: each shares a name or a digest with another. Entries with the same name are
    /// the image for several platforms.
    struct Group {
        var entries: [Descriptor] = []
        var names: Set<String> = []
        var digests: Set<Digest> = []

        mutating func add(_ entry: Descriptor) {
            entries.append(entry)
            digests.insert(entry.digest)
            if let name = entry.imageName { names.insert(name) }
        }

        /// The image's name in messages, which is also accepted behind the colon of a path.
        var title: String { names.min() ?? entries.first?.selector ?? "" }
    }

    /// The limit on the entries. Each may lead to a manifest, and no more manifests than this are read.
    private static let entryLimit = 1000

    let entries: [Descriptor]

    init(_ root: JSONField) throws(Failure) {
        let elements = try root.member("manifests").elements()
        guard elements.count <= Self.entryLimit else {
            throw root.document.refused("it has too many manifests")
        }
        var entries: [Descriptor] = []
        for element in elements { entries.append(try Descriptor(element)) }
        self.entries = entries
    }

    /// Groups entries by image: first the groups with names, then, in one group, the entries without a name.
    static func groups(_ entries: [Descriptor]) -> [Group] {
        var groups: [Group] = []
        for entry in entries {
            guard let name = entry.imageName else { continue }
            var joined = Group()
            groups.removeAll { group in
                guard group.names.contains(name) || group.digests.contains(entry.digest) else { return false }
                for other in group.entries { joined.add(other) }
                return true
            }
            joined.add(entry)
            groups.append(joined)
        }
        var nameless = Group()
        for entry in entries where entry.imageName == nil {
            if let index = groups.firstIndex(where: { $0.digests.contains(entry.digest) }) {
                groups[index].add(entry)
            } else {
                nameless.add(entry)
            }
        }
        return groups + (nameless.entries.isEmpty ? [] : [nameless])
    }

    /// Returns the entries that `name` means: an image's name as docker reads it, the tag or name exactly as
    /// written in the index, or a digest.
    func entries(called name: String) -> [Descriptor] {
        let wanted = try? RegistryReference(parsing: name)
        let found = entries.filter { entry in
            entry.referenceName == name || entry.registryName == name || wanted.map(entry.isCalled) == true
        }
        return found.isEmpty ? entries.filter { $0.digest.begins(as: name) } : found
    }

    /// Returns the names in registries of the entries with the given digest.
    func registryNames(of digest: Digest) -> [String] {
        Set(entries.filter { $0.digest == digest }.compactMap(\.registryName)).sorted()
    }

    /// The titles of all images, for messages.
    var titles: [String] { Self.groups(entries).map(\.title).sorted() }
}

extension Descriptor {
    /// A word that selects the entry by its digest, whether or not it has a name.
    var selector: String { "@" + digest.short }

    fileprivate func isCalled(_ wanted: RegistryReference) -> Bool {
        wanted.digest == digest.description
            || registryName.flatMap { try? RegistryReference(parsing: $0) } == wanted
    }
}

extension Digest {
    /// Whether `text` is the digest or its start: `sha256:` and at least 12 digits, which @ may precede.
    func begins(as text: String) -> Bool {
        let text = text.hasPrefix("@") ? text.dropFirst() : text[...]
        return text.utf8.count >= short.utf8.count && description.hasPrefix(text)
    }
}
