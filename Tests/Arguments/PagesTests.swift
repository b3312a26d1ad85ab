import Testing

@testable import Arguments

/// What is written from the declarations: help, man pages and completions. `CompletionTests` of the program
/// run the scripts.
@Suite struct PagesTests {
    private let program = SampleProgram.description("tool")
    private var start: CommandDescription { program.commands[0] }

    @Test func theHelpShowsEveryOptionOnce() {
        #expect(
            HelpText.of(start) == """
                Start something.

                Usage: tool start [OPTION]... IMAGE [COMMAND]...

                It's "quoted", has `code`, and C:\\back.

                .hidden files

                    verbatim -x

                Process:
                  -i, --interactive       Connect the input: yours.
                  -t, --tty               Allocate a terminal.
                      --no-init           Leave the init out.
                  -e, --env NAME=VALUE    Set a variable [of many].

                Machine:
                  -h, --name NAME         Give it a name.
                      --kernel FILE       Boot this kernel, which is not vmm's own.
                      --directory DIR     Keep files here. (default: /tmp)
                  -c, --count COUNT       Start so many. (default: 3)
                      --colour COLOUR     Paint it. (default: red)

                Other options:
                      --help              Show this help.
                      --version           Show the version.

                Exit status:
                  0       well
                  64      usage error

                """)
    }

    @Test func theHelpOfAGroupListsItsCommands() {
        let help = HelpText.of(program)
        #expect(help.contains("Usage: tool [OPTION]... COMMAND\n"))
        #expect(help.contains("Commands:\n  start                   Start something.\n"))
        #expect(!help.contains("secret"))
        #expect(HelpText.of(program.commands[1]).contains("\n  list, ls                List images.\n"))
        #expect(help.contains("\n  -h, --help              Show this help.\n"))
        #expect(help.split(separator: "\n").allSatisfy { $0.count <= 80 })
    }

    @Test func theManPageEscapesWhatRoffInterprets() {
        let page = ManPage.of(start, in: program, version: "1.2")
        #expect(page.hasPrefix(".TH TOOL\\-START 1 \"\" \"tool 1.2\"\n"))
        #expect(page.contains("\ntool\\-start \\- start something\n"))
        #expect(page.contains("\nIt\\(aqs \"quoted\", has \\(gacode\\(ga, and C:\\eback.\n.PP\n"))
        #expect(page.contains("\n.PP\n\\&.hidden files\n"))
        #expect(page.contains("\n.TP\n\\fB\\-e\\fR, \\fB\\-\\-env\\fR \\fINAME=VALUE\\fR\nSet a variable"))
        #expect(page.contains("\n.TP\n.B 64\nusage error\n"))
        #expect(page.contains("\n.PP\n.nf\n    verbatim \\-x\n.fi\n"))
        #expect(page.contains("\n.BR tool\\-image\\-list (1)\n") && !page.contains("secret"))
    }

    @Test func everyOptionIsInEveryCompletion() {
        for script in [
            BashCompletion.script(program), ZshCompletion.script(program), FishCompletion.script(program),
        ] {
            for option in program.all.flatMap(\.options) { #expect(script.contains(option.name)) }
            for foreign in ["secret", "network", "annotation"] { #expect(!script.contains(foreign)) }
        }
    }

    @Test func theNearestNameIsTheOnlyOneThatIsNear() {
        #expect(NearestName.of("memroy", among: ["memory", "memory-swap"]) == "memory")
        #expect(NearestName.of("mem", among: ["memory", "memory-swap"]) == nil)
        #expect(NearestName.of("xyz", among: ["memory"]) == nil)
    }
}
