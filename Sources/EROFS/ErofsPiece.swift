import Host
import Layers

/// A part of a file's content.
///
/// Safe: the bytes point into the reader's mapping, and a piece is passed only to a closure that runs while
/// the reader lives.
@safe
public enum ErofsPiece {
    /// Bytes, which are valid only during the call that passes them.
    case bytes(UnsafeRawBufferPointer)
    /// A run of zeroes that is not stored.
    case hole(byteCount: UInt64)
}

extension ErofsReader {
    func forEachPiece(
        of file: Located, _ visit: (ErofsPiece) throws(Failure) -> Void
    ) throws(Failure) {
        let pieces = try checked { () throws(Damage) in try ErofsPieces(file, self) }
        var index: UInt64 = 0
        while let piece = try checked({ () throws(Damage) in try pieces.piece(index, file, self) }) {
            try visit(piece)
            index += 1
        }
    }
}

/// The pieces of a file: one piece, or one for each chunk of its map.
///
/// Safe: `map` points into the mapping of the reader, which each call takes as an argument.
@safe
struct ErofsPieces {
    private let map: UnsafeRawBufferPointer?

    init(_ file: ErofsReader.Located, _ reader: ErofsReader) throws(Damage) {
        unsafe map = file.inode.layout == .chunked ? unsafe try reader.chunkMap(of: file) : nil
    }

    func piece(
        _ index: UInt64, _ file: ErofsReader.Located, _ reader: ErofsReader
    ) throws(Damage) -> ErofsPiece? {
        guard unsafe map != nil else {
            guard index == 0, file.inode.byteCount > 0 else { return nil }
            return unsafe .bytes(try reader.content(of: file))
        }
        guard index < file.inode.chunkCount, let block = block(index) else { return nil }
        let chunkBits = UInt64(file.inode.chunkBits) + UInt64(Erofs.blockBits)
        let byteCount = min(1 << chunkBits, file.inode.byteCount - index << chunkBits)
        guard block != Erofs.hole else { return .hole(byteCount: byteCount) }
        return unsafe .bytes(try reader.blocks(block, byteCount: byteCount, of: file))
    }

    /// Returns the block that the map has for a chunk.
    func block(_ index: UInt64) -> UInt32? {
        Int(exactly: index).flatMap { unsafe map?.number(UInt32.self, at: $0 &* 4) }
    }
}
