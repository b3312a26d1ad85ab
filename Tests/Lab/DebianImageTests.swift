import TestSupport
import Testing

/// A container that real work is done in: Debian with python3, a compiler and PostgreSQL.
@Suite("a Debian container in the lab")
struct DebianImageTests {
    /// The first groups of PostgreSQL's schedule; the whole of it takes half an hour in the lab.
    private static let groups = 3

    @Test("python3, a C compiler and PostgreSQL's own regression tests")
    func work() throws {
        // Imported outside, where it is quicker; the lab reads the store as it lies there.
        let script = """
            cd "$0"
            scripts/debian-image.sh build/images/debian
            export VMM_STORE=$PWD/build/images/store
            build/vmm image import --quiet oci:build/images/debian:latest --name debian-image
            """
        let imported = try ProgramRun(["bash", "-euc", script, Package.root], seconds: 1200)
        try #require(imported.status == 0, "\(imported.error)")
        let boots = try Lab.run(
            """
            export VMM_STORE=$PWD/build/images/store
            run() { timed "$1" 1500 build/vmm run "${@:2}"; }
            run python debian-image python3 -c 'print("sum=%d" % sum(range(10**6))); raise SystemExit(9)'
            run compiler -i debian-image sh -c 'cat >/tmp/a.c; gcc -O1 -o /tmp/a /tmp/a.c && /tmp/a' <<'END'
            #include <stdio.h>
            int main(void) { puts("word=compiled"); return 3; }
            END
            run postgres -i --memory 1G debian-image sh -s \(Self.groups) <Tests/Lab/postgres/regress.sh
            """, seconds: 2000)
        #expect(boots["python"]?.status == 9 && boots["python"]?["sum"] == "499999500000")
        #expect(boots["compiler"]?.status == 3 && boots["compiler"]?["word"] == "compiled")
        let postgres = try #require(boots["postgres"])
        #expect(postgres.status == 0, "\(postgres)")
        #expect(
            postgres.lines.contains { $0.contains("All ") && $0.contains(" tests passed") }, "\(postgres)")
    }
}
