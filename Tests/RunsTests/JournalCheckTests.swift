import Faults
import Foundation
import Recipes
import RunSupport
import TestSupport
import Testing

@testable import Runs

/// Journals of real runs, changed in one place each: none of them may be gone on with.
@Suite("A journal that somebody changed")
struct JournalCheckTests {
    /// A change of the text of the last line of a kind.
    struct Edit: Sendable, CustomTestStringConvertible {
        var kind: String
        var pattern: String
        var replacement: String
        var testDescription: String { "\(kind): \(pattern) → \(replacement)" }

        init(_ kind: String, _ pattern: String, _ replacement: String) {
            (self.kind, self.pattern, self.replacement) = (kind, pattern, replacement)
        }
    }

    private static let blocks = [
        Edit("block", #""weights":\d+"#, #""weights":-9223372036854775808"#),
        Edit("block", #""weights":\d+"#, #""weights":9223372036854775807"#),
        Edit("block", #""weights":\d+"#, #""weights":1e3"#),
        Edit("block", #""removed":\d+"#, #""removed":9223372036854775800"#),
        Edit("block", #""removed":\d+"#, #""removed":0"#),
        Edit("block", #""removed":\d+,"#, ""),
        Edit("block", #""index":\d+"#, #""index":7"#),
        Edit("block", #""index":\d+"#, #""index":-1"#),
        Edit("block", #""error_after":[0-9.e-]+"#, #""error_after":-1"#),
        Edit("block", #""error_after":[0-9.e-]+"#, #""error_after":1e999"#),
        Edit("block", #""sparsity":\{"#, #""sparsity":{"x":0.5,"#),
        Edit("block", #"("sparsity":\{"[a-z_.]+":)[0-9.]+"#, "$1 1.5"),
        Edit("block", #""error_before":[^,]+,"#, ""),
        Edit("block", #""linear_errors":\{[^}]*\}"#, #""linear_errors":[1]"#),
        Edit("block", #""report":\{.*\}\}"#, #""report":[]}"#),
        Edit("block", #""file":"[^"]+""#, #""file":"../x.safetensors""#),
        Edit("block", #""sha256":"[^"]+""#, #""sha256":"ABC""#),
        Edit("block", #""bytes":\d+"#, #""bytes":-5"#),
        Edit("block", #""kind":"block""#, #""kind":"bloc""#),
        Edit("block", #"^(.*)$"#, "$1\n$1"),
        Edit("block", #"^.*$"#, #"{"kind":"run"}"#),
        Edit("block", #"^.*$"#, #"[]"#),
    ]

    /// A run that was killed after a block, with its journal's text changed.
    private func interrupted(
        behind block: Int, of bench: Bench, _ change: (inout PruneRecipe) -> Void,
        edit: (String) throws -> String
    ) throws {
        try bench.prune("out", change) { event in
            if case .finished(let report) = event, report.index == block {
                try? bench.copy("out.partial", to: "copy")
            }
        }
        bench.remove("out")
        try bench.copy("copy", to: "out.partial")
        let path = bench.path("out.partial/journal.jsonl")
        let before = try String(contentsOfFile: path, encoding: .utf8)
        let after = try edit(before)
        try #require(after != before)
        try after.write(toFile: path, atomically: true, encoding: .utf8)
    }

    /// - Returns: why it may not be gone on with.
    private func refusal(_ bench: Bench) throws -> Fault {
        let found = try #require(fault { _ = try bench.resume("out") })
        #expect(found.kind == .badData, "\(found)")
        #expect(found.file?.hasSuffix("journal.jsonl") == true && found.place?.contains("line") == true, "\(found)")
        #expect(!bench.exists("out"))
        return found
    }

    private func check(_ edit: Edit, _ change: (inout PruneRecipe) -> Void) throws {
        let bench = try Bench { ($0.layers, $0.hidden, $0.intermediate) = (3, 32, 64) }
        try interrupted(behind: 1, of: bench, change) { text in
            var lines = text.split(separator: "\n").map(String.init)
            let place = try #require(lines.lastIndex { $0.contains("\"kind\":\"\(edit.kind)\"") })
            lines[place] = lines[place].replacingOccurrences(
                of: edit.pattern, with: edit.replacement, options: .regularExpression)
            return lines.joined(separator: "\n") + "\n"
        }
        let found = try refusal(bench)
        #expect(found.found != nil && found.expected != nil, "\(found)")
    }

    @Test("of a plain run", arguments: blocks)
    func plain(edit: Edit) throws {
        try check(edit) { $0.method = "wanda" }
    }

    @Test(
        "of a run with an allocation",
        arguments: [
            Edit("allocation", #""sparsity":\["#, #""sparsity":[0.5,"#),
            Edit("allocation", #""sparsity":\[[0-9.]+,"#, #""sparsity":["#),
            Edit("allocation", #""sparsity":\[[0-9.]+"#, #""sparsity":[1"#),
            Edit("allocation", #""sparsity":\[[0-9.]+"#, #""sparsity":[-0.1"#),
            Edit("allocation", #""sparsity":\[[0-9.]+"#, #""sparsity":[null"#),
            Edit("allocation", #""sparsity":\[[0-9.]+"#, #""sparsity":["0.5""#),
            Edit("allocation", #"^(.*)$"#, "$1\n$1"),
            Edit("allocation", #""kind":"allocation""#, #""kind":"shapes""#),
            Edit("candidates", #""file":"[^"]+""#, #""file":"/etc/passwd""#),
            Edit("candidates", #"^(.*)$"#, "$1\n$1"),
            Edit("block", #""asked":\{"#, #""asked":{"x":0.5,"#),
            Edit("block", #"("asked":\{"[a-z_.]+":)[0-9.]+"#, "$1 0.123"),
        ])
    func allocated(edit: Edit) throws {
        try check(edit) {
            $0.method = "wanda"
            $0.allocation = .search
            $0.sparsity = try? Sparsity(0.6)
        }
    }

    @Test(
        "of a structural run",
        arguments: [
            Edit("shapes", #""layers":\["#, #""layers":[[2,1,8],"#),
            Edit("shapes", #""layers":\[\[[^\]]*\],"#, #""layers":["#),
            Edit("shapes", #""layers":\[(\[[^\]]*\]),(\[[^\]]*\]),(\[[^\]]*\])\]"#, #""layers":[$3,[1,1,0],$1]"#),
            Edit("shapes", #""layers":\[\[\d+,"#, #""layers":[[-1,"#),
            Edit("shapes", #""layers":\[\[\d+,"#, #""layers":[[9223372036854775807,"#),
            Edit("shapes", #""layers":\[\["#, #""layers":[[1,"#),
            Edit("shapes", #"\d+\]\]"#, "999999]]"),
            Edit("shapes", #"^(.*)$"#, "$1\n$1"),
            Edit("shapes", #""kind":"shapes""#, #""kind":"centre""#),
            Edit("search", #""genome":\["#, #""genome":[0,"#),
            Edit("search", #""genome":\[\d+,"#, #""genome":["#),
            Edit("search", #""genome":\[\d+"#, #""genome":[99"#),
            Edit("search", #""genome":\[\d+"#, #""genome":[-1"#),
            Edit("search", #""genome":\[\d+"#, #""genome":[0.5"#),
            Edit("search", #""fitness":[0-9.e-]+"#, #""fitness":null"#),
            Edit("search", #""fitness":[0-9.e-]+"#, #""fitness":1e9"#),
            Edit("search", #""step":"[a-z]+""#, #""step":"round""#),
            Edit("search", #""step":"[a-z]+""#, #""step":"x""#),
            Edit("candidates", #""file":"[^"]+""#, #""file":"supernet-00000-mlp.safetensors""#),
            Edit("block", #""weights":\d+"#, #""weights":-9223372036854775808"#),
            Edit("block", #""removed":\d+"#, #""removed":1"#),
            Edit("block", #"("sparsity":\{"[a-z_.]+":)[0-9.]+"#, "$1 0.99"),
        ])
    func structural(edit: Edit) throws {
        try check(edit) {
            $0.method = "tyr"
            $0.effort = .quick
        }
    }

    @Test("its first line", arguments: [#""threads":-1"#, #""threads":9223372036854775807"#, #""threads":0"#])
    func threads(text: String) throws {
        let bench = try Bench()
        try interrupted(behind: 0, of: bench, { $0.method = "wanda" }) { journal in
            journal.replacingOccurrences(of: #""threads":1"#, with: text)
        }
        let found = try #require(fault { _ = try bench.resume("out") })
        #expect(found.kind == .badData && found.file?.hasSuffix("journal.jsonl") == true, "\(found)")
        #expect(!bench.exists("out"))
    }
}
