import Host
import Images

extension ContainerPlan {
    /// The memory that the guest's kernel needs for each page of persistent memory, holes of sparse files
    /// included (Linux, struct page).
    private static let pageRecordByteCount: UInt64 = 64
    private static let pageByteCount: UInt64 = 4096

    /// Refuses a VM whose kernel would spend all its memory on the page structures of the image.
    func checkMemory(for image: Image, called name: String) throws(Failure) {
        let byteCount = image.files.reduce(UInt64(0)) {
            $0.addingReportingOverflow(FileStatus(of: $1)?.byteCount ?? 0).partialValue
        }
        let needed = byteCount / Self.pageByteCount * Self.pageRecordByteCount
        guard needed >= memoryByteCount else { return }
        throw Failure(
            .usage, "cannot run \(name.printable) in \(memoryByteCount >> 20) MiB of memory",
            because: "its kernel needs \(needed >> 20) MiB to manage the \(byteCount >> 30) GiB of the image",
            cure: "Use a larger guest: --memory \((needed >> 20) + 256)m")
    }
}
