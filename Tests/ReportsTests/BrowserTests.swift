import Foundation
import JSONText
import TestSupport
import Testing

@testable import Reports

@Suite("Report in a browser", .enabled(if: Chromium.executable != nil), .serialized)
struct BrowserTests {
    private static let hostile =
        "<script>window.pwned=1</script>|\n\r\"'><img src=x onerror=window.pwned=1></style></script></title></svg>"
        + "{{7*7}}\u{202E}\u{0}" + String(repeating: "W", count: 5000)

    private func browser() throws -> Chromium { try Chromium(try #require(Chromium.executable)) }

    private func page(_ work: TemporaryFolder) throws -> (page: ReportPage, path: String) {
        var hostile = try RunFolder.makeHostile(BrowserTests.hostile, in: work)
        hostile.name += String(repeating: "W", count: 1 << 20)
        let page = ReportPage([
            try PublishedRun(folder: try RunFolder.make(in: work)), hostile, try RunFolder.makeBroken(in: work),
        ])
        return (page, try work.write("report.html", page.html))
    }

    @Test(
        "three runs, one hostile and one of a broken model: nothing runs, nothing is fetched, it fits phone and paper")
    func threeRuns() throws {
        let work = try TemporaryFolder()
        let (page, path) = try page(work)
        let browser = try browser()
        try browser.emulate()
        try browser.open(path)
        #expect(browser.complaints.isEmpty, "\(browser.complaints)")
        #expect(browser.requests == ["file://" + path])
        #expect(try browser.evaluate("typeof window.pwned") == .string("undefined"))
        #expect(try browser.evaluate("document.title") == .string("3 pruned models compared"))
        #expect(try browser.evaluate("document.scripts.length + document.images.length").integerValue == 1)
        let ids = [
            "verdict", "comparison", "seeds", "layers", "search", "tasks", "samples", "calibration", "calculator",
            "recipe",
            "roll-out",
        ]
        // A single method, pattern and seed each: nothing was done twice.
        for id in ids where id != "seeds" {
            let height = try browser.evaluate("document.getElementById('\(id)')?.getBoundingClientRect().height ?? 0")
            #expect((height.doubleValue ?? 0) > 40, "\(id)")
        }
        #expect(
            try browser.evaluate("document.querySelectorAll('svg').length").integerValue == page.specifications.count)
        let background = "getComputedStyle(document.body).backgroundColor"
        #expect(try browser.evaluate(background) == .string("rgb(255, 255, 255)"))
        try browser.emulate(scheme: "dark")
        #expect(try browser.evaluate(background) == .string("rgb(18, 21, 28)"))
        for width in [390, 320] {
            try browser.resize(width: width, height: 844)
            let found = try browser.evaluate("document.documentElement.scrollWidth").integerValue ?? .max
            #expect(found <= width, "at \(width)")
        }
        // On a phone a table's rows are cards: every cell is within the screen and bears its column's name.
        try browser.resize(width: 390, height: 844)
        let outside =
            "[...document.querySelectorAll('td')].filter(e => e.getBoundingClientRect().right > 390).length"
        #expect(try browser.evaluate(outside).integerValue == 0)
        let bare =
            "[...document.querySelectorAll('table:not(.pairs) td:not(:first-child)')]"
            + ".filter(e => getComputedStyle(e, '::before').content.length < 3).length"
        #expect(try browser.evaluate(bare).integerValue == 0)
        #expect((try browser.evaluate("document.querySelectorAll('td').length").integerValue ?? 0) > 40)
        try browser.emulate(media: "print", scheme: "dark")
        #expect(try browser.evaluate(background) == .string("rgb(255, 255, 255)"))
        let recipe = try browser.evaluate("document.querySelector('#recipe pre').getBoundingClientRect().height")
        #expect((recipe.doubleValue ?? 0) > 10, "what is closed on a screen is open on paper")
        #expect(browser.complaints.isEmpty, "\(browser.complaints)")
    }

    @Test("the calculator computes what its fields say, by the measured ratios")
    func calculator() throws {
        let work = try TemporaryFolder()
        let slow = try PublishedRun(folder: try RunFolder.make("a", in: work))
        var fast = try PublishedRun(folder: try RunFolder.make("b", in: work))
        fast.speeds[0].decode = SpeedRatio(
            2, pruned: .init(least: 79, most: 81), dense: .init(least: 39, most: 41), isRate: true)
        let page = ReportPage([slow, fast], costs: Costs(pricePerHour: 3, tokensPerDay: 14_400_000, spentOnce: 0))
        let browser = try browser()
        try browser.open(try work.write("report.html", page.html))
        func outputs() throws -> [String] {
            try ["before", "after", "saved", "payback"].map {
                try browser.evaluate("document.getElementById('\($0)').textContent").stringValue ?? ""
            }
        }
        func enter(_ id: String, _ value: String, _ event: String = "input") throws {
            _ = try browser.evaluate(
                "(function(e){e.value='\(value)';e.dispatchEvent(new Event('\(event)'))})(document.getElementById('\(id)'))"
            )
        }
        // 14.4 million at 40 a second are 100 hours of 3; two thirds of it at 1.5 times the speed.
        #expect(try outputs() == ["300", "200", "36,500", "nothing was spent"])
        // What stood there without the script was the same.
        #expect(page.html.contains(">300</output>") && page.html.contains(">36,500</output>"))
        try enter("price", "1.5")
        try enter("once", "1000")
        #expect(try outputs() == ["150", "100", "18,250", "after 20 days"])
        _ = try browser.evaluate("document.getElementById('run').selectedIndex = 1")
        _ = try browser.evaluate("document.getElementById('run').dispatchEvent(new Event('change'))")
        #expect(try outputs() == ["150", "75.00", "27,375", "after 14 days"])
        try enter("ratio", "0.5")
        #expect(try outputs() == ["150", "300", "nothing; it costs 54,750 more", "never"])
        try enter("dense", "0")
        #expect(try outputs().prefix(3) == ["–", "–", "–"])
        try enter("dense", "-1")
        #expect(try outputs().prefix(3) == ["–", "–", "–"])
        #expect(browser.complaints.isEmpty, "\(browser.complaints)")
    }

    @Test(
        "labels of the pictures stand apart and in the order of their dots, on a screen and on a phone, also of near points and long names"
    )
    func labels() throws {
        let work = try TemporaryFolder()
        let ratios = [1.05, 1.051, 1.052, 1.3]
        let runs = try ratios.enumerated().map { index, ratio in
            let name = index == 3 ? String(repeating: "W", count: 60) : "near\(index)"
            return try PublishedRun(folder: try RunFolder.make(name, in: work, ratio: ratio, decode: 1.5 + ratio / 100))
        }
        let browser = try browser()
        try browser.open(try work.write("report.html", ReportPage(runs).html))
        let overlaps = """
            [...document.querySelectorAll('svg')].reduce((sum, svg) => {
            const boxes = [...svg.querySelectorAll('text.label')].map(e => e.getBoundingClientRect());
            return sum + boxes.filter((a, i) => boxes.some((b, j) => i < j && a.left < b.right && b.left < a.right
            && a.top < b.bottom && b.top < a.bottom)).length}, 0)
            """
        // Of each label the run, beside the heights of the dots: both fall alike.
        let swapped = """
            [...document.querySelectorAll('#comparison svg')].reduce((sum, svg) => {
            const label = name => [...svg.querySelectorAll('text.label')].find(e => e.textContent === name)
            .getBoundingClientRect().top;
            return sum + (label('near0') > label('near1') && label('near1') > label('near2') ? 0 : 1)}, 0)
            """
        for width in [1280, 390] {
            try browser.resize(width: width, height: 844)
            #expect((try browser.evaluate("document.querySelectorAll('text.label').length").integerValue ?? 0) >= 15)
            #expect(try browser.evaluate(overlaps).integerValue == 0, "at \(width)")
            #expect(try browser.evaluate(swapped).integerValue == 0, "at \(width)")
        }
    }

    @Test("the calculator asks for what nobody entered, and computes nothing from what cannot be")
    func emptyCalculator() throws {
        let work = try TemporaryFolder()
        let page = ReportPage([try PublishedRun(folder: try RunFolder.make(in: work))], costs: Costs(currency: "EUR"))
        let browser = try browser()
        try browser.open(try work.write("report.html", page.html))
        func output(_ id: String) throws -> String? {
            try browser.evaluate("document.getElementById('\(id)').textContent").stringValue
        }
        func enter(_ id: String, _ value: String) throws {
            _ = try browser.evaluate(
                "(function(e){e.value='\(value)';e.dispatchEvent(new Event('input'))})(document.getElementById('\(id)'))"
            )
        }
        #expect(
            try output("hint") == "Enter the price of a machine per hour (EUR). Enter the new tokens per day.")
        #expect(try output("saved") == "–" && output("payback") == "–")
        try enter("price", "3")
        try enter("tokens", "14400000")
        #expect(try output("hint") == "" && output("saved") == "36,500 EUR")
        #expect(try output("payback") == "enter what was spent once")
        try enter("price", "50000")
        #expect(try output("hint") == "The price of a machine per hour (EUR) must be between 0.001 and 10000.")
        #expect(try output("saved") == "–")
        #expect(browser.complaints.isEmpty, "\(browser.complaints)")
    }

    @Test("markup that got into the page in spite of all neither runs nor fetches")
    func policy() throws {
        let work = try TemporaryFolder()
        let markup =
            "<main><script>window.pwned=1</script><img src='https://example.org/x.png' onerror='window.pwned=2'>"
            + "<link rel=stylesheet href='https://example.org/x.css'><form id=f action='https://example.org'></form>"
        let html = try page(work).page.html.replacing("<main>", with: markup)
        let browser = try browser()
        try browser.open(try work.write("report.html", html))
        _ = try browser.evaluate("document.getElementById('f').submit()")
        #expect(try browser.evaluate("typeof window.pwned") == .string("undefined"))
        #expect(try browser.evaluate("location.protocol") == .string("file:"))
        #expect(browser.complaints.filter { $0.contains("Content Security Policy") }.count >= 4)
        // Our own script and style are still let in.
        #expect(try browser.evaluate("getComputedStyle(document.body).margin") == .string("0px"))
    }
}
