import Checkpoints
import Decoders
import Publishing
import Recipes
import RunSupport
import Testing

@testable import Runs

@Suite("Zeros obey the pattern")
struct PatternTests {
    @Test("every group of every row has exactly its zeros", arguments: Arm.allCases, ["2:4", "4:8", "1:4"])
    func groups(arm: Arm, text: String) throws {
        let bench = try Bench()
        let pattern = try Pattern(parsing: text)
        let result = try bench.prune("out") {
            arm.apply(to: &$0)
            $0.pattern = .zeros(pattern)
        }
        let checkpoint = try Checkpoint.open(bench.path("out"))
        guard case .keep(let kept, let size) = pattern else { return }
        for layer in 0..<2 {
            for linear in LinearName.ofLlama {
                let matrix = try Matrix(checkpoint, linear.weightName(layer: layer))
                #expect(matrix.hasExactly(kept, of: size), "\(linear.rawValue) of block \(layer)")
            }
        }
        #expect(result.achieved == Double(size - kept) / Double(size))
        #expect(result.asked == result.achieved)
    }

    @Test("30 % unstructured: exact counts in every comparison group", arguments: Arm.allCases)
    func unstructured(arm: Arm) throws {
        let bench = try Bench()
        let result = try bench.prune("out") {
            arm.apply(to: &$0)
            $0.sparsity = try? Sparsity(0.3)
        }
        let checkpoint = try Checkpoint.open(bench.path("out"))
        for layer in 0..<2 {
            for linear in LinearName.ofLlama {
                let matrix = try Matrix(checkpoint, linear.weightName(layer: layer))
                switch arm {
                case .magnitude, .sparsegpt:
                    // One group: all of a matrix, or all rows of at most 128 columns.
                    #expect(matrix.zeros == matrix.values.count * 3 / 10)
                case .wanda, .paper:
                    #expect(matrix.zerosByRow.allSatisfy { $0 == matrix.columns * 3 / 10 })
                case .wandaPlusPlus:
                    // By rows, or by blocks of columns where the block kept SparseGPT's mask.
                    let byRow = matrix.zerosByRow.allSatisfy { $0 == matrix.columns * 3 / 10 }
                    #expect(byRow || matrix.zeros == matrix.values.count * 3 / 10)
                }
            }
        }
        #expect(abs(result.achieved - 0.3) < 0.05 && result.achieved <= 0.3)
    }

    @Test("what is ignored or not targeted stays, byte for byte", arguments: Arm.allCases)
    func untouched(arm: Arm) throws {
        let bench = try Bench()
        try bench.prune("out") {
            arm.apply(to: &$0)
            $0.pattern = .keep(2, of: 4)
            $0.targets = [#"layers\.1\."#]
            $0.ignore = [#"k_proj"#, #"gate"#]
        }
        let before = try Checkpoint.open(bench.model.path)
        let after = try Checkpoint.open(bench.path("out"))
        #expect(Set(after.tensors.map(\.name)) == Set(before.tensors.map(\.name)))
        let pruned = Set(
            [LinearName.q, .v, .o, .up, .down].map { $0.weightName(layer: 1) })
        for tensor in before.tensors {
            let same = try before.storedBytes(tensor.name) == after.storedBytes(tensor.name)
            #expect(same != pruned.contains(tensor.name), "\(tensor.name)")
        }
    }

    @Test("skipped layers stay, byte for byte")
    func skipped() throws {
        let bench = try Bench { $0.layers = 3 }
        let result = try bench.prune("out") {
            $0.pattern = .keep(2, of: 4)
            $0.skippedLayers = try? LayerList(parsing: "0,-1")
        }
        #expect(result.achieved == 0.5 && result.blocks.map(\.weights).map { $0 > 0 } == [false, true, false])
        let before = try Checkpoint.open(bench.model.path)
        let after = try Checkpoint.open(bench.path("out"))
        let pruned = Set(LinearName.ofLlama.map { $0.weightName(layer: 1) })
        for tensor in before.tensors {
            let same = try before.storedBytes(tensor.name) == after.storedBytes(tensor.name)
            #expect(same != pruned.contains(tensor.name), "\(tensor.name)")
        }
        _ = try FolderVerification(bench.path("out"))
    }

    @Test("weights that are zero already and inputs that never move do not disturb the counts")
    func deadInputs() throws {
        let bench = try Bench { tiny in
            tiny.edit = { name, values in
                // A row of zeros, and an input channel that every norm switches off.
                if name.hasSuffix("up_proj.weight") { for i in 0..<16 { values[i] = 0 } }
                if name.hasSuffix("layernorm.weight") { values[3] = 0 }
            }
        }
        for arm in Arm.allCases {
            try bench.prune("out-\(arm)") {
                arm.apply(to: &$0)
                $0.pattern = .keep(2, of: 4)
            }
            let checkpoint = try Checkpoint.open(bench.path("out-\(arm)"))
            for linear in LinearName.ofLlama {
                let matrix = try Matrix(checkpoint, linear.weightName(layer: 0))
                let enough = stride(from: 0, to: matrix.values.count, by: 4).allSatisfy { start in
                    matrix.values[start..<start + 4].count { $0 == 0 } >= 2
                }
                #expect(enough && matrix.values.allSatisfy(\.isFinite), "\(arm) \(linear.rawValue)")
            }
        }
    }
}
