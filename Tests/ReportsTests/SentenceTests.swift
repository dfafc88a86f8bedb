import Foundation
import JSONText
import TestSupport
import Testing

@testable import Gate
@testable import Reports

/// What the page says is a sentence for any number, and agrees with the page's own figures.
@Suite("Sentences of the report")
struct SentenceTests {
    private func run(
        _ name: String = "run", _ work: TemporaryFolder, ratio: Double = 1.05, agreement: Double = 0.9,
        decode: Double = 1.5, spread: Double = 0.05, isStructured: Bool = false
    ) throws -> PublishedRun {
        try PublishedRun(
            folder: try RunFolder.make(
                name, in: work, ratio: ratio, agreement: agreement, decode: decode, spread: spread,
                isStructured: isStructured))
    }

    /// The page's text without markup, scripts and style.
    private func text(_ page: ReportPage) -> String {
        var html = page.html
        for element in ["style", "script"] {
            guard let start = html.firstRange(of: "<\(element)>"), let end = html.firstRange(of: "</\(element)>") else {
                continue
            }
            html.removeSubrange(start.lowerBound..<end.upperBound)
        }
        return html.replacing(#/<[^>]*>/#, with: "").replacing("&#39;", with: "'").replacing(#/\s+/#, with: " ")
    }

    @Test("names are listed as people list them")
    func lists() {
        #expect(Words.list([]) == "none" && Words.list(["a"]) == "a" && Words.list(["a", "b"]) == "a and b")
        #expect(Words.list(["a", "b", "c"]) == "a, b and c")
        #expect(Words.list((0..<20).map(String.init)) == "0, 1, 2, 3, 4, 5, 6 and 13 others")
        #expect(Words.counted(0, "run") == "0 runs" && Words.counted(1, "run") == "1 run")
        #expect(Words.counted(1200, "match", "matches") == "1,200 matches")
    }

    @Test("the first sentence names the runs, for one, two and three of each kind")
    func summaries() throws {
        let work = try TemporaryFolder()
        let bad = try (0..<3).map { try run("bad\($0)", work, ratio: 9) }
        #expect(
            ReportPage(bad).summary == "<b>bad0</b>, <b>bad1</b> and <b>bad2</b> should not be served.")
        let good = try run("good", work)
        #expect(
            ReportPage([good, bad[0]]).summary
                == "<b>good</b> may replace the dense model, rolled out in stages. <b>bad0</b> should not be served.")
        #expect(ReportPage([bad[0], bad[1]]).summary == "<b>bad0</b> and <b>bad1</b> should not be served.")
        #expect(ReportPage([bad[0]]).summary.hasPrefix("<b>No-go.</b> Its weight files are 0.60 times as large as"))
    }

    @Test("widths that no kernel is built for are told beside a speed")
    func widths() throws {
        let work = try TemporaryFolder()
        var run = try run("odd", work, isStructured: true)
        #expect(run.misalignedWidths == [] && ReportPage.widths(run) == nil)
        run.misalignedWidths = [172, 1441]
        #expect(text(ReportPage([run])).contains("no multiple of 8 (172 and 1 more)"))
        run.speeds = []
        #expect(ReportPage.widths(run) == nil)
    }

    @Test("parameters are a headline only where units were removed; of zeros the files and the speed are")
    func headlines() throws {
        let work = try TemporaryFolder()
        var zeros = try run("zeros", work)
        for (ratio, words) in [
            (2.74, "Its weight files are 2.74 times as large as the dense model's."),
            (1.0, "Its weight files are as large as the dense model's."),
        ] {
            zeros.sizeRatio = ratio
            let page = ReportPage([zeros])
            #expect(page.summary.contains(words) && !page.summary.contains("parameters"))
            let whole = text(page)
            #expect(!whole.contains("parameters left") && !whole.contains("of the parameters"))
            #expect(whole.contains("50.0 % of the weights in the pruned matrices are zero"))
        }
        zeros.sizeRatio = nil
        zeros.bytes = 1_044_992
        #expect(ReportPage([zeros]).summary.contains("Its weight files have 1.04 MB; zeros are stored"))
        let units = ReportPage([try run("units", work, isStructured: true)])
        #expect(units.summary.contains("It has 60 % of the dense model's parameters."))
        #expect(text(units).contains("60 %of the parameters left"))
    }

    @Test("speed is said to be this engine's, and to be within its noise where it is")
    func speed() throws {
        let work = try TemporaryFolder()
        let clear = ReportPage([try run("clear", work)])
        #expect(clear.summary.contains("In Espalier's own engine it writes 1.50 times as fast"))
        #expect(clear.summary.contains("(1.36 to 1.66); your server's speed will differ."))
        let noisy = try run("noisy", work, decode: 1.01, spread: 0.2)
        #expect(noisy.speed?.decode.standing == .withinNoise)
        let page = ReportPage([noisy])
        #expect(page.summary.contains("any difference in speed from the dense model is within the noise (1.01 times"))
        #expect(text(page).contains("within noise, so no difference is shown"))
        #expect(
            Charts.pareto([.init(index: 0, name: "a", x: 1.01, range: 0.7...1.5, y: 1.1)], .speed)?.svg
                .contains("class=\"front\"") == false)
        let slow = try run("slow", work, decode: 0.5)
        #expect(slow.speed?.decode.standing == .slower)
    }

    @Test("the ratio of two servers is called the server's")
    func servedSpeed() throws {
        let work = try TemporaryFolder()
        let path = try RunFolder.make(in: work)
        let text = try String(contentsOfFile: path + "/benchmark.json", encoding: .utf8)
        let endpoint = #"{"url": "http://h/v1", "model": "m", "server": "vLLM <1>"}"#
        var document = try #require(try JSONValue(parsing: text).objectValue)
        document["endpoint"] = try JSONValue(parsing: endpoint)
        document["environment"] = .object(["endpoint": try JSONValue(parsing: endpoint)])
        try work.write("run/benchmark.json", JSONValue.object(document).text())
        let run = try PublishedRun(folder: path)
        #expect(run.speed?.server == "vLLM <1>")
        let page = ReportPage([run])
        #expect(page.summary.contains("On its server (vLLM &lt;1&gt;) it writes"))
        #expect(page.summary.contains("this is the server's ratio") && !page.summary.contains("will differ"))
        #expect(page.html.contains("Quality against speed on a server"))
        #expect(!page.html.contains("Espalier's own engine"))
    }

    @Test("a ratio is of the same prompt and batch, and its noise is known from three repeats on")
    func ratios() throws {
        let work = try TemporaryFolder()
        let path = try RunFolder.make(in: work)
        let text = try String(contentsOfFile: path + "/benchmark.json", encoding: .utf8)
        try work.write("run/benchmark.json", text.replacing("\"repeats\": 5", with: "\"repeats\": 2"))
        #expect(try PublishedRun(folder: path).speed?.decode.standing == .noiseUnknown)
        try work.write(
            "run/benchmark.json",
            text.replacing(
                "\"prompt\": 128, \"batch\": 1, \"time_to_first_token\": {",
                with: "\"prompt\": 64, \"batch\": 1, \"time_to_first_token\": {"))
        let other = try PublishedRun(folder: path)
        #expect(other.speed?.denseTokensPerSecond == nil && other.speed?.decode.range == nil)
    }

    @Test(
        "no savings for a no-go, within noise, for what is slower or not measured, and none before a cost is entered")
    func savings() throws {
        let work = try TemporaryFolder()
        let costs = Costs(pricePerHour: 3, tokensPerDay: 14_400_000, spentOnce: 1000, currency: "EUR")
        var unmeasured = try run("unmeasured", work)
        unmeasured.speeds = []
        for (run, reason) in [
            (try run("bad", work, ratio: 9), "the verdict is no-go."),
            (try run("noisy", work, decode: 1.01, spread: 0.2), "is within the noise of the measurement."),
            (try run("slow", work, decode: 0.5), "shows no gain in speed"),
            (unmeasured, "speed was not measured"),
        ] {
            let whole = text(ReportPage([run], costs: costs))
            #expect(whole.contains("No savings are computed for \(run.name): ") && whole.contains(reason))
            #expect(!whole.contains("Saved in a year") && !whole.contains("Paid back"))
        }
        let good = try run("good", work)
        let whole = text(ReportPage([good], costs: costs))
        // 100 hours of 3 a day, two thirds of it after.
        #expect(whole.contains("Saved in a year: 36,500 EUR") && whole.contains("Paid back: after 10 days"))
        #expect(whole.contains("your server's speed will differ: enter what your server measures"))
        let empty = text(ReportPage([good]))
        #expect(
            empty.contains("No savings are computed before a cost is entered: enter the price of a machine per hour"))
        #expect(
            empty.contains("Saved in a year: –") && empty.contains("Paid back: –")
                && !empty.contains("Paid back: at once"))
        var once = costs
        once.spentOnce = 60
        let day = text(ReportPage([good], costs: once))
        #expect(day.contains("Paid back: after 1 day") && !day.contains("after 1 days"))
    }

    @Test("a verdict counts its checks in words that fit")
    func checks() throws {
        func reason(_ outcomes: [GateVerdict.Outcome]) throws -> String {
            let work = try TemporaryFolder()
            var run = try run("run", work)
            run.gate = GateVerdict(
                stage: "full",
                checks: outcomes.map { .init(rule: "kl", subject: "", outcome: $0, value: 1, limit: "l", reason: "r") },
                notes: [])
            return Verdict(run, limits: .init()).reason
        }
        #expect(try reason([.passed]) == "The stage's only check passed.")
        #expect(try reason([.passed, .passed]) == "All 2 checks of the stage passed.")
        #expect(try reason([.failed]) == "The stage's only check failed.")
        #expect(try reason([.failed, .passed]) == "Of the stage's checks 1 of 2 failed.")
        #expect(try reason([.failed, .failed]) == "Of the stage's checks all 2 failed.")
        #expect(try reason([]) == "None of the stage's checks was made, so nothing was decided.")
        #expect(
            try reason([.failed, .notComparable, .passed])
                == "Of the stage's checks 1 of 3 could not be made, and 1 of 3 failed. Nothing is decided until every check can be made."
        )
    }

    @Test(
        "the verdict is by the worst text, and never says a figure that was not measured or that reads like its limit")
    func worst() throws {
        let work = try TemporaryFolder()
        var run = try run("run", work)
        var other = run.texts[0]
        (other.name, other.perplexity, other.topAgreement) = ("other.txt", 50, 0.4)
        run.texts.append(other)
        let verdict = Verdict(run, limits: .init())
        #expect(verdict.decision == .noGo)
        #expect(verdict.reason.hasPrefix("On other.txt, the worse of its 2 texts, its perplexity is 2.50 times"))
        run.texts = [run.texts[0]]
        run.texts[0].topAgreement = nil
        let silent = Verdict(run, limits: .init())
        #expect(silent.decision == .canary && silent.reason.contains("predict the same next token was not measured"))
        #expect(!silent.reason.contains("0 %,") && !ReportPage([run]).summary.contains("% of the time"))
        run.texts[0].perplexity = 26.02
        let near = Verdict(run, limits: .init())
        #expect(near.decision == .noGo && near.reason.contains("1.301 times") && near.reason.contains("is 1.30 times"))
        #expect(Figure.apart(0.7999, from: 0.8, digits: 0) { Figure.percent($0, $1) } == "79.99 %")
    }

    @Test("empty answers are said to be empty, and a page of no-gos does not tell how to roll out")
    func empty() throws {
        let work = try TemporaryFolder()
        var run = try run("run", work, ratio: 9)
        run.samples = [.init(prompt: "p", dense: "", pruned: "", kl: nil)]
        let page = ReportPage([run])
        #expect(page.html.split(separator: "(empty)").count == 3)
        #expect(!text(page).contains("Stages") && text(page).contains("Nothing here is ready to be rolled out."))
    }

    @Test("the page says of which model it is, when it was made, when the runs were, and on what machines")
    func facts() throws {
        let work = try TemporaryFolder()
        var run = try run("run", work)
        let page = ReportPage([run], date: Date(timeIntervalSince1970: 1_764_259_440))
        let whole = text(page)
        #expect(whole.contains("Source model: dense.gguf. Page made on 2025-11-27 16:04 UTC."))
        #expect(whole.contains("2025-11-27 15:05 UTC"))
        #expect(whole.contains("quality: of the test, 2 threads; speed: of the benchmark, 1 thread"))
        #expect(PageDate.text(nil) == "–" && PageDate.text(.infinity) == "–" && PageDate.text(-1) == "–")
        #expect(PageDate.text(0) == "1970-01-01 00:00 UTC")
        for (path, name) in [
            ("/models/stories260K/hf", "stories260K/hf"), ("./hf/", "hf"), ("a/b/M.Q4.gguf", "M.Q4.gguf"),
            ("/c/models--Qwen--Qwen2.5-7B/snapshots/abc", "Qwen/Qwen2.5-7B"),
        ] {
            run.source = path
            #expect(run.sourceName == name)
        }
        run.source = nil
        #expect(ReportPage([run]).facts.hasPrefix("The source model's name is not known."))
    }

    @Test("the data are those of the page")
    func data() throws {
        let work = try TemporaryFolder()
        let page = ReportPage([try run("a", work), try run("b", work, ratio: 9)], date: Date(timeIntervalSince1970: 1))
        let object = try #require(page.json.objectValue)
        let runs = try #require(object["runs"]?.arrayValue).compactMap(\.objectValue)
        #expect(object["date"]?.doubleValue == 1 && runs.count == 2)
        #expect(runs.map { $0["verdict"]?.objectValue?["decision"]?.stringValue } == ["go", "no-go"])
        #expect(runs.map { $0["savings"]?.stringValue } == ["computable", "no-go"])
        #expect(runs[0]["texts"]?.arrayValue?.first?.objectValue?["perplexity_ratio"]?.doubleValue == 1.05)
        let speed = runs[0]["speed"]?.arrayValue?.first?.objectValue?["decode_tokens_per_second"]?.objectValue
        #expect(speed?["ratio"]?.doubleValue == 1.5 && speed?["standing"]?.stringValue == "faster")
        #expect(object["groups"]?.arrayValue?.first?.objectValue?["repeats"]?.boolValue == true)
    }
}
