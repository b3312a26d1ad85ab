import FuzzSupport
import Layers

@testable import Host
@testable import Images

/// The input's first byte says what its rest is taken for: a text of an image, or a record of the store.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>, _ byteCount: Int) -> CInt {
    unsafe fuzz(bytes, byteCount, read)
}

private func read(_ input: [UInt8]) -> Verdict {
    guard input.count > 1 else { return .unwanted }
    let rest = Array(input.dropFirst())
    let document = JSONDocument(complaint: "cannot use it", subject: "its text")
    switch input[0] % 8 {
    case 0: _ = try? JSONReader.value(of: rest)
    case 1: checkConfiguration(rest, document)
    case 2: _ = try? Manifest(document.root(rest))
    case 7: checkIndex(rest, document)
    case 3: _ = try? BundleConfiguration(rest, document: document)
    case 4: checkReference(String(decoding: rest, as: UTF8.self))
    case 5:
        if let record = ImageRecord(fileBytes: rest) {
            precondition(ImageRecord(fileBytes: record.fileBytes) == record)
        }
    default:
        if let record = NameRecord(fileBytes: rest) {
            precondition(NameRecord(fileBytes: record.fileBytes) == record)
        }
    }
    return .welcome
}

/// What a configuration says is the same once the store has written it down.
private func checkConfiguration(_ bytes: [UInt8], _ document: JSONDocument) {
    guard let file = try? ConfigurationFile(bytes, document: document) else { return }
    let record = ImageRecord(
        identifier: file.digest.hexadecimal, configuration: file.configuration,
        layers: file.layers.map { ImageRecord.Layer(digest: $0, byteCount: 1) }, indexByteCount: 1,
        created: file.created, imported: 1)
    precondition(ImageRecord(fileBytes: record.fileBytes) == record)
}

/// Each entry is of one image, and the name of an image leads to it.
private func checkIndex(_ bytes: [UInt8], _ document: JSONDocument) {
    guard let index = try? LayoutIndex(document.root(bytes)) else { return }
    let groups = LayoutIndex.groups(index.entries)
    precondition(groups.reduce(0) { $0 + $1.entries.count } == index.entries.count)
    for group in groups {
        precondition(!index.entries(called: group.title).isEmpty)
        precondition(groups.filter { !$0.names.isDisjoint(with: group.names) }.count <= 1)
    }
}

/// A whole name means itself.
private func checkReference(_ text: String) {
    guard let reference = try? RegistryReference(parsing: text) else { return }
    precondition((try? RegistryReference(parsing: reference.description)) == reference)
}
