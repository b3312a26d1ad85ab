import CHost
import SystemPackage

/// Small files, written whole.
public enum WholeFile {
    /// Makes or replaces the file at `path`.
    public static func write(_ text: String, to path: String) throws(Failure) {
        do throws(Errno) {
            let file = try OwnedDescriptor(replacing: path)
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                let count = try hostCall {
                    unsafe rest.withUnsafeBytes {
                        unsafe CHost.write(file.rawValue, $0.baseAddress, $0.count)
                    }
                }
                rest = rest.dropFirst(count)
            }
        } catch {
            throw Failure("cannot write \(path)", errno: error)
        }
    }
}

extension OwnedDescriptor {
    /// Opens a file to write it anew, which everybody may read.
    fileprivate init(replacing path: String) throws(Errno) {
        let result = unsafe chost_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        guard result >= 0 else { throw Errno(rawValue: -result) }
        self.init(owning: result)
    }
}
