import Glibc
import Host
import Images
import Template
import TestSupport
import Testing

@testable import Containers

/// The choice between a template and a cold start.
@Suite("The choice of a template")
struct TemplatePolicyTests {
    @Test("the option comes before the variable, and the variable before auto")
    func policy() throws {
        defer { unsafe unsetenv("VMM_TEMPLATE") }
        for (variable, option, expected) in [
            (nil, nil, .auto), ("", nil, .auto), ("auto", nil, .auto), ("never", nil, .never),
            ("require", nil, .require), ("require", .never, .never), (nil, .require, .require),
            ("nonsense", .auto, .auto),
        ] as [(String?, TemplatePolicy?, TemplatePolicy)] {
            unsafe unsetenv("VMM_TEMPLATE")
            if let variable { unsafe setenv("VMM_TEMPLATE", variable, 1) }
            var options = RunOptions()
            options.template = option
            let policy = try options.templatePolicy()
            #expect(policy == expected, "\(variable ?? "-") \(String(describing: option))")
        }
        for wrong in ["Never", " never", "yes", "1", "\u{1b}[2J" + String(repeating: "x", count: 1000)] {
            unsafe setenv("VMM_TEMPLATE", wrong, 1)
            let failure = #expect(throws: Failure.self) { try RunOptions().templatePolicy() }
            let text = failure?.description ?? ""
            #expect(text.contains("for VMM_TEMPLATE: not one of auto, never, require"), "\(text)")
            #expect(text.utf8.count < 500 && !text.contains("\u{1b}"), "\(text)")
        }
    }

    @Test("a disk, and a store of another user, stand in the way of a template")
    func obstacles() throws {
        let directory = try TemporaryDirectory()
        let store = try ImageStore.open(at: directory.path("store"))
        func plan(_ writable: String?) throws -> ContainerPlan {
            var options = RunOptions()
            options.image = "image"
            options.command = ["true"]
            options.writable = writable ?? options.writable
            return try ContainerPlan(options, image: .init(), identifier: "0123456789ab", host: planHost())
        }
        for writable in [nil, "memory", "none"] {
            #expect(try plan(writable).templateObstacle(in: store) == nil, "\(writable ?? "-")")
        }
        #expect(try plan("64m").templateObstacle(in: store)?.contains("--writable") == true)
        guard geteuid() == 0 else { return }
        #expect(unsafe chown(directory.path("store"), 12345, 0) == 0)
        #expect(try plan(nil).templateObstacle(in: store)?.contains("another user") == true)
    }
}
