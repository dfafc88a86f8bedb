import Decoders
import Faults
import JSONText
import Pruning
import Records

/// Whether what a journal says of a block can be true: its numbers are compared with the model's sizes and against each
/// other.
struct BlockReportCheck {
    let line: JournalLine
    /// The model's, and what is left of it.
    let source: DecoderConfiguration
    let written: DecoderConfiguration
    let layer: Int
    /// What was to be removed from which linears; nil where units were removed.
    let goals: Goals?
    /// Whether each linear has a sparsity of its own.
    let tellsAsked: Bool

    private typealias Shares = [(linear: LinearName, fraction: Double)]

    func run() throws(Fault) {
        guard let report = line.object["report"]?.objectValue else {
            throw line.fault("report", found: line.object["report"]?.kindName ?? "nothing", expected: "an object")
        }
        _ = try line.integer(report, ReportKey.index.rawValue, in: layer...layer, at: "report.")
        let shares = try self.shares(report, .sparsity)
        guard shares.map(\.linear) == source.blueprint.layers[layer].linears else {
            throw line.fault(
                "report.sparsity", found: "\(shares.count) entries", expected: "every linear layer, in order")
        }
        try checkCounts(report, shares)
        try checkAsked(report)
        let errors = report[.linearErrors]
        guard errors == nil || errors?.objectValue != nil else {
            throw line.fault("report.linear_errors", found: errors?.kindName ?? "nothing", expected: "an object")
        }
        for (key, value) in errors?.objectValue?.members ?? [] {
            guard LinearName(rawValue: key) != nil else {
                throw line.fault(
                    "report.linear_errors", found: "\"\(key.prefix(60))\"", expected: "a linear layer's name")
            }
            try checkError(value, "report.linear_errors.\(key)")
        }
        for key in [ReportKey.errorBefore, .errorAfter] {
            guard let value = report[key] else {
                throw line.fault("report.\(key.rawValue)", found: "nothing", expected: "a number or null")
            }
            try checkError(value, "report.\(key.rawValue)")
        }
        if let losses = report[.losses] {
            guard let values = losses.arrayValue else {
                throw line.fault("report.losses", found: losses.kindName, expected: "an array")
            }
            for value in values { try checkError(value, "report.losses") }
        }
        if let restored = report[.restored], restored.boolValue == nil {
            throw line.fault("report.restored", found: restored.kindName, expected: "true or false")
        }
        if let rate = report[.loweredRate] { try checkError(rate, "report.lowered_rate") }
    }

    private func checkCounts(_ report: JSONObject, _ shares: Shares) throws(Fault) {
        var (weights, removed) = (0, 0)
        if let goals {
            for (linear, fraction) in shares where goals[linear] != nil {
                let shape = source.shape(of: linear, layer: layer)
                weights += shape.out * shape.in
                removed += Int((fraction * Double(shape.out * shape.in)).rounded())
            }
        } else {
            weights = source.parameterCount(layer: layer)
            removed = weights - written.parameterCount(layer: layer)
            for (linear, fraction) in shares {
                let (whole, left) = (source.shape(of: linear, layer: layer), written.shape(of: linear, layer: layer))
                let expected = 1 - Double(left.out * left.in) / Double(max(1, whole.out * whole.in))
                guard abs(fraction - expected) < 1e-12 else {
                    throw line.fault(
                        "report.sparsity.\(linear.rawValue)", found: "\(fraction)",
                        expected: "\(expected), by the shape that was chosen")
                }
            }
        }
        _ = try line.integer(report, ReportKey.weights.rawValue, in: weights...weights, at: "report.")
        _ = try line.integer(report, ReportKey.removed.rawValue, in: removed...removed, at: "report.")
    }

    private func checkAsked(_ report: JSONObject) throws(Fault) {
        let expected: Shares =
            tellsAsked
            ? source.linears(layer: layer).compactMap { linear in
                goals?[linear].map { (linear, $0.askedFraction) }
            } : []
        let found = try shares(report, .asked)
        guard found.map(\.linear) == expected.map(\.linear) else {
            throw line.fault("report.asked", found: "\(found.count) linear layers", expected: "\(expected.count)")
        }
        for (one, other) in zip(found, expected) where abs(one.fraction - other.fraction) > 1e-12 {
            throw line.fault(
                "report.asked.\(one.linear.rawValue)", found: "\(one.fraction)", expected: "\(other.fraction)")
        }
    }

    private func shares(_ report: JSONObject, _ key: ReportKey) throws(Fault) -> Shares {
        guard let value = report[key] else { return [] }
        guard let object = value.objectValue else {
            throw line.fault("report.\(key.rawValue)", found: value.kindName, expected: "an object")
        }
        var shares: Shares = []
        for (name, value) in object.members {
            guard let linear = LinearName(rawValue: name) else {
                throw line.fault(
                    "report.\(key.rawValue)", found: "\"\(name.prefix(60))\"", expected: "a linear layer's name")
            }
            shares.append((linear, try line.number(value, "report.\(key.rawValue).\(name)", in: 0...1)))
        }
        return shares
    }

    /// A squared error or a loss: null where it was no number.
    private func checkError(_ value: JSONValue, _ key: String) throws(Fault) {
        guard !value.isNull else { return }
        _ = try line.number(value, key, in: 0...Double.greatestFiniteMagnitude)
    }
}
