/// The page's looks: light and dark, on a phone, and on paper.
enum Stylesheet {
    static let text = colours + frame + cards + tables + charts + forms + narrow + paper

    private static let light = """
        --ink:#1d2433;--soft:#5b6478;--paper:#fff;--card:#f4f6f9;--line:#dfe3ea;--accent:#2b5fd9;--go:#1a7f4b;--trial:#935a00;--stop:#b3261e;
        --c0:#2b5fd9;--c1:#c2571a;--c2:#1a7f4b;--c3:#8a3fbf;--c4:#b3261e;--c5:#0f7c8a;--mark:#ffe9a8
        """

    private static let dark = """
        --ink:#e8ebf2;--soft:#a3acbf;--paper:#12151c;--card:#1b202b;--line:#2d3444;--accent:#7ea6ff;--go:#5ccf94;--trial:#e5b04d;--stop:#ff8a80;
        --c0:#7ea6ff;--c1:#f2a06b;--c2:#5ccf94;--c3:#c79bf0;--c4:#ff8a80;--c5:#5cc8d6;--mark:#5b4a12
        """

    private static let colours = """
        :root{color-scheme:light dark;\(light)}
        @media (prefers-color-scheme:dark){:root{\(dark)}}

        """

    private static let frame = """
        *{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);overflow-wrap:anywhere;font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
        main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 3rem}h1{font-size:1.8rem;line-height:1.2;margin:.5rem 0;overflow-wrap:anywhere}
        h2{font-size:1.3rem;margin:2.8rem 0 .4rem;border-bottom:1px solid var(--line);padding-bottom:.3rem}
        h3{font-size:1rem;margin:1.2rem 0 .3rem;overflow-wrap:anywhere}h4{font-size:.9rem;margin:.9rem 0 .2rem}p{max-width:46rem;overflow-wrap:anywhere}a{color:var(--accent)}
        nav{display:flex;flex-wrap:wrap;gap:.2rem 1rem;font-size:.9rem;margin:.6rem 0}.summary{font-size:1.1rem}
        .lead,.small,footer{color:var(--soft)}.lead{margin:.2rem 0 1rem}.small,footer{font-size:.85rem}footer{margin-top:3rem}footer dt{font-weight:600;color:var(--ink)}
        footer dd{margin:0 0 .4rem}

        """

    private static let cards = """
        .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(17rem,100%),1fr));gap:.8rem}
        .verdict{background:var(--card);border-left:.4rem solid var(--soft);border-radius:.4rem;padding:.6rem 1rem;min-width:0;print-color-adjust:exact;-webkit-print-color-adjust:exact}
        .verdict h3{font-size:1.25rem;margin:.2rem 0}.verdict p{margin:.3rem 0}.name{font-weight:600}
        .verdict.go{border-color:var(--go)}.verdict.canary,.verdict.poc{border-color:var(--trial)}.verdict.no-go{border-color:var(--stop)}
        .go h3{color:var(--go)}.canary h3,.poc h3{color:var(--trial)}.no-go h3{color:var(--stop)}
        .tiles{margin:.6rem 0;padding:0}.tiles div{border-top:1px solid var(--line);padding:.3rem 0;display:grid;grid-template-columns:4.6rem minmax(0,1fr);gap:.5rem;align-items:baseline}
        .tiles dt{font-size:.78rem;line-height:1.3;color:var(--soft)}.tiles dd{margin:0;font-size:1.2rem;font-weight:600}.reasons{margin:.3rem 0;padding-left:1.1rem;font-size:.9rem;overflow-wrap:anywhere}
        .sample{border:1px solid var(--line);border-radius:.4rem;padding:.6rem 1rem;margin:.8rem 0;break-inside:avoid}
        .answers{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(16rem,100%),1fr));gap:.8rem}.sample blockquote{margin:.2rem 0;white-space:pre-wrap;overflow-wrap:anywhere}
        .answers>div{background:var(--card);border-radius:.4rem;padding:.4rem .8rem;min-width:0}mark{background:var(--mark);color:inherit}

        """

    private static let tables = """
        .scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem;margin:.6rem 0}
        th,td{text-align:right;overflow-wrap:normal;padding:.35rem .6rem;border-bottom:1px solid var(--line);vertical-align:top;white-space:nowrap}th{white-space:normal;color:var(--soft);font-weight:600;vertical-align:bottom}
        th:first-child,td:first-child{text-align:left;min-width:7rem;max-width:16rem;white-space:normal;overflow-wrap:anywhere;position:sticky;left:0;background:var(--paper)}
        .facts td,.facts th{text-align:left;white-space:normal;overflow-wrap:break-word}.texts td,.texts th{text-align:left;white-space:normal;overflow-wrap:anywhere;min-width:5rem}pre{background:var(--card);padding:.8rem;border-radius:.4rem;overflow:auto;font-size:.8rem}
        summary{cursor:pointer;overflow-wrap:anywhere;margin:.4rem 0}code{font-size:.85em;overflow-wrap:anywhere}

        """

