import Containers
import Host
import TestSupport
import Testing

@testable import Arguments
@testable import vmm

/// vmm must implement every option of docker's, or refuse it with a reason of its own.
@Suite("The options of docker run")
struct DockerOptionTests {
    /// The options of docker 28.2.2, including those that `docker run --help` hides: flags, options with a
    /// value, and letters.
    static let flags = [
        "detach", "disable-content-trust", "init", "interactive", "no-healthcheck", "oom-kill-disable",
        "privileged", "publish-all", "quiet", "read-only", "rm", "sig-proxy", "tty", "use-api-socket",
    ]
    static let options = [
        "add-host", "annotation", "attach", "blkio-weight", "blkio-weight-device", "cap-add", "cap-drop",
        "cgroup-parent", "cgroupns", "cidfile", "cpu-count", "cpu-percent", "cpu-period", "cpu-quota",
        "cpu-rt-period", "cpu-rt-runtime", "cpu-shares", "cpus", "cpuset-cpus", "cpuset-mems",
        "detach-keys", "device", "device-cgroup-rule", "device-read-bps", "device-read-iops",
        "device-write-bps", "device-write-iops", "dns", "dns-opt", "dns-option", "dns-search", "domainname",
        "entrypoint", "env", "env-file", "expose", "gpus", "group-add", "health-cmd", "health-interval",
        "health-retries", "health-start-interval", "health-start-period", "health-timeout", "hostname",
        "io-maxbandwidth", "io-maxiops", "ip", "ip6", "ipc", "isolation", "kernel-memory", "label",
        "label-file", "link", "link-local-ip", "log-driver", "log-opt", "mac-address", "memory",
        "memory-reservation", "memory-swap", "memory-swappiness", "mount", "name", "net", "net-alias",
        "network", "network-alias", "oom-score-adj", "pid", "pids-limit", "platform", "publish", "pull",
        "restart", "runtime", "security-opt", "shm-size", "stop-signal", "stop-timeout", "storage-opt",
        "sysctl", "tmpfs", "ulimit", "user", "userns", "uts", "volume", "volume-driver", "volumes-from",
        "workdir",
    ]
    static let letters: [Character: String] = [
        "a": "attach", "c": "cpu-shares", "d": "detach", "e": "env", "h": "hostname", "i": "interactive",
        "l": "label", "m": "memory", "p": "publish", "P": "publish-all", "q": "quiet", "t": "tty",
        "u": "user", "v": "volume", "w": "workdir",
    ]

