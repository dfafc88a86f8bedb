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
        fast.speeds[0].decode = 2
        let page = ReportPage([slow, fast], pricePerHour: 3, tokensPerDay: 14_400_000)
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
        #expect(try outputs() == ["300", "200", "36,500", "at once"])
        // What stood there without the script was the same.
        #expect(page.html.contains(">300</output>") && page.html.contains(">36,500</output>"))
        try enter("price", "1.5")
        try enter("once", "1000")
        #expect(try outputs() == ["150", "100", "18,250", "20 days"])
        _ = try browser.evaluate("document.getElementById('run').selectedIndex = 1")
        _ = try browser.evaluate("document.getElementById('run').dispatchEvent(new Event('change'))")
        #expect(try outputs() == ["150", "75.00", "27,375", "14 days"])
        try enter("ratio", "0.5")
        #expect(try outputs() == ["150", "300", "−54,750", "never"])
        try enter("dense", "0")
        #expect(try outputs().prefix(3) == ["–", "–", "–"])
        try enter("dense", "-1")
        #expect(try outputs().prefix(3) == ["–", "–", "–"])
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
