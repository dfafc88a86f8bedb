import Checkpoints
import Faults
import Files
import Foundation
import Randomness
import TestSupport
import Testing

@testable import Watch

/// Stored predictions, and divergence from them.
struct WatchReferenceTests {
    /// Log-probabilities of a random prediction over `count` tokens.
    private func prediction(_ count: Int, seed: UInt64) -> [Float] {
        var generator = SplitMix64(seed: seed)
        let logits = (0..<count).map { _ in Double(generator.next() >> 40) * 0x1p-24 * 8 }
        let sum = logits.reduce(0) { $0 + exp($1) }
        return logits.map { Float($0 - log(sum)) }
    }

    private func divergence(_ p: [Float], _ q: [Float]) -> Double {
        zip(p, q).reduce(0) { $0 + exp(Double($1.0)) * Double($1.0 - $1.1) }
    }

    private func reference(topCount: Int) -> WatchReference {
        WatchReference(
            model: "dense", tokenizerDigest: "ab", vocabularySize: 40, dtype: "float32",
            prompts: [.init(ids: [1, 2, 3], scoredFrom: 1), .init(ids: [4, 5, 6, 7], scoredFrom: 3)], topCount: topCount
        )
    }

    @Test("the largest come first, of equals the lower index")
    func top() {
        #expect(TopTokens.largest(3, of: [1, 5, 5, 2, 5, 0]) == [1, 2, 4])
        #expect(TopTokens.largest(9, of: [1, 3, 2]) == [1, 2, 0])
        #expect(TopTokens.largest(0, of: [1]).isEmpty)
        let values = prediction(500, seed: 9)
        let sorted = values.indices.sorted { (values[$1], $0) < (values[$0], $1) }.prefix(64).map(Int32.init)
        #expect(TopTokens.largest(64, of: values) == sorted)
    }

    @Test("with all tokens it is the divergence itself; with fewer it is never more")
    func partition() {
        for seed in UInt64(0)..<50 {
            let (p, q) = (prediction(40, seed: seed), prediction(40, seed: seed + 100))
            let exact = divergence(p, q)
            var last = 0.0
            for k in [1, 4, 16, 40] {
                var reference = reference(topCount: k)
                reference.append(p[...])
                let model = reference.topTokens(0..<1).map { q[Int($0)] }
                let found = reference.divergence(at: 0, model: model[...])
                #expect(found <= exact + 1e-5 && found >= last - 1e-5, "k \(k)")
                last = found
            }
            #expect(abs(last - exact) < 1e-5)
            var same = reference(topCount: 8)
            same.append(p[...])
            #expect(abs(same.divergence(at: 0, model: same.topLogProbabilities[...])) < 1e-6)
        }
    }

    @Test("what is not a number stays none")
    func notANumber() {
        #expect(PartitionDivergence.of(dense: [Float(-0.1)], rest: 0.1, model: [Float.nan]).isNaN)
        #expect(!PartitionDivergence.of(dense: [Float(-0.1)], rest: 0.1, model: [-Float.infinity]).isFinite)
        // Impossible for the dense model: no matter.
        #expect(PartitionDivergence.of(dense: [0, -Float.infinity], rest: 0, model: [0, -Float.infinity]) == 0)
    }

    @Test("a reference reads back as it was")
    func roundTrip() throws {
        let folder = try TemporaryFolder()
        var written = reference(topCount: 5)
        for seed in UInt64(0)..<3 { written.append(prediction(40, seed: seed)[...]) }
        let path = folder.path + "/reference.safetensors"
        let digest = try written.write(to: path)
        #expect(try FileDigest(contentsOf: path).sha256 == digest)
        let read = try WatchReference(contentsOf: path)
        #expect(read.prompts == written.prompts && read.topTokens == written.topTokens && read.rest == written.rest)
        #expect(read.topLogProbabilities == written.topLogProbabilities && read.positions == 3)
        #expect(read.model == "dense" && read.dtype == "float32" && read.vocabularySize == 40)
    }

    @Test("more prompts than a reference may have, and more bytes, are refused before anything is read or written")
    func tooLarge() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/reference.safetensors"
        func fault(_ body: () throws(Fault) -> Void) -> Fault? {
            do throws(Fault) { try body() } catch { return error }
            return nil
        }
        // Tensors of the right shapes: a file with holes.
        func write(prompts: Int) throws -> Int {
            let header = """
                {"__metadata__":{"kind":"espalier watch reference","version":"1","model":"m","tokenizer_sha256":"t",\
                "vocabulary":"40","dtype":"float32"},\
                "tokens":{"dtype":"I32","shape":[\(2 * prompts)],"data_offsets":[0,\(8 * prompts)]},\
                "lengths":{"dtype":"I32","shape":[\(prompts)],"data_offsets":[\(8 * prompts),\(12 * prompts)]},\
                "scored_from":{"dtype":"I32","shape":[\(prompts)],"data_offsets":[\(12 * prompts),\(16 * prompts)]}}
                """
            var bytes: [UInt8] = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
            bytes += header.utf8
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            try #require(truncate(path, off_t(bytes.count + 16 * prompts)) == 0)
            return bytes.count + 16 * prompts
        }
        _ = try write(prompts: WatchReference.mostPrompts + 1)
        var found = fault { () throws(Fault) in _ = try WatchReference(contentsOf: path) }
        #expect(found?.kind == .badData && found?.summary.contains("too many prompts") == true, "\(found as Any)")
        #expect(found?.found == "131073 prompts" && found?.file == path)
        // As many as may be: what is missed is something else.
        _ = try write(prompts: WatchReference.mostPrompts)
        found = fault { () throws(Fault) in _ = try WatchReference(contentsOf: path) }
        #expect(found?.summary.contains("lacks a tensor") == true, "\(found as Any)")
        let size = try write(prompts: WatchReference.mostBytes / 16 + 1 << 17)
        #expect(size > WatchReference.mostBytes)
        found = fault { () throws(Fault) in _ = try WatchReference(contentsOf: path) }
        #expect(found?.kind == .badData && found?.summary.contains("too large") == true, "\(found as Any)")

