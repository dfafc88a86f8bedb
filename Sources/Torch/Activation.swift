import CTorch

/// What a gate goes through before it multiplies.
public enum Activation: String, Sendable {
    /// x · sigmoid(x)
    case silu
    /// GELU in its tanh form: x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))) / 2
    case geluTanh

    var c: esp_activation {
        switch self {
        case .silu: ESP_SILU
        case .geluTanh: ESP_GELU_TANH
        }
    }
}
