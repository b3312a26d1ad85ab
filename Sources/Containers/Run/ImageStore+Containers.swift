public import Host
public import Images

extension ImageStore {
    /// Opens the user's store. It refuses to import bundles that ask for what a container cannot have.
    public static func openForContainers(at path: String? = nil) throws(Failure) -> ImageStore {
        var store = try open(at: path)
        store.bundleCheck = { (bundle) throws(Failure) in try bundle.check() }
        return store
    }
}
