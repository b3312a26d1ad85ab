public import Host
public import Layers

extension ImportLimits {
    private static let option = "--max-import-size"
    private static let variable = "VMM_MAX_IMPORT_SIZE"

    /// Reads the limit on an import from `--max-import-size` or else from VMM_MAX_IMPORT_SIZE. The default is
    /// 64 GiB.
    public init(maxImportSize text: String?) throws(Failure) {
        self.init()
        if let text {
            writtenByteCount = try Self.byteCount(text, of: Self.option)
        } else if let text = Environment.value(Self.variable) {
            writtenByteCount = try Self.byteCount(text, of: Self.variable)
        }
    }

    private static func byteCount(_ text: String, of name: String) throws(Failure) -> UInt64 {
        guard let byteCount = Quantity.byteCount(text), byteCount > 0 else {
            throw Failure(
                .usage, "invalid value '\(text.printable)' for \(name)", because: "not a size",
                cure: "Sizes look like 500M, 64G or 1T.")
        }
        return byteCount
    }
}
