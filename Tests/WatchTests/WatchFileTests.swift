import Faults
import Files
import Foundation
import JSONText
import TestSupport
import Testing

@testable import Watch

/// The history and what Prometheus reads.
struct WatchFileTests {
    private func interval(
        _ time: String = "t", kl: Double = 0.25, reference: String = "r", dtype: String = "float32",
        isNewBaseline: Bool = false
    ) -> WatchInterval {
        WatchInterval(
            time: time, model: "m", reference: reference, dtype: dtype, positions: 5, kl: kl, topAgreement: 0.5,
            logged: .init(prompts: 2, tokens: 9, meanLoss: 3), isNewBaseline: isNewBaseline)
    }

    private func fault(_ body: () throws(Fault) -> Void) -> Fault? {
        do throws(Fault) {
            try body()
            return nil
        } catch { return error }
    }

    // MARK: history

    @Test("a history larger than any is refused unread")
    func hugeHistory() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("history.jsonl", "")
        try #require(truncate(path, off_t(WatchHistory.largestFile) + 1) == 0)
        let found = fault { () throws(Fault) in _ = try WatchHistory.read(path) }
        #expect(found?.kind == .badData && found?.summary.contains("too large") == true && found?.file == path)
        #expect(found?.advice?.contains("--overwrite") == false)
    }

    @Test("a history takes less than three times its length", .enabled(if: Machine.peakMemoryBytes > 0))
    func historyMemory() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            let interval = WatchInterval(
                time: "2026-01-31T08:00:00Z", model: "a model of some name", reference: "r", dtype: "float32",
                positions: 5, kl: 0.123456, topAgreement: 0.5, logged: .init(prompts: 2, tokens: 9, meanLoss: 3),
                isNewBaseline: false)
            let line = JSONValue.object(interval.json).text(pretty: false) + "\n"
            let count = (4 << 20) / line.utf8.count
            let path = try folder.write("history.jsonl", String(repeating: line, count: count))
            try #require(Machine.resetPeakMemory())
            let before = Machine.peakMemoryBytes
            let read = try WatchHistory.read(path)
            let taken = Machine.peakMemoryBytes - before
            try #require(read.count == count)
            try #require(taken > 1 << 20 && taken < 3 * (4 << 20) + 4 << 20, "\(taken) bytes")
        }
    }

    @Test("golden answers that were right when the baseline began and are wrong now are an alarm")
    func goldenAnswers() throws {
        func of(_ failed: [Int]?, _ time: String = "t", digest: String = "d", new: Bool = false) -> WatchInterval {
            var interval = interval(time, isNewBaseline: new)
            interval.golden = failed.map { failed in
                .init(digest: digest, prompts: 5, failed: failed.map { .init(number: $0, name: "p\($0)") })
            }
            return interval
        }
        #expect(!DriftReport([of([2]), of([2]), of([]), of(nil), of([2])]).isAlarm)
        #expect(!DriftReport([of(nil), of([1, 4]), of([4])]).isAlarm)
        let report = DriftReport([of(nil), of([2]), of([1, 2, 3, 4, 5], "u"), of([2, 3], "v")])
        #expect(report.isAlarm && report.brokenAnswers == .init(time: "u", names: ["p1", "p3", "p4", "p5"]))
        #expect(
            report.reasons == [
                "golden prompts that were answered as expected no longer were at u: p1, p3, p4, and 1 more"
            ])
        let text = PrometheusText.of(of([2]), DriftReport([of([2])]), timestamp: 1)
        #expect(text.contains("espalier_watch_golden_prompts{model=\"m\"} 5.0\n"))
        #expect(text.contains("espalier_watch_golden_held{model=\"m\"} 4.0\n"))

        let folder = try TemporaryFolder()
        let path = folder.path("h")
        let intervals = [of([2]), of(nil), of([]), of([1, 5], digest: "e", new: true)]
        for one in intervals { try WatchHistory.append(one, to: path) }
        #expect(try WatchHistory.read(path) == intervals)
        let other = fault { () throws(Fault) in try WatchHistory.append(of([]), to: path) }
        #expect(other?.kind == .notComparable && other?.place == "line 4" && other?.summary.contains("golden") == true)
        // A line whose figures cannot be is damage.
        let line = JSONValue.object(of([1, 5]).json).text(pretty: false)
        for (right, wrong) in [
            (#""prompts":5"#, #""prompts":4"#), (#""prompt":5"#, #""prompt":1"#), (#""sha256":"d""#, #""sha256":1"#),
            (#""prompt":1"#, #""prompt":0"#), (#""failed":["#, #""failed":[3,"#),
        ] {
            try #require(line.contains(right))
            let damaged = try folder.write("damaged", line.replacing(right, with: wrong) + "\n")
            #expect(fault { () throws(Fault) in _ = try WatchHistory.read(damaged) }?.kind == .badData, "\(wrong)")
        }
    }

    @Test("a change of the model's files within a baseline is an alarm; lines without a fingerprint are passed over")
    func changedModel() throws {
        func of(_ fingerprint: String?, _ model: String = "m", new: Bool = false) -> WatchInterval {
            var interval = interval(isNewBaseline: new)
            (interval.fingerprint, interval.model) = (fingerprint, model)
            return interval
        }
        #expect(DriftReport([of("a"), of("a", "moved")]).changedModel == nil)
        #expect(!DriftReport([of("a"), of(nil), of("a")]).isAlarm)
        let report = DriftReport([of("a"), of(nil), of("b", "other")])
        #expect(report.isAlarm && report.changedModel?.before == "m" && report.changedModel?.after == "other")
        #expect(
            report.reasons == [
                "the model's files changed at t (m, then other): if that was intended, start a new baseline with "
                    + "--new-baseline"
            ])
        let folder = try TemporaryFolder()
        let path = folder.path("h")
        for one in [of("a"), of("b"), of("b", new: true)] {
            try WatchHistory.append(one, to: path)
        }
        let read = try WatchHistory.read(path)
        #expect(read.map(\.fingerprint) == ["a", "b", "b"])
        #expect(DriftReport(read[...1]).isAlarm && !DriftReport(WatchHistory.current(read)).isAlarm)
    }

    @Test("lines are appended and read back, numbers that are none included")
    func history() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/history.jsonl"
        #expect(try WatchHistory.read(path).isEmpty)
        #expect(try WatchHistory.append(interval("1"), to: path).count == 1)
        #expect(try WatchHistory.append(interval("2", kl: .nan), to: path).count == 2)
        let read = try WatchHistory.read(path)
        #expect(read[0] == interval("1") && read[1].kl.isNaN && read[1].time == "2")
        #expect(try String(contentsOfFile: path, encoding: .utf8).contains("\"kl\":null"))
    }

    @Test("a torn last line is cut off")
    func tornLine() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/history.jsonl"
        _ = try WatchHistory.append(interval("1"), to: path)
        let whole = try String(contentsOfFile: path, encoding: .utf8)
        try folder.write("history.jsonl", whole + "{\"version\":1,\"ti")
        #expect(try WatchHistory.read(path).count == 1 && WatchHistory.contents(path).tornBytes == 16)
        #expect(try WatchHistory.append(interval("2"), to: path).map(\.time) == ["1", "2"])
        #expect(try WatchHistory.read(path).map(\.time) == ["1", "2"])
    }

    @Test("a damaged last line that has its end is refused, and stays")
    func damagedLastLine() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/history.jsonl"
        _ = try WatchHistory.append(interval("1"), to: path)
        let text = try String(contentsOfFile: path, encoding: .utf8) + "{\"version\":1,\"ti\n"
        try folder.write("history.jsonl", text)
        let read = fault { () throws(Fault) in _ = try WatchHistory.read(path) }
        let appended = fault { () throws(Fault) in _ = try WatchHistory.append(interval("2"), to: path) }
        for found in [read, appended] { #expect(found?.kind == .badData && found?.place == "line 2") }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    }

    @Test("damage before the end, and lines of another version, are refused")
    func damaged() throws {
        let folder = try TemporaryFolder()
        let good = JSONValue.object(interval().json).text(pretty: false)
        for (text, place) in [
            ("nonsense\n\(good)\n", "line 1"), ("\(good)\n{\"version\":2}\n", "line 2"), ("{}\n", "line 1"),
            ("\(good.replacing("0.25", with: "\"x\""))\n", "line 1"),
        ] {
            let path = try folder.write("history.jsonl", text)
            let found = fault { () throws(Fault) in _ = try WatchHistory.read(path) }
            #expect(found?.kind == .badData && found?.file == path && found?.place == place, "\(text)")
            #expect(found?.advice?.contains("--overwrite") == false)
        }
    }

    @Test("a history goes on with the same reference and number type only")
    func otherReference() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/history.jsonl"
        _ = try WatchHistory.append(interval(), to: path)
        for other in [interval(reference: "s"), interval(dtype: "bfloat16")] {
            let found = fault { () throws(Fault) in _ = try WatchHistory.append(other, to: path) }
            #expect(found?.kind == .notComparable && found?.advice?.contains("--new-baseline") == true)
        }
        #expect(try WatchHistory.append(interval(reference: "s", isNewBaseline: true), to: path).count == 2)
        let all = try WatchHistory.append(interval(reference: "s"), to: path)
        #expect(WatchHistory.current(all).count == 2)
    }

    @Test("a history that cannot be written is told")
    func unwritable() throws {
        let folder = try TemporaryFolder()
        #expect(
            fault { () throws(Fault) in _ = try WatchHistory.append(interval(), to: folder.path + "/no/h") }?.kind
                == .inputOutput)
        #expect(
            fault { () throws(Fault) in _ = try WatchHistory.append(interval(), to: folder.path) }?.kind
                == .inputOutput)
    }

    // MARK: Prometheus

    @Test("labels are escaped, whatever the model is called")
    func prometheus() {
        for name in ["a\\b\"c\nd", "<script>|", "\u{1B}[31m\u{0}", String(repeating: "x", count: 1 << 20)] {
            var interval = interval(kl: .nan)
            interval.model = name
            let text = PrometheusText.of(interval, DriftReport([interval]), timestamp: 1_700_000_000)
            for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
                let isComment = line.hasPrefix("# HELP espalier_watch_") || line.hasPrefix("# TYPE espalier_watch_")
                #expect(isComment || line.hasPrefix("espalier_watch_"), "\(line.prefix(80))")
                #expect(line.utf8.count < 400)
                if !isComment {
                    let value = line.split(separator: " ").last ?? ""
                    #expect(value == "NaN" || Double(value) != nil, "\(line.prefix(80))")
                }
            }
            #expect(text.hasSuffix("\n") && text.contains("espalier_watch_kl_nats{model=\""))
            #expect(text.contains("} NaN\n") && text.contains("espalier_watch_alarm{"))
        }
        #expect(PrometheusText.escaped("a\\b\"c\nd") == "a\\\\b\\\"c\\nd")
    }
}
