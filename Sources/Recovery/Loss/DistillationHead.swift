import Decoders
import Torch

/// The final norms and output matrices of a student and of its teacher, and the loss on what they predict.
///
/// Positions pass a few at a time with their whole vocabulary: their logits are made once, turned into their gradient
/// in place, and are gone; [positions, vocabulary] of a batch never exists.
public struct DistillationHead {
    private let student: Head
    /// Nil for a loss without one.
    private let teacher: Head?

    /// - Parameters: with output matrices of one number type and vocabulary.
    public init(student: Head, teacher: Head?) {
        self.student = student
        guard let teacher, teacher.weight.shape == student.weight.shape else {
            self.teacher = teacher
            return
        }
        // Recovery changes blocks alone: where both models have one output matrix, one is in memory.
        let isSame = (teacher.weight - student.weight).magnitude().maximum().scalar == 0
        self.teacher = isSame ? teacher.with(weight: student.weight) : teacher
    }

    /// Logits of a piece, for plans of memory, and the positions that make so many.
    public static let pieceElements = 1 << 24
    public static func piecePositions(vocabulary: Int) -> Int {
        max(32, min(512, pieceElements / max(1, vocabulary)))
    }

    /// What is measured of some positions.
    public struct Measure {
        /// Sums over the positions that count, in nats.
        public var sum: RecoveryLoss
        public var positions: Int
        /// By the student's stream, [n, hidden] float32; nil where none was asked for.
        public var gradient: Tensor?
    }

    /// - Parameters:
    ///   - stream: [n, hidden] float32, as it left the student's last block.
    ///   - dense: the same of the teacher.
    ///   - targets: n tokens, each the one that followed its position; negative at one that does not count.
    ///   - weights: of the two losses.
    ///   - scale: what the gradient is multiplied by; nil makes none.
    public func measure(
        _ stream: Tensor, dense: Tensor?, targets: [Int64], weights: RecoveryLoss, scale: Double?
    ) -> Measure {
        let count = stream.size(0)
        let rows = DistillationHead.piecePositions(vocabulary: student.weight.size(0))
        var measure = Measure(sum: RecoveryLoss(kl: 0, lm: 0), positions: targets.count { $0 >= 0 }, gradient: nil)
        let gradient = scale.map { _ in Tensor.empty(stream.shape, device: stream.device) }
        for start in stride(from: 0, to: count, by: rows) {
            let range = (start, min(rows, count - start))
            let input = stream.narrowed(0, range.0, range.1).detached()
            if gradient != nil { input.requireGradient() }
            let normal = Engine.withGradient(gradient != nil) { student.normalised(input) }
            Engine.withoutGradient {
                let logits = student.logits(ofNormalised: normal.detached())
                let other = dense.flatMap { states in
                    teacher.map { $0.logits(ofNormalised: $0.normalised(states.narrowed(0, range.0, range.1))) }
                }
                let slope = gradient == nil ? nil : student.softCapSlope(logits)
                let losses = logits.replaceByGradient(
                    ofDistillationFrom: other,
                    targets: Tensor(Array(targets[range.0..<range.0 + range.1]), device: stream.device),
                    kl: weights.kl, lm: weights.lm, scale: scale ?? 0
                ).sum(0).doubles()
                measure.sum.kl += losses[0]
                measure.sum.lm += losses[1]
                guard let gradient else { return }
                if let slope { logits.multiply(by: slope) }
                normal.backward(gradient: logits.matmul(student.weight))
                gradient.narrowed(0, range.0, range.1).copy(from: input.takeGradient())
            }
        }
        measure.gradient = gradient
        return measure
    }
}
