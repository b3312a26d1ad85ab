/// What becomes of an input that broke nothing.
public enum Verdict: CInt {
    /// It joins the corpus if it reached new code.
    case welcome = 0
    /// It never joins the corpus: it is no input for this fuzzer.
    case unwanted = -1
}

/// What a fuzzer's LLVMFuzzerTestOneInput does, which libFuzzer's `main` calls with one input after another:
/// hands the input to `attempt`. The input has broken the target when the process does not survive that.
public func fuzz(
    _ bytes: UnsafePointer<UInt8>, _ byteCount: Int, _ attempt: ([UInt8]) -> Verdict
) -> CInt {
    unsafe attempt(Array(UnsafeBufferPointer(start: bytes, count: byteCount))).rawValue
}
