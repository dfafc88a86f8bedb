import Decoders
import Faults
import JSONText
import Pruning
import Randomness
import Recipes
import RunSupport
import Testing
import Torch

@testable import Runs

@Suite("Zeros that a method promises")
struct ZeroDemandTests {
    /// A method that keeps one weight too many in one place.
    private struct Lazy: BlockPruner {
        let pruner: any BlockPruner
        var needsDenseStream: Bool { pruner.needsDenseStream }
        var group: ComparisonGroup { pruner.group }
        func work(samples: Int) -> BlockWork { pruner.work(samples: samples) }

        func prune(_ task: BlockTask) throws(Fault) -> BlockOutcome {
            var outcome = try pruner.prune(task)
            guard task.layer == 1 else { return outcome }
            var values = outcome.block.down.weight.floats()
            if let zero = values.firstIndex(of: 0) { values[zero] = 0.5 }
            outcome.block.down = outcome.block.down.with(
                weight: Tensor(values, shape: [outcome.block.down.weight.size(0), outcome.block.down.weight.size(1)]))
            return outcome
        }
    }

    @Test(
        "a block with one zero too few is refused, for every method and pattern", arguments: Arm.allCases)
    func oneTooFew(arm: Arm) throws {
        for pattern in [Pattern.unstructured, .keep(2, of: 4)] {
            let bench = try Bench()
            var context = try bench.context("out") {
                arm.apply(to: &$0)
                $0.pattern = .zeros(pattern)
            }
            guard case .masks(let pruner) = context.action else { continue }
            context.action = .masks(Lazy(pruner: pruner))
            let found = fault { _ = try PruneRun(context).start() }
            #expect(found?.kind == .badData && found?.place == LinearName.down.weightName(layer: 1), "\(pattern.text)")
        }
    }

    private func settings(_ arm: Arm, _ pattern: Pattern) throws -> PruneSettings {
        var recipe = PruneRecipe()
        recipe.model = "m"
        recipe.calibration = ["self"]
        arm.apply(to: &recipe)
        recipe.pattern = .zeros(pattern)
        return try recipe.resolved()
    }

    @Test(
        "exact masks satisfy it, and nothing less does, on the device and in memory",
        arguments: Arm.allCases)
    func shortfalls(arm: Arm) throws {
        let (rows, columns) = (6, 136)
        var generator = SplitMix64(seed: 3)
        let scores = (0..<rows * columns).map { _ in Float(generator.next() >> 40) + 1 }
        for pattern in [Pattern.unstructured, .keep(1, of: 4), .keep(4, of: 8)] {
            let settings = try settings(arm, pattern)
            let goal = Goal(pattern: pattern, sparsity: try Sparsity(pattern.impliedFraction ?? 0.37))
            let group = try MethodRegistry.standard.action(settings).group
            let demand = ZeroDemand(goal, group: group, rows: rows, columns: columns)
            // The smallest of every group, group by group.
            func groups() -> [[Int]] {
                let all = Array(0..<rows * columns)
                switch demand.group {
                case .matrix: return [all]
                case .row: return (0..<rows).map { row in all.filter { $0 / columns == row } }
                case .columns(let width):
                    return stride(from: 0, to: columns, by: width).map { start in
                        all.filter { (start..<start + width).contains($0 % columns) }
                    }
                case .run(let width):
                    return stride(from: 0, to: all.count, by: width).map { Array(all[$0..<$0 + width]) }
                }
            }
            var values = scores
            var total = 0
            for group in groups() {
                let count = Int((goal.sparsity.fraction * Double(group.count) + 1e-9).rounded(.down))
                total += count
                for index in group.sorted(by: { scores[$0] < scores[$1] }).prefix(count) { values[index] = 0 }
            }
            #expect(demand.total == total && values.count { $0 == 0 } == total)
            #expect(demand.shortfall(in: values) == nil)
            #expect(demand.shortfall(in: Tensor(values, shape: [rows, columns])) == nil)
            // A zero that moves to another group is as bad as one that is not there.
            for index in [0, total / 2, total - 1] {
                var broken = values
                let zeros = values.indices.filter { values[$0] == 0 }
                broken[zeros[index]] = 1
                let short = try #require(demand.shortfall(in: broken))
                #expect(short.found == short.expected - 1)
                #expect(demand.shortfall(in: Tensor(broken, shape: [rows, columns])) == short)
            }
        }
    }

    @Test("a report read back is equal, and differs in any part")
    func reports() throws {
        var report = BlockReport(index: 3)
        (report.errorBefore, report.errorAfter, report.removed, report.weights) = (0.5, 0.25, 7, 9)
        report.sparsity = [(linear: "q", fraction: 0.5)]
        report.asked = [(linear: "q", fraction: 0.4)]
        report.linearErrors = [(linear: "q", error: 0.1)]
        (report.losses, report.restored) = ([1, 0.5], true)
        #expect(BlockReport(json: report.json(timed: false)) == report)
        let changes: [(inout BlockReport) -> Void] = [
            { $0.sparsity[0].fraction = 0.6 }, { $0.asked[0].fraction = 0.5 }, { $0.linearErrors[0].error = 0.2 },
            { $0.losses = [1] }, { $0.restored = false },
            { $0.loweredRate = 0.5 }, { $0.removed = 8 }, { $0.seconds = 1 }, { $0.sparsity = [] },
        ]
        for change in changes {
            var other = report
            change(&other)
            #expect(other != report)
        }
    }
}
