public import Host
import Layers

/// A reader for images on the host: one layer, or an index with its layers behind it. It checks everything
/// that it reads: any damage in an image is a `Failure`.
public final class ErofsReader: Sendable {
    let map: ImageMap
    let superblock: Superblock
    private let name: String

    /// Opens the image in `files`, which follow one another, each padded to 4,096 bytes.
    public init(files: [String]) throws(Failure) {
        map = try ImageMap(files)
        name = files.first ?? ""
        let rest = Int(Erofs.blockByteCount) - Erofs.superblockOffset
        let bytes = unsafe map.bytes(at: UInt64(Erofs.superblockOffset), count: rest).map(Array.init) ?? []
        do throws(Damage) {
            superblock = try Superblock(bytes)
            guard superblock.blockCount == map.byteCount / Erofs.blockByteCount else {
                throw Damage(
                    "it has \(superblock.blockCount) blocks, but its files have \(map.byteCount) bytes")
            }
        } catch {
            throw Self.failure(error, name)
        }
    }

    func checked<Value>(_ body: () throws(Damage) -> Value) throws(Failure) -> Value {
        do throws(Damage) {
            return try body()
        } catch {
            throw failure(error)
        }
    }

    func failure(_ damage: Damage) -> Failure { Self.failure(damage, name) }

    private static func failure(_ damage: Damage, _ name: String) -> Failure {
        Failure(
            .badInput, "the image file \(name) is damaged", because: damage.reason,
            cure: "Remove the image from the store and import it again.")
    }
}

extension ErofsReader {
    /// An inode and its place in the image.
    struct Located {
        let number: UInt64
        let inode: Inode
        /// The offset of the inode's attributes in the image.
        let attributesOffset: UInt64

        var tailOffset: UInt64 { attributesOffset + UInt64(inode.attributeByteCount) }
    }

    func inode(_ number: UInt64) throws(Damage) -> Located {
        let (offset, overflow) = number.multipliedReportingOverflow(by: Erofs.slotByteCount)
        guard !overflow, let raw = unsafe map.bytes(at: offset, atMost: Erofs.extendedInodeByteCount) else {
            throw Damage("inode \(number) is outside of it")
        }
        let inode = unsafe try Inode(raw, buildTime: superblock.buildTime)
        let (attributes, tooFar) = offset.addingReportingOverflow(UInt64(inode.headerByteCount))
        guard !tooFar else { throw Damage("inode \(number) is outside of it") }
        return Located(number: number, inode: inode, attributesOffset: attributes)
    }

    func attributes(of file: Located) throws(Damage) -> [ExtendedAttribute] {
        guard file.inode.attributeByteCount > 0 else { return [] }
        return unsafe try AttributeBody.decode(attributeBody(of: file))
    }

    func attributeBody(of file: Located) throws(Damage) -> UnsafeRawBufferPointer {
        guard let body = unsafe map.bytes(at: file.attributesOffset, count: file.inode.attributeByteCount)
        else {
            throw Damage("the attributes of inode \(file.number) are outside of it")
        }
        return unsafe body
    }

    /// Returns the data of an inline file, which follow the attributes.
    func inlineData(of file: Located) throws(Damage) -> UnsafeRawBufferPointer {
        let offset = file.tailOffset
        let room = Erofs.blockByteCount - offset % Erofs.blockByteCount
        guard file.inode.byteCount <= room,
            let data = unsafe map.bytes(at: offset, count: Int(truncatingIfNeeded: file.inode.byteCount))
        else { throw Damage("the data of inode \(file.number) are outside of its block") }
        return unsafe data
    }

    /// Returns the undecoded entries of a chunked file's map.
    func chunkMap(of file: Located) throws(Damage) -> UnsafeRawBufferPointer {
        let (byteCount, overflow) = file.inode.chunkCount.multipliedReportingOverflow(by: 4)
        guard !overflow, let count = Int(exactly: byteCount),
            let map = unsafe map.bytes(at: file.tailOffset, count: count)
        else { throw Damage("the map of inode \(file.number) is outside of it") }
        return unsafe map
    }

    /// Returns `byteCount` bytes from the start of `block` on.
    func blocks(_ block: UInt32, byteCount: UInt64, of file: Located) throws(Damage) -> UnsafeRawBufferPointer
    {
        guard let count = Int(exactly: byteCount),
            let data = unsafe map.bytes(at: UInt64(block) * Erofs.blockByteCount, count: count)
        else { throw Damage("the data of inode \(file.number) are outside of it") }
        return unsafe data
    }

    /// Returns the target of a symbolic link.
    func target(of file: Located) throws(Damage) -> [UInt8] {
        unsafe try Array(content(of: file))
    }

    /// Returns all bytes of a file that is not chunked, such as a link or a directory.
    func content(of file: Located) throws(Damage) -> UnsafeRawBufferPointer {
        switch file.inode.layout {
        case .inline: return unsafe try inlineData(of: file)
        case .plain where file.inode.byteCount == 0:
            return unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        case .plain: return unsafe try blocks(file.inode.place, byteCount: file.inode.byteCount, of: file)
        case .chunked: throw Damage("inode \(file.number) should not be chunked")
        }
    }
}