    private static let charts = """
        svg{width:100%;min-width:30rem;height:auto;display:block;margin:.6rem 0}.grid{stroke:var(--line)}.tick,.axis,.label{fill:var(--soft);font-size:11px}.axis,.label{fill:var(--ink)}
        .front,.curve{fill:none;stroke:var(--accent);stroke-width:2}.front{stroke-dasharray:5 4}.faint{stroke-opacity:.35;stroke-width:1}.dense{fill:var(--paper);stroke:var(--ink);stroke-width:2}.mean{stroke:var(--ink);stroke-width:2}.range{stroke:var(--soft);stroke-width:2}.leader{stroke:var(--line)}
        .c0{fill:var(--c0)}.c1{fill:var(--c1)}.c2{fill:var(--c2)}.c3{fill:var(--c3)}.c4{fill:var(--c4)}.c5{fill:var(--c5)}.plain{fill:var(--soft)}.error{stroke:var(--ink);stroke-width:2}
        .ground{fill:var(--card)}.heat{fill:var(--accent)}.bar{fill:var(--soft)}
        .key{display:inline-block;margin-right:1rem;padding-left:1.1rem;background:linear-gradient(currentColor,currentColor) 0 .45em/.8rem .8rem no-repeat;print-color-adjust:exact;-webkit-print-color-adjust:exact}
        .key.c0{color:var(--c0)}.key.c1{color:var(--c1)}.key.c2{color:var(--c2)}.key.c3{color:var(--c3)}.key.c4{color:var(--c4)}.key.c5{color:var(--c5)}.key.plain{color:var(--soft)}

        """

    private static let forms = """
        .calculator{display:grid;grid-template-columns:1fr minmax(8rem,12rem);gap:.4rem 1rem;max-width:36rem;align-items:center}
        input,select{font:inherit;padding:.35rem;width:100%;min-width:0;background:var(--card);color:var(--ink);border:1px solid var(--line);border-radius:.3rem}
        .saving{background:var(--card);border-radius:.4rem;padding:.6rem 1rem;max-width:36rem;margin-top:.8rem;print-color-adjust:exact;-webkit-print-color-adjust:exact}.saving p{margin:.2rem 0}output{font-weight:700}

        """

    private static let narrow = """
        @media screen and (max-width:40rem){body{font-size:15px}h1{font-size:1.5rem}.tick,.axis,.label{font-size:17px}svg{min-width:0}.calculator{grid-template-columns:1fr 7.5rem}
        table,tbody{display:block}thead{display:none}tr{display:block;border:1px solid var(--line);border-radius:.4rem;padding:.4rem .7rem;margin:.6rem 0}
        td,.texts td,.facts td{display:flex;justify-content:space-between;gap:.8rem;border:0;padding:.15rem 0;white-space:normal;text-align:right;min-width:0;overflow-wrap:anywhere}
        td::before{content:attr(data-label);color:var(--soft);text-align:left;flex:0 0 45%;overflow-wrap:normal}
        th:first-child,td:first-child{position:static;max-width:none;min-width:0;font-weight:600;text-align:left}td:first-child{justify-content:flex-start}td:first-child::before{content:none}
        .pairs tr{border:0;padding:0;margin:.2rem 0}}

        """

    /// Details are closed on a screen and open on paper.
    private static let paper = """
        @page{margin:15mm}
        @media print{:root{color-scheme:light;\(light)}body{font-size:10.5pt}main{padding:0;max-width:none}nav{display:none}h2,h3,.lead{break-after:avoid}.lead{break-inside:avoid}
        article,svg,tr,.calculator,.saving{break-inside:avoid}details::details-content{content-visibility:visible!important;display:block!important;block-size:auto!important}
        pre{white-space:pre-wrap}input,select{border:0;appearance:none}svg{min-width:0;max-height:22rem}.scroll{overflow:visible}th:first-child,td:first-child{position:static}table{font-size:.68rem}th,td{white-space:normal;overflow-wrap:break-word;padding:.2rem .3rem}th:first-child,td:first-child{min-width:4rem}
        .cards{grid-template-columns:repeat(3,minmax(0,1fr));gap:.5rem}.verdict{font-size:8.5pt;padding:.4rem .6rem}.verdict h3{font-size:11pt}.verdict .small{font-size:7.5pt;line-height:1.35}.tiles dd{font-size:10pt}.tiles div{padding:.15rem 0;grid-template-columns:3.4rem minmax(0,1fr)}
        .sample{padding:.2rem .6rem;margin:.4rem 0;font-size:9pt}h3+p.small{break-after:avoid}pre{columns:2}}

        """
}
