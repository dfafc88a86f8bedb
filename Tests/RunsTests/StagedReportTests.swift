import JSONText
import Testing

@testable import Runs

/// One report of several prunings. The first model has layers of 4 heads, 2 key-value heads and 8 neurons.
@Suite("Reports of runs in stages")
struct StagedReportTests {
    /// - Parameters:
    ///   - before: heads, key-value heads and neurons by layer.
    ///   - plain: whether layers without units are gone.
    private func report(
        _ before: [[Int]], _ after: [[Int]], plain: Bool = false, parameters: (Int, Int)
    ) throws -> JSONObject {
        // A head has 10 parameters in q and o each, a key-value head in k and v each; a neuron 1 in each matrix.
        func count(_ shape: [Int]) -> Int { 20 * shape[0] + 20 * shape[1] + 3 * shape[2] }
        func share(_ unit: Int, _ layer: Int) -> Double {
            before[layer][unit] > 0 ? 1 - Double(after[layer][unit]) / Double(before[layer][unit]) : 0
        }
        let blocks = before.indices.map { layer in
            let (attention, values, neurons) = (share(0, layer), share(1, layer), share(2, layer))
            return """
                {"index": \(layer), "error_before": 0.5, "error_after": 0.25, "sparsity": {"q": \(attention), \
                "k": \(values), "v": \(values), "o": \(attention), "gate": \(neurons), "up": \(neurons), \
                "down": \(neurons)}, "linear_errors": {"o": 0.1}, "weights": \(count(before[layer])), \
                "removed": \(count(before[layer]) - count(after[layer])), "losses": [1, 2], "restored": true}
                """
        }
        let layers = after.map {
            """
            {"num_attention_heads": \($0[0]), "num_key_value_heads": \($0[1]), "intermediate_size": \($0[2])}
            """
        }
        let (whole, left) = (before.reduce(0) { $0 + count($1) }, after.reduce(0) { $0 + count($1) })
        let text = """
            {"method": "tyr", "pattern": "structured",
             "sparsity": {"asked": 0.2, "achieved": \(1 - Double(left) / Double(whole))},
             "structure": {"plain": \(plain), "budget": {"of": "parameters", "before": \(whole), "after": \(left)},
                           "layers": [\(layers.joined(separator: ", "))]},
             "search": [{"step": "start", "kl": 1}],
             "parameters": {"before": \(parameters.0), "after": \(parameters.1)},
             "blocks": [\(blocks.joined(separator: ", "))]}
            """
        return try #require(try JSONValue(parsing: Array(text.utf8)).objectValue)
    }

    private func blocks(_ report: JSONObject) -> [BlockReport] {
        (report[.blocks]?.arrayValue ?? []).compactMap(BlockReport.init(json:))
    }

    @Test("shares are of the first model, also in layers that went on the way")
    func plainModels() throws {
        let dense = [[Int]](repeating: [4, 2, 8], count: 3)
        let first = try report(dense, [[2, 1, 6], [0, 0, 0], [2, 1, 6]], plain: true, parameters: (1000, 700))
        let second = try report(
            [[2, 1, 6], [2, 1, 6]], [[2, 1, 3], [2, 1, 3]], plain: true, parameters: (700, 600))
        let staged = try StagedReport([first, second])
        #expect(abs(staged.left - 138.0 / 432) < 1e-12)
        let whole = try staged.whole(asked: 0.65)

        let own = blocks(whole)
        #expect(own.map(\.index) == [0, 1, 2])
        #expect(own.map(\.weights) == [144, 144, 144])
        #expect(own.map(\.removed) == [75, 144, 75])
        #expect(own[0].sparsity.map(\.fraction) == [0.5, 0.5, 0.5, 0.5, 0.625, 0.625, 0.625])
        #expect(own[1].sparsity.map(\.fraction) == [1, 1, 1, 1, 1, 1, 1])
        let layers = whole[.structure]?.objectValue?[.layers]?.arrayValue ?? []
        #expect(layers.map { $0.objectValue?["intermediate_size"]?.integerValue } == [3, 0, 3])
        let budget = whole[.structure]?.objectValue?[.budget]?.objectValue
        #expect(budget?[.before]?.integerValue == 432 && budget?[.after]?.integerValue == 138)
        let parameters = whole[.parameters]?.objectValue
        #expect(parameters?[.before]?.integerValue == 1000 && parameters?[.after]?.integerValue == 600)
        let sparsity = whole[.sparsity]?.objectValue
        #expect(sparsity?[.asked]?.doubleValue == 0.65)
        #expect(sparsity?[.achieved]?.doubleValue == 1 - 138.0 / 432)
        // Of the model before the last pruning.
        #expect(whole[.search] == nil)
        #expect(own.allSatisfy { $0.errorBefore == nil && $0.errorAfter == nil && $0.linearErrors.isEmpty })
        #expect(own.allSatisfy { $0.losses.isEmpty && !$0.restored })
    }

    @Test("layers of a model that is not plain keep their numbers without units")
    func compactModels() throws {
        let first = try report([[4, 2, 8], [4, 2, 8]], [[0, 0, 0], [4, 2, 8]], parameters: (500, 400))
        let second = try report([[0, 0, 0], [4, 2, 8]], [[0, 0, 0], [3, 1, 7]], parameters: (400, 350))
        let own = blocks(try StagedReport([first, second]).whole(asked: 0.5))
        #expect(own.map(\.removed) == [144, 144 - 101])
        // As one quotient gives it: what `verify` compares to the last bit.
        #expect(own[1].sparsity.map(\.fraction) == [0.25, 0.5, 0.5, 0.25, 0.125, 0.125, 0.125])
    }

    @Test("a run of one stage says what its pruning said")
    func oneStage() throws {
        let only = try report([[4, 2, 8]], [[3, 1, 7]], parameters: (200, 150))
        #expect(JSONValue.object(try StagedReport([only]).whole(asked: 0.3)).text() == JSONValue.object(only).text())
    }

    @Test("what no pruning wrote is refused")
    func foreignReports() throws {
        let first = try report([[4, 2, 8], [4, 2, 8]], [[4, 2, 8], [4, 2, 8]], parameters: (500, 500))
        let other = try report([[4, 2, 8]], [[4, 2, 7]], parameters: (400, 350))
        #expect(throws: (any Error).self) { try StagedReport([first, other]).whole(asked: 0.5) }
        #expect(throws: (any Error).self) { try StagedReport([JSONObject()]) }
    }
}
