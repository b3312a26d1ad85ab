import Host

/// What docker can do and this cannot yet: said in so many words, because users of docker will type it.
enum RunRefusal {
    static func check(_ option: String) throws(Failure) {
        guard let what = what(option) else { return }
        throw Failure(
            .usage, "cannot do \(option)", because: "\(what) not there yet",
            cure: "Leave it out; vmm run --help lists what is there.")
    }

    private static func what(_ option: String) -> String? {
        switch option {
        case "-v", "--volume", "--mount", "--volumes-from": "directories that are shared with the host are"
        case "-p", "--publish", "-P", "--publish-all", "--network", "--net", "--dns", "--add-host":
            "networks are"
        case "-d", "--detach", "--restart": "containers in the background are"
        default: nil
        }
    }
}
