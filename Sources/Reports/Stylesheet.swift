/// The page's looks: light and dark, on a phone, and on paper.
enum Stylesheet {
    static let text = """
        :root{color-scheme:light dark;--ink:#1d2433;--soft:#5b6478;--paper:#fff;--card:#f5f6f9;--line:#dfe3ea;--accent:#2b5fd9;
        --go:#1a7f4b;--canary:#a06400;--stop:#b3261e;--c0:#2b5fd9;--c1:#c2571a;--c2:#1a7f4b;--c3:#8a3fbf;--c4:#b3261e;--c5:#0f7c8a}
        @media (prefers-color-scheme:dark){:root{--ink:#e8ebf2;--soft:#a3acbf;--paper:#12151c;--card:#1b202b;--line:#2d3444;--accent:#7ea6ff;
        --go:#5ccf94;--canary:#e5b04d;--stop:#ff8a80;--c0:#7ea6ff;--c1:#f2a06b;--c2:#5ccf94;--c3:#c79bf0;--c4:#ff8a80;--c5:#5cc8d6}}
        *{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
        main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 3rem}h1{font-size:1.7rem;line-height:1.2;overflow-wrap:anywhere}
        h2{font-size:1.2rem;margin:2.5rem 0 .4rem;border-bottom:1px solid var(--line);padding-bottom:.3rem}h3{font-size:1rem;margin:1rem 0 .3rem;overflow-wrap:anywhere}
        .lead,.small,footer{color:var(--soft)}.lead{margin:.2rem 0 1rem}.small,footer{font-size:.85rem}
        .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(16rem,1fr));gap:.8rem}
        .verdict{background:var(--card);border-left:.4rem solid var(--soft);border-radius:.4rem;padding:.6rem 1rem}.verdict h3{font-size:1.2rem;margin:.2rem 0}
        .verdict p{margin:.3rem 0;overflow-wrap:anywhere}.verdict.go{border-color:var(--go)}.verdict.canary{border-color:var(--canary)}.verdict.no-go{border-color:var(--stop)}
        .go h3{color:var(--go)}.canary h3{color:var(--canary)}.no-go h3{color:var(--stop)}.name{font-weight:600}
        .scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem;margin:.6rem 0}th,td{text-align:right;padding:.35rem .6rem;border-bottom:1px solid var(--line)}
        th{color:var(--soft);font-weight:600}th:first-child,td:first-child{text-align:left;min-width:5rem;max-width:16rem;overflow-wrap:anywhere}.texts td,.texts th{text-align:left;vertical-align:top;white-space:pre-wrap;overflow-wrap:anywhere}
        svg{width:100%;min-width:30rem;height:auto;display:block;margin:.6rem 0}.grid{stroke:var(--line)}.tick,.axis,.label{fill:var(--soft);font-size:11px}.axis,.label{fill:var(--ink)}
        .front,.curve{fill:none;stroke:var(--accent);stroke-width:2}.front{stroke-dasharray:5 4}.dense{fill:var(--paper);stroke:var(--ink);stroke-width:2}
        .c0{fill:var(--c0)}.c1{fill:var(--c1)}.c2{fill:var(--c2)}.c3{fill:var(--c3)}.c4{fill:var(--c4)}.c5{fill:var(--c5)}.error{stroke:var(--ink);stroke-width:2}
        .heat{fill:color-mix(in srgb,var(--accent) calc(var(--v)*100%),var(--card))}.bar{fill:var(--soft)}
        .key{display:inline-block;margin-right:1rem;padding-left:1.1rem;background:linear-gradient(currentColor,currentColor) 0 55%/.8rem .8rem no-repeat}
        .key.c0{color:var(--c0)}.key.c1{color:var(--c1)}.key.c2{color:var(--c2)}.key.c3{color:var(--c3)}.key.c4{color:var(--c4)}.key.c5{color:var(--c5)}
        .calculator{display:grid;grid-template-columns:1fr 9rem;gap:.4rem 1rem;max-width:30rem;align-items:center}input{font:inherit;padding:.3rem;width:100%;background:var(--card);color:var(--ink);border:1px solid var(--line);border-radius:.3rem}
        .saving{font-size:1.2rem;font-weight:600}pre{background:var(--card);padding:.8rem;border-radius:.4rem;overflow:auto;font-size:.8rem}summary{cursor:pointer;overflow-wrap:anywhere}footer{margin-top:3rem}
        @media print{:root{color-scheme:light}body{font-size:11pt}section{break-inside:avoid}details:not([open])>*{display:revert}input{border:0}svg{min-width:0}}
        """
}

/// Cost before and after, from what the fields say.
enum CalculatorScript {
    static let text = """
        (function(){var ids=["price","tokens","dense","ratio"];function value(id){return parseFloat(document.getElementById(id).value)||0}
        function money(x){return isFinite(x)?x.toLocaleString(undefined,{maximumFractionDigits:x<100?2:0}):"–"}
        function show(){var d=value("dense"),r=value("ratio"),before=value("tokens")/(d*3600)*value("price"),after=before/r;
        document.getElementById("before").textContent=money(before);document.getElementById("after").textContent=money(after);
        document.getElementById("saved").textContent=money((before-after)*365)}
        ids.forEach(function(id){document.getElementById(id).addEventListener("input",show)});show()})();
        """
}