    @Test("none is unknown, whichever way it is written", arguments: flags + options)
    func known(name: String) {
        let isFlag = Self.flags.contains(name)
        let ways = isFlag ? [["--" + name], ["--\(name)=true"]] : [["--" + name, "x"], ["--\(name)=x"]]
        for words in ways {
            guard let failure = failure(words) else { continue }
            let isSentence =
                failure.what.hasPrefix("--\(name)") && failure.what.contains(" is not supported")
                && !failure.why.isEmpty && failure.cure != nil
            let isValue = failure.what.hasSuffix("for --\(name)")
            #expect(isSentence || isValue, "\(words): \(failure)")
        }
        if isFlag { #expect(failure(["--\(name)=maybe"])?.what == "invalid value 'maybe' for --\(name)") }
    }

    private func failure(_ words: [String]) -> Failure? {
        do throws(Failure) {
            try RunOptionsTests.read(words + ["image"]).validate()
            return nil
        } catch {
            return error
        }
    }

    @Test("a letter is the option that docker has it for", arguments: Array(letters.keys))
    func letter(_ letter: Character) {
        let option = RunOptions.options.first { $0.letter.map { Character($0) } == letter }
        #expect(option?.name == Self.letters[letter])
    }

    @Test("an option has one place, and takes a value where docker's does")
    func places() {
        let options = RunOptions.options
        #expect(Set(options.map(\.name)).count == options.count)
        let letters = options.compactMap(\.letter)
        #expect(Set(letters).count == letters.count)
        for option in options {
            let (isFlag, isOption) = (Self.flags.contains(option.name), Self.options.contains(option.name))
            if option.support != .full { #expect(isFlag || isOption, "\(option)") }
            if isFlag { #expect(option.value == nil, "\(option)") }
            if isOption { #expect(option.value != nil, "\(option)") }
        }
    }

    @Test(
        "values that change nothing are accepted",
        arguments: [
            ["--network", "none"], ["--network=none"], ["--net", "none"], ["--net=none"],
            ["--platform", "linux/amd64"], ["--platform=linux/amd64"], ["--restart", "no"],
            ["--log-driver=none"], ["--log-opt", "max-size=10m"], ["--sig-proxy=true"], ["--detach=false"],
            ["-d=false"], ["-itd=false"], ["-P=false"], ["--stop-timeout", "5"], ["--userns=host"],
            ["--ipc", ""], ["-q"], ["-lA=B"], ["--label", "a=b"], ["-l", "a"], ["--label=a"],
            ["--memory", "1g", "--memory-swap", "1024m"], ["--oom-kill-disable=f"],
        ])
    func harmless(_ words: [String]) throws {
        let options = try RunOptionsTests.read(words + ["image", "-d"])
        #expect(options.image == "image" && options.command == ["-d"])
        try options.validate()
    }

    @Test(
        "values that would be something else are refused by name",
        arguments: [
            (["--network", "host"], "--network host is not supported yet"),
            (["--net=bridge"], "--net bridge is not supported yet"),
            (["--platform=linux/arm64"], "--platform linux/arm64 is not supported"),
            (["--restart=always"], "--restart always is not supported yet"),
            (["-p80:80"], "--publish is not supported yet"),
            (["-Pd=false"], "--publish-all is not supported yet"),
            (["-dit"], "--detach is not supported yet"), (["--gpus", "all"], "--gpus is not supported yet"),
            (["--sig-proxy=false"], "--sig-proxy is not supported"),
            (["--stop-timeout", "x"], "invalid value 'x' for --stop-timeout"),
        ])
    func refused(_ words: [String], _ what: String) throws {
        #expect(failure(words)?.what == what)
    }

    @Test("a value that is joined to letters")
    func joined() {
        #expect(failure(["-itv/a:/b"])?.what == "--volume is not supported yet")
        #expect(failure(["-itp80:80"])?.what == "--publish is not supported yet")
    }

    @Test(
        "swap that a guest does not have",
        arguments: [["--memory-swap", "1g"], ["-m1g", "--memory-swap=2g"], ["-m1g", "--memory-swap=-1"]])
    func swap(_ words: [String]) throws {
        let options = try RunOptionsTests.read(words + ["image"])
        let failure = #expect(throws: Failure.self) { try options.validate() }
        #expect(failure?.why == "a guest has no swap")
    }

    @Test(
        "volumes of the host and of others",
        arguments: [
            ["-v", "/a:/b"], ["-v/a:/b"], ["--volume=name:/b"], ["--mount", "type=bind,src=/a,dst=/b"],
            ["--mount=source=v,target=/b"], ["--mount", "type=volume,source=v,target=/b,readonly"],
        ])
    func volumes(_ words: [String]) {
        let option = words[0].contains("mount") ? "--mount" : "--volume"
        #expect(failure(words)?.what == "\(option) is not supported yet", "\(words)")
    }

    @Test(
        "devices that a guest does not have", arguments: ["/dev/kvm", "/dev/sda:/dev/xvdc:rwm", "/dev/snd"])
    func devices(_ device: String) {
        let failure = failure(["--device", device])
        #expect(failure?.what == "--device \(device.prefix { $0 != ":" }) is not supported yet")
        #expect(failure?.cure?.contains("/dev/fuse") == true)
    }

    @Test("the document has each of them in one row, and in the right table")
    func document() throws {
        let tables = try Document("docs/docker-options.md").tables
        try #require(tables.count == 3)
        let listed = tables.map { table in
            table.dropFirst().flatMap { row in
                row[0].matches(of: /`--([a-z0-9-]+)`/).map { String($0.output.1) }
            }
        }
        #expect(listed.joined().sorted() == (Self.flags + Self.options).sorted())
        for name in listed[0] {
            #expect(RunOptions.options.first { $0.name == name }?.support == .full, "\(name)")
        }
        for (name, isAccepted) in listed[1].map({ ($0, true) }) + listed[2].map({ ($0, false) }) {
            let option = try #require(RunOptions.options.first { $0.name == name }, "\(name)")
            #expect(option.isEverHarmless == isAccepted, "\(name)")
        }
        let accepted = tables[1].dropFirst().flatMap { row in
            row[0].matches(of: /`--([a-z0-9-]+)`/).map { ("--" + $0.output.1, row[1]) }
        }
        for (option, values) in accepted {
            for value in values.matches(of: /`([^`]+)`/).map({ String($0.output.1) }) {
                #expect(failure(["\(option)=\(value)"]) == nil, "\(option) \(value)")
            }
        }
    }
}

extension OptionDescription {
    /// Whether some value of the option is accepted; for a flag, true.
    fileprivate var isEverHarmless: Bool {
        switch support {
        case .full: false
        case .ignored: true
        case .refused(let values): !values.isEmpty
        }
    }
}
