import CHost
import Host
import SystemPackage

/// Guards a disk against a second user: the machine itself, the host, or another monitor.
extension DiskFile {
    /// Returns `path` as it is written after --disk, with every comma doubled.
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

    /// Opens a disk. Throws if it is to be written and the device is read-only.
    static func openDescriptor(
        _ path: String, _ identity: DiskIdentity, readOnly: Bool
    ) throws(Failure) -> OwnedDescriptor {
        let owner = try claim(path, identity, readOnly: readOnly)
        // A read-only device can be opened for writing all the same.
        guard readOnly || !identity.isBlockDevice || chost_block_device_is_read_only(owner.rawValue) != 1
        else {
            throw Failure(
                .notPermitted, "cannot write to the disk \(path)", because: "the device is read-only",
                cure: "Attach it read-only: --disk \(word(path)),ro")
        }
        return owner
    }

    /// Opens a disk. Claims a block device that is to be written with O_EXCL for this monitor alone: opening
    /// it fails if it is mounted or if another program has claimed it.
    private static func claim(
        _ path: String, _ identity: DiskIdentity, readOnly: Bool
    ) throws(Failure) -> OwnedDescriptor {
        let exclusive = identity.isBlockDevice && !readOnly ? O_EXCL : 0
        do throws(Errno) {
            // The flags: opening must not wait if another file has taken this one's place, nor set a
            // controlling terminal.
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

    /// Locks the disk: against all other monitors, or with `readOnly` only against monitors that would write.
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
