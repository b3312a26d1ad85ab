import CHost
import Host
import SystemPackage

/// Who else may use a disk: the machine itself, the host, another monitor.
extension DiskFile {
    /// `path` as it is written after --disk: a comma twice.
    static func word(_ path: String) -> String {
        path.split(separator: ",", omittingEmptySubsequences: false).joined(separator: ",,")
    }

    static func refuseSecondUse(
        of identity: DiskIdentity, _ path: String, readOnly: Bool, beside others: [DiskFile]
    ) throws(Failure) {
        guard let other = others.first(where: { $0.identity == identity && !($0.isReadOnly && readOnly) })
        else { return }
        throw Failure(
            .usage, "cannot attach the disk \(path) twice",
            because: other.path == path ? "it is named twice" : "\(other.path) is the same disk",
            cure: "Leave one out, or attach it read-only each time: --disk \(word(path)),ro")
    }

    /// Opens a disk that takes writes, unless it is only to be read.
    static func openDescriptor(
        _ path: String, _ identity: DiskIdentity, readOnly: Bool
    ) throws(Failure) -> OwnedDescriptor {
        let owner = try claim(path, identity, readOnly: readOnly)
        // A device that takes no writes can be opened for them all the same.
        guard readOnly || !identity.isBlockDevice || chost_block_device_is_read_only(owner.rawValue) != 1
        else {
            throw Failure(
                .notPermitted, "cannot write to the disk \(path)", because: "the device is read-only",
                cure: "Attach it read-only: --disk \(word(path)),ro")
        }
        return owner
    }

    /// Claims a block device that is to be written for this monitor alone (O_EXCL): one that is mounted, or that another
    /// program has claimed, cannot be opened so.
    private static func claim(
        _ path: String, _ identity: DiskIdentity, readOnly: Bool
    ) throws(Failure) -> OwnedDescriptor {
        let exclusive = identity.isBlockDevice && !readOnly ? O_EXCL : 0
        do throws(Errno) {
            // Not to be held up by what has taken the file's place, nor given a controlling terminal.
            return try OwnedDescriptor(
                opening: path, for: readOnly ? .reading : .readingAndWriting,
                flags: O_NONBLOCK | O_NOCTTY | exclusive)
        } catch {
            throw cannotOpen(path, error, readOnly: readOnly)
        }
    }

    private static func cannotOpen(_ path: String, _ error: Errno, readOnly: Bool) -> Failure {
        if [.resourceBusy, .textFileBusy].contains(error) {
            return Failure(
                .inUse, "cannot use the disk \(path)",
                because: "the host has mounted it or uses it otherwise, or another monitor does",
                cure: "Unmount it (findmnt \(DiskFormat.quoted(path))), or end what else uses it.")
        }
        let mayHelp = !readOnly && [.readOnlyFileSystem, .permissionDenied, .notPermitted].contains(error)
        return Failure(
            "cannot open the disk \(path)", errno: error,
            cure: mayHelp ? "Attach it read-only: --disk \(word(path)),ro" : nil)
    }

    /// Keeps other monitors out, or only those that would write.
    static func lock(_ descriptor: Int32, _ path: String, readOnly: Bool) throws(Failure) {
        guard chost_lock_file(descriptor, !readOnly) < 0 else { return }
        let cause = Errno.current
        guard cause == .resourceTemporarilyUnavailable || cause == .permissionDenied else {
            throw Failure("cannot lock the disk \(path)", errno: cause)
        }
        throw Failure(
            .inUse, "cannot use the disk \(path)", because: "another monitor is using it",
            cure: "Stop the other one, or attach the disk read-only to both: --disk \(word(path)),ro")
    }
}
