import Host
import Layers

/// The `index.json` of a layout (OCI image 1.1, image-layout.md): the images in it, each under one name, several or none.
struct LayoutIndex {
    /// Entries of one image: they have a name in common, or a digest. Those of one name are the image for several platforms.
    struct Group {
        var entries: [Descriptor] = []
        var names: Set<String> = []
        var digests: Set<Digest> = []

        mutating func add(_ entry: Descriptor) {
            entries.append(entry)
            digests.insert(entry.digest)
            if let name = entry.imageName { names.insert(name) }
        }

        /// Its name in messages, which is also understood behind the colon of a path.
        var title: String { names.min() ?? entries.first?.selector ?? "" }
    }

    /// Each may lead to a manifest, of which nobody reads more.
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

    /// Puts together what is one image: first the groups that have names, last, in one group, what has none.
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

    /// The entries that `name` means: an image's name as docker reads it, the tag or name exactly as it was written there, or
    /// a digest.
    func entries(called name: String) -> [Descriptor] {
        let wanted = try? RegistryReference(parsing: name)
        let found = entries.filter { entry in
            entry.referenceName == name || entry.registryName == name || wanted.map(entry.isCalled) == true
        }
        return found.isEmpty ? entries.filter { $0.digest.begins(as: name) } : found
    }

    /// The names in registries of what has that digest.
    func registryNames(of digest: Digest) -> [String] {
        Set(entries.filter { $0.digest == digest }.compactMap(\.registryName)).sorted()
    }

    /// Everything that may be asked for.
    var titles: [String] { Self.groups(entries).map(\.title).sorted() }
}

extension Descriptor {
    /// The word that asks for it, also if it has no name.
    var selector: String { "@" + digest.short }

    fileprivate func isCalled(_ wanted: RegistryReference) -> Bool {
        wanted.digest == digest.description
            || registryName.flatMap { try? RegistryReference(parsing: $0) } == wanted
    }
}

extension Digest {
    /// Whether `text` is it or its beginning: `sha256:` and 12 digits or more, perhaps with an @ in front.
    func begins(as text: String) -> Bool {
        let text = text.hasPrefix("@") ? text.dropFirst() : text[...]
        return text.utf8.count >= short.utf8.count && description.hasPrefix(text)
    }
}
