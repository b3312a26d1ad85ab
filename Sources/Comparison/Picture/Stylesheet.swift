/// The style of the page, for light and dark, wide and narrow screens, and for paper.
enum Stylesheet {
    private static let light = [
        "process": "#6b7280", "runc": "#0891b2", "crun": "#0d9488", "podman": "#9333ea", "docker": "#2563eb",
        "vmm": "#e11d48", "firecracker": "#d97706", "qemu": "#65a30d",
    ]
    private static let dark = [
        "process": "#9ca3af", "runc": "#22d3ee", "crun": "#2dd4bf", "podman": "#c084fc", "docker": "#60a5fa",
        "vmm": "#fb7185", "firecracker": "#fbbf24", "qemu": "#a3e635",
    ]
    private static let phasesLight = [
        "#f59e0b", "#0ea5e9", "#6366f1", "#10b981", "#ec4899", "#84cc16", "#94a3b8", "#a16207",
    ]
    private static let phasesDark = [
        "#fbbf24", "#38bdf8", "#818cf8", "#34d399", "#f472b6", "#a3e635", "#94a3b8", "#d6b656",
    ]

    private static func variables(_ paths: [String: String], _ phases: [String]) -> String {
        let ofPaths = paths.sorted { $0.key < $1.key }.map { "--p-\($0.key):\($0.value)" }
        return (ofPaths + phases.enumerated().map { "--h-\($0):\($1)" }).joined(separator: ";")
    }

    /// The variables of the colours, for light and dark screens.
    static let colours = """
        :root{color-scheme:light dark;--bg:#fbfbfa;--fg:#1c1f24;--soft:#5c6470;--line:#e3e4e2;--card:#fff;
        --warn:#9a5b00;--code:#f1f1ee;\(variables(light, phasesLight))}
        @media(prefers-color-scheme:dark){:root{--bg:#121417;--fg:#e8e9ea;--soft:#9ba3ae;--line:#2b2f36;--card:#1a1d21;
        --warn:#f0b45a;--code:#22262b;\(variables(dark, phasesDark))}}
        """

    /// The style of the parts of a picture.
    static var pictures: String {
        let paths = light.keys.sorted().map { ".p-\($0){--c:var(--p-\($0))}" }
        let phases = phasesLight.indices.map { ".h-\($0){fill:var(--h-\($0));background:var(--h-\($0))}" }
        return """
            svg text{fill:var(--fg);font-size:13px}
            svg .name{font-weight:600}
            svg .value{fill:var(--fg)}
            svg .tick{fill:var(--soft);font-size:11.5px}
            .grid{stroke:var(--line)}
            .run{stroke:var(--c);stroke-opacity:.45;stroke-width:1.5}
            .box{fill:var(--c);fill-opacity:.28}
            .median{stroke:var(--c);stroke-width:3;stroke-linecap:round}
            .curve{stroke:var(--c);stroke-width:2;stroke-linecap:round}
            .dot{fill:var(--card);stroke:var(--c);stroke-width:2}
            .rate{fill:var(--c);fill-opacity:.8}
            \(paths.joined())
            \(phases.joined())
            """
    }

    static var text: String {
        """
        \(colours)
        *{box-sizing:border-box}
        body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
        "Noto Sans",sans-serif;font-variant-numeric:tabular-nums;-webkit-text-size-adjust:100%}
        main{max-width:58rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}
        header p{margin:.35rem 0;color:var(--soft)}
        .over{font-size:.8rem;letter-spacing:.08em;text-transform:uppercase;color:var(--soft)}
        h1{font-size:1.9rem;line-height:1.2;margin:.2rem 0 .8rem;overflow-wrap:anywhere}
        h1 code{font:inherit;background:none;padding:0;color:var(--soft);font-weight:400}
        h2{font-size:1.2rem;margin:0 0 .25rem}
        h3{font-size:.95rem;margin:1.1rem 0 .3rem}
        section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.25rem 1.35rem;
        margin-top:1.25rem}
        section>p{margin:.15rem 0 .9rem;color:var(--soft);font-size:.92rem}
        code{font:.88em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:var(--code);padding:.1em .35em;
        border-radius:4px;overflow-wrap:anywhere}
        pre{background:var(--code);border-radius:8px;padding:.8rem 1rem;overflow-x:auto;margin:.5rem 0 0}
        pre code{background:none;padding:0;overflow-wrap:normal}
        .lede{font-size:1.1rem;color:var(--fg)!important;margin:.2rem 0!important}
        .lede b{white-space:nowrap}
        .warn{color:var(--warn)!important}
        .scroll{overflow-x:auto;margin:0 -.25rem}
        table{border-collapse:collapse;font-size:.92rem;width:100%}
        th,td{padding:.38rem .55rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
        th{font-weight:500;color:var(--soft);font-size:.82rem}
        th:first-child,td:first-child{text-align:left}
        tr:last-child td{border-bottom:0}
        td:first-child{font-weight:600}th:first-child,td:first-child{position:sticky;left:0;background:var(--card)}
        .key::before{content:"";display:inline-block;width:.65em;height:.65em;border-radius:50%;margin-right:.45em;
        background:var(--c)}
        svg{display:block;overflow:visible;margin:.4rem 0}
        \(pictures)
        .legend{list-style:none;padding:0;margin:.6rem 0 0;display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;font-size:.88rem;
        color:var(--soft)}
        .legend i{display:inline-block;width:.8em;height:.8em;border-radius:3px;margin-right:.45em}
        .pair{display:grid;gap:1.5rem 2.5rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,19rem),1fr))}
        .pair>div{min-width:0}
        dl.sights{margin:0}
        dl.sights dt{margin-top:.8rem;font-weight:600;font-size:.95rem}
        dl.sights dd{margin:.15rem 0 0;display:grid;grid-template-columns:minmax(8rem,14rem) 1fr;gap:0 1rem;font-size:.92rem}
        dl.sights .who{display:flex;flex-wrap:wrap;gap:0 .7rem;color:var(--soft)}
        dl.sights .what{overflow-wrap:anywhere}
        ul.plain{margin:.2rem 0 0;padding-left:1.1rem;font-size:.95rem}
        ul.plain small{color:var(--soft);display:block;font-size:.87rem}
        details{font-size:.95rem}details+details{margin-top:.4rem}summary{cursor:pointer;font-weight:600}
        details p{margin:.3rem 0 .6rem;color:var(--soft)}
        @media(max-width:32rem){main{padding:1.5rem .8rem 3rem}section{padding:1rem .95rem;border-radius:10px}
        h1{font-size:1.5rem}dl.sights dd{grid-template-columns:1fr;margin-top:.35rem}}
        @media print{body{background:#fff}section{break-inside:avoid}}
        """
    }
}
