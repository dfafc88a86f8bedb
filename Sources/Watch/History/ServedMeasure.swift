/// What a server can be watched by. A history holds one kind: it stands where the number type of our own engine does.
public enum ServedMeasure: String, Sendable {
    /// Log-probabilities of the reference's tokens: the divergence is that of the tokens that both sides name.
    case logProbabilities = "served log-probabilities"
    /// Greedy next tokens: the divergence is what the dense model thinks they lose.
    case answers = "served answers"
}
