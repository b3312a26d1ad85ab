import Foundation
import FoundationXML
import TestSupport
import Testing

@testable import Comparison

@Suite("the page", .serialized)
struct PageTests {
    @Test("nothing is fetched, nothing runs, and what others wrote stays text")
    func selfContained() {
        let page = Example.report().html
        for trace in ["<script", "http://", "https://", "<link", "<img", "@import", "url("] {
            #expect(!page.contains(trace), "\(trace)")
        }
        #expect(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
        #expect(page.contains("prefers-color-scheme:dark") && page.contains("name=\"viewport\""))
        #expect(page.contains("instruction clock") && page.contains("2026-11-21"))
    }

    /// In Chromium (scripts/packages.sh pages), with a script of the test's own that looks at what came out.
    @Test("it fits phones and desks, and shows its pictures", arguments: [390, 1200])
    func browser(_ width: Int) throws {
        let question = """
            <script>addEventListener('load', () => { const root = document.documentElement;
            const over = [...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll, pre, svg') &&
              e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName + '.' + e.className);
            const flat = [...document.querySelectorAll('svg')].filter(e => e.getBoundingClientRect().height < 20).length;
            const size = Math.min(...[...document.querySelectorAll('svg text, td, p')].map(e =>
              parseFloat(getComputedStyle(e).fontSize)));
            const pictures = document.querySelectorAll('svg').length;
            parent.postMessage(`ANSWER ${innerWidth} ${root.scrollWidth} ${pictures} ${flat} ${size} [${over}]`, "*"); });
            </script></body>
            """
        let page = try TemporaryFile(Array(Example.report().html.replacing("</body>", with: question).utf8))
        let named = page.path + ".html"
        try FileManager.default.copyItem(atPath: page.path, toPath: named)
        // A window of Chromium's is 500 pixels wide at the least; a frame is as wide as it is told.
        let frame = """
            <body><script>addEventListener('message', e => { document.body.textContent = e.data; })</script>
            <iframe src="file://\(named)" style="width:\(width)px;height:900px;border:0"></iframe></body>
            """
        let outer = page.path + "-frame.html"
        try Data(frame.utf8).write(to: URL(filePath: outer))
        let profile = FileManager.default.temporaryDirectory.appending(path: "vmm-page-\(UUID().uuidString)")
            .path
        defer {
            try? FileManager.default.removeItem(atPath: named)
            try? FileManager.default.removeItem(atPath: outer)
            try? FileManager.default.removeItem(atPath: profile)
        }
        let run = try ProgramRun(
            [
                "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                "--user-data-dir=\(profile)", "--window-size=1300,1000", "--virtual-time-budget=10000",
                "--dump-dom",
                "file://\(outer)",
            ], seconds: 300)
        let answer = try #require(
            run.output.split(separator: "ANSWER ").last.flatMap { $0.split(separator: "<").first })
        let words = answer.split(separator: " ")
        try #require(words.count >= 6, "\(run.output.suffix(500)) \(run.error.suffix(500))")
        #expect(words[0] == "\(width)", "the window is as wide as was asked for")
        #expect(words[1] == words[0], "nothing is wider than the window: \(answer)")
        #expect((Int(words[2]) ?? 0) >= 5 && words[3] == "0", "\(answer)")
        #expect((Double(words[4]) ?? 0) >= 11, "text can be read: \(answer)")
        #expect(words[5] == "[]", "\(answer)")
    }
}

extension PageTests {
    @Test("the picture for documents is whole, and names every path and every phase")
    func picture() throws {
        let report = Example.report()
        let document = try XMLDocument(xmlString: report.svg)
        let texts = try document.nodes(forXPath: "//*[local-name()='text']").compactMap(\.stringValue)
        for path in report.paths where !path.samples(together: 1).isEmpty {
            #expect(texts.contains(path.name))
            for phase in path.phases() { #expect(texts.contains(phase.name), "\(phase.name)") }
        }
        #expect(texts.contains { $0.contains("instruction clock") })
        #expect(report.svg.contains("prefers-color-scheme:dark") && !report.svg.contains("<script"))
    }
}
