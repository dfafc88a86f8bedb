import Decoders

/// The sparsities that a sub-layer can have in the supernet.
public enum Levels {
    /// Multiples of an interval from 0 to 1; or so many around a centre as lie there, and 0.
    public static func sparsities(interval: Double, count: Int?, around centre: Double) -> [Double] {
        guard let count else {
            let steps = Int((1 / interval + 1e-9).rounded(.down))
            return (0...steps).map { min(1, Double($0) * interval) }
        }
        let half = count / 2
        let around: [Double] = (-half...half).map { centre + Double($0) * interval }
        let near = around.filter { $0 > 1e-9 && $0 <= 1 + 1e-9 }
        return [0] + near.map { min(1, $0) }
    }

    /// Neurons that stay at each of some sparsities, rounded to whole granules, without repetition; all of them first.
    public static func widths(of width: Int, sparsities: [Double], granularity: Int) -> [Int] {
        var widths: [Int] = [width]
        for sparsity in sparsities.sorted() {
            let kept = (1 - sparsity) * Double(width) / Double(granularity)
            let rounded = min(width, max(0, Int(kept.rounded()) * granularity))
            if rounded < widths[widths.count - 1] { widths.append(rounded) }
        }
        return widths
    }

    /// Of the shapes that attention reaches, those to keep: for each sparsity the nearest by parameters, among equally
    /// near ones that of the smallest error. All of them where there are no more than sparsities.
    ///
    /// - Returns: candidates by falling parameters, without those that another beats in both parameters and error.
    public static func shapes(
        _ candidates: [Candidate], sparsities: [Double], configuration: DecoderConfiguration
    ) -> [Candidate] {
        let sized = candidates.map { (candidate: $0, parameters: $0.kept.parameters(configuration)) }
            .sorted { ($1.parameters, $0.candidate.error) < ($0.parameters, $1.candidate.error) }
        var useful: [(candidate: Candidate, parameters: Int)] = []
        for entry in sized {
            let isBeaten = sized.contains {
                $0.parameters < entry.parameters && $0.candidate.error <= entry.candidate.error
            }
            if !isBeaten, useful.last?.parameters != entry.parameters { useful.append(entry) }
        }
        guard useful.count > sparsities.count, let dense = useful.first?.parameters, dense > 0 else {
            return useful.map(\.candidate)
        }
        var chosen: Set<Int> = [0]
        for sparsity in sparsities {
            let wanted = (1 - sparsity) * Double(dense)
            let nearest = useful.indices.min {
                abs(Double(useful[$0].parameters) - wanted) < abs(Double(useful[$1].parameters) - wanted)
            }
            if let nearest { chosen.insert(nearest) }
        }
        return chosen.sorted().map { useful[$0].candidate }
    }
}