        var large = reference(topCount: 5)
        try FileManager.default.removeItem(atPath: path)
        large.prompts = Array(
            repeating: ScoredPrompt(ids: [1, 2], scoredFrom: 1), count: WatchReference.mostPrompts + 1)
        found = fault { () throws(Fault) in _ = try large.write(to: path) }
        #expect(found?.summary.contains("too many prompts") == true)
        let long = ScoredPrompt(ids: [Int32](repeating: 1, count: 1 << 20), scoredFrom: 1)
        large.prompts = Array(repeating: long, count: 24)
        found = fault { () throws(Fault) in try large.checkSize(path) }
        #expect(
            found?.kind == .badData && found?.summary.contains("larger than the largest") == true, "\(found as Any)")
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("another tokenizer or vocabulary is not comparable")
    func otherTokenizer() {
        let reference = reference(topCount: 5)
        for (digest, size) in [("cd", 40), ("ab", 41)] {
            do throws(Fault) {
                try reference.check(tokenizerDigest: digest, vocabularySize: size, model: "m", file: "r")
                Issue.record("accepted")
            } catch { #expect(error.kind == .notComparable && error.exitCode == 3 && error.found != nil) }
        }
    }

    @Test(
        "a reference that does not hold together is refused",
        arguments: ["none", "kind", "version", "token", "length", "start", "shape", "probability"])
    func damaged(what: String) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/reference.safetensors"
        let tensors: [(String, [Int], [Int32])] = [
            ("tokens", [3], [1, 2, what == "token" ? 40 : 3]), ("lengths", [1], [what == "length" ? 4 : 3]),
            ("scored_from", [1], [what == "start" ? 0 : 1]),
            ("top_tokens", [what == "shape" ? 1 : 2, 1], what == "shape" ? [3] : [3, 4]),
        ]
        let floats: [(String, [Int], [Float])] = [
            ("top_log_probabilities", [2, 1], [-1, what == "probability" ? .nan : -1]), ("rest", [2], [0.5, 0.5]),
        ]
        let writer = try SafetensorsWriter(
            path,
            tensors.map { TensorDescription(name: $0.0, shape: $0.1, type: .i32) }
                + floats.map { TensorDescription(name: $0.0, shape: $0.1, type: .f32) },
            metadata: what == "none"
                ? [:]
                : [
                    "kind": what == "kind" ? "other" : "espalier watch reference",
                    "version": what == "version" ? "2" : "1", "model": "m", "tokenizer_sha256": "ab",
                    "vocabulary": "40", "dtype": "float32",
                ])
        for tensor in writer.order {
            if let (_, _, values) = tensors.first(where: { $0.0 == tensor.name }) {
                try writer.write(tensor.name, values.withUnsafeBytes { Array($0) })
            } else if let (_, _, values) = floats.first(where: { $0.0 == tensor.name }) {
                try writer.write(tensor.name, values.withUnsafeBytes { Array($0) })
            }
        }
        _ = try writer.finish()
        do throws(Fault) {
            _ = try WatchReference(contentsOf: path)
            Issue.record("accepted")
        } catch { #expect(error.kind == .badData && error.file == path && error.place != nil) }
    }

    @Test("random damage never traps")
    func randomDamage() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/reference.safetensors"
        var written = reference(topCount: 3)
        for seed in UInt64(0)..<3 { written.append(prediction(40, seed: seed)[...]) }
        _ = try written.write(to: path)
        let whole = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        var generator = SplitMix64(seed: 5)
        var read = 0
        for _ in 0..<500 {
            var bytes = whole
            bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
            let damaged = try folder.write("damaged.safetensors", bytes)
            do throws(Fault) {
                let reference = try WatchReference(contentsOf: damaged)
                for position in 0..<reference.positions {
                    let model = reference.topTokens(position..<position + 1).map { Float(-1) - Float($0) / 40 }
                    _ = reference.divergence(at: position, model: model[...])
                }
                read += 1
            } catch { #expect(error.kind == .badData) }
        }
        #expect(read > 0 && read < 500)
    }
}
