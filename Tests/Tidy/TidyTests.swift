import Foundation
import TestSupport
import Testing

/// The rules of the house that a program can check. Each rule is a function that finds what breaks it, and
/// each is tried on a text that does, so that none of them can pass by looking at nothing.
@Suite("The sources are tidy")
struct TidyTests {
    static let own = ["Sources", "guest", "Tests"]

    @Test("no comment is wider than 110 columns")
    func width() throws {
        let broken = try SourceFile.all(below: Self.own).flatMap(Rules.tooWide)
        #expect(broken.isEmpty, "\(broken.prefix(10))")
        #expect(
            Rules.tooWide(SourceFile("x", "let a = 1\n// " + String(repeating: "x", count: 108))) == ["x:2"])
    }

    @Test("no function of the program has more than 40 lines")
    func functions() throws {
        let files = try SourceFile.all(below: ["Sources", "guest"])
        #expect(files.reduce(0) { $0 + $1.functions.count } > 2000, "the functions are found")
        let broken = files.flatMap(Rules.tooLong)
        #expect(broken.isEmpty, "\(broken)")
        let long =
            "    func f(\n        _ a: Int\n    ) {\n" + String(repeating: "        g()\n", count: 37)
            + "    }\n"
        #expect(Rules.tooLong(SourceFile("x", long)) == ["x:1: func f has 41 lines"])
    }

    @Test("no file of the program has more than 300 lines")
    func files() throws {
        let broken = try SourceFile.all(below: ["Sources", "guest"]).filter { $0.lines.count > 301 }
        #expect(broken.isEmpty, "\(broken)")
    }

    @Test("at most one doc comment in twenty opens with a noun clause")
    func abstracts() throws {
        let files = try SourceFile.all(below: ["Sources", "guest"])
        let count = files.reduce(0) { $0 + $1.abstracts.count }
        #expect(count > 2000, "the comments are found")
        let broken = files.flatMap(Rules.nounClauses)
        #expect(broken.count * 20 <= count, "\(broken.count) of \(count): \(broken.prefix(20))")
        let text = "/// What it does.\nvar a = 1\n/// Whether it does.\n/// What follows.\nvar b = true\n"
        #expect(Rules.nounClauses(SourceFile("x", text)) == ["x:1: What it does."])
    }

    @Test("no word that the glossary replaces")
    func glossary() throws {
        let files = try SourceFile.all(below: Self.own).filter { !$0.path.hasPrefix("Tests/Tidy/") }
        let broken = files.flatMap(Rules.replacedWords)
        #expect(broken.isEmpty, "\(broken.prefix(20))")
        #expect(
            Rules.replacedWords(SourceFile("x", "let a = WindowBus()")) == ["x:1: WindowBus: write MMIOBus"])
    }

    @Test("no name has a part that the glossary replaces")
    func partsOfNames() throws {
        let files = try SourceFile.all(below: Rules.plainRooms)
        #expect(files.count > 150, "the files are found")
        let broken = files.flatMap(Rules.replacedParts)
        #expect(broken.isEmpty, "\(broken.prefix(20))")
        let text = "func serveBell(doorbell: Int) {}  // the news\nlet text = \"the bell\"\n"
        #expect(Rules.replacedParts(SourceFile("x", text)) == ["x:1: bell: write doorbell or event"])
    }

    @Test("no message is a riddle")
    func riddles() throws {
        let broken = try SourceFile.all(below: Rules.plainRooms).flatMap(Rules.riddles)
        #expect(broken.isEmpty, "\(broken.prefix(20))")
        let text = "// it is no number\nthrow bad(\"it is no number\")\n"
        #expect(Rules.riddles(SourceFile("x", text)) == ["x:2: it is no "])
    }

    @Test("the arrows in ARCHITECTURE.md are those of Package.swift")
    func arrows() throws {
        let package = try String(contentsOfFile: Package.path("Package.swift"), encoding: .utf8)
        let built = Rules.rooms(package)
        #expect(built.count >= 16, "the rooms are found")
        let table = try #require(
            try Document("ARCHITECTURE.md").tables.first { $0.first?.prefix(2) == ["room", "imports"] })
        var drawn: [String: Set<String>] = [:]
        for row in table.dropFirst() where row[0].first?.isLetter == false {
            let name = row[0].replacing("`", with: "")
            if built[name] != nil { drawn[name] = Set(row[1].split(separator: ", ").map(String.init)) }
        }
        #expect(drawn == built)
    }

    /// The build refuses an import that the manifest does not name, but not a name without an import, nor a C
    /// module that comes along with another room.
    @Test("a room imports what Package.swift names for it, all of it and no more")
    func imports() throws {
        let package = try String(contentsOfFile: Package.path("Package.swift"), encoding: .utf8)
        let rooms = Rules.rooms(package)
        let modules = rooms.values.reduce(Set(rooms.keys)) { $0.union($1) }
        for (name, named) in rooms {
            let imported = Set(try SourceFile.all(below: ["Sources/" + name]).flatMap(Rules.imports))
            #expect(imported.intersection(modules) == named, "\(name)")
        }
        #expect(Rules.imports(SourceFile("x", "import A\npublic import B\n// import C\n")) == ["A", "B"])
    }

    @Test("the monitor contains nothing of the comparison")
    func programs() throws {
        let package = try String(contentsOfFile: Package.path("Package.swift"), encoding: .utf8)
        let monitor = Rules.parts(of: "vmm", in: package)
        #expect(monitor.isSuperset(of: ["Machine", "Containers", "CKVM"]), "the rooms are found: \(monitor)")
        let measuring: Set = ["Comparison", "CMeasure"]
        #expect(monitor.isDisjoint(with: measuring))
        #expect(Rules.parts(of: "vmm-compare", in: package).isSuperset(of: measuring))
    }

    @Test("every C function that Swift may call has a caller")
    func callers() throws {
        let headers = try ["CHost/include/CHost.h", "CMeasure/include/CMeasure.h", "CKVM/include/CKVM.h"].map
        {
            try String(contentsOfFile: Package.path("Sources/" + $0), encoding: .utf8)
        }
        let names = Set(headers.flatMap(Rules.declaredFunctions))
        #expect(names.count > 30, "the functions are found")
        let callers = try SourceFile.all(below: ["Sources", "Tests"]).map { $0.lines.joined(separator: "\n") }
        let text = callers.joined(separator: "\n")
        let unused = names.filter { !text.contains($0) }
        #expect(unused.isEmpty, "\(unused.sorted())")
        #expect(Rules.declaredFunctions("int chost_none(int a);\n") == ["chost_none"])
    }
}
