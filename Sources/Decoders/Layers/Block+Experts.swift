import Torch

extension Block {
    /// What a mixture adds to the stream: Σ over a token's experts e of share_e · down_e(activation(gate_e n) · up_e n)
    /// for n = norm x.
    ///
    /// - Parameters:
    ///   - x: [b, t, hidden].
    ///   - isSummed: without it only the inputs are shown, and the result is zero.
    func mixture(
        _ x: Tensor, _ experts: LayerBlueprint.Experts, observer: Observer?, outputs: Observer? = nil,
        isSummed: Bool = true
    ) -> Tensor {
        guard let router else { preconditionFailure("a block of experts without a router") }
        let normal = normalised(x, .feedForwardInput, output: dtype).reshaped([-1, x.size(2)])
        let (shares, chosen) = experts.shares(of: normal.to(.float32).linear(router))
        let isChosen = chosen.bytes()
        let sum = Tensor.zeros(normal.shape, device: x.device)
        for expert in 0..<experts.count {
            let tokens = (0..<normal.size(0)).filter { isChosen[$0 * experts.count + expert] != 0 }
            guard !tokens.isEmpty else { continue }
            let index = Tensor(tokens.map(Int64.init), device: x.device)
            let (gateUp, down) = (ProjectionName(.gateUp, expert: expert), ProjectionName(.down, expert: expert))
            let input = normal.selected(index)
            observer?(gateUp, input)
            let expanded = self[gateUp](input)
            outputs?(gateUp, expanded)
            let inner = expanded.gated(by: experts.activation)
            observer?(down, inner)
            guard isSummed else { continue }
            let output = self[down](inner)
            outputs?(down, output)
            let share = shares.selected(index).narrowed(1, expert, 1)
            sum.setRows(index, to: sum.selected(index) + output.to(.float32) * share)
        }
        return normalised(sum.reshaped(x.shape), .feedForwardOutput, output: .float32)
    }
}

extension LayerBlueprint.Experts {
    /// The shares [tokens, count] of all experts, and which of them the tokens go through, the lower index first among
    /// equals.
    ///
    /// - Parameter logits: what the router gives, [tokens, count] float32.
    func shares(of logits: Tensor) -> (shares: Tensor, chosen: Tensor) {
        let all = logits.softmax(1)
        let mask = Engine.withoutGradient { all.detached().keepMask(chosen, of: count) }
        guard sumsToOne else { return (all, mask) }
        return (all / (all * mask.to(.float32)).sum(1, keep: true), mask)
    }
}
