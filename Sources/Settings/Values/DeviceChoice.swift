import Faults

/// Where tensors live.
public enum DeviceChoice: OptionValue, Hashable {
    /// A GPU if one is there, else the processor.
    case auto
    case cpu
    /// The GPU of this index.
    case cuda(Int)

    /// Reads "auto", "cpu", "cuda" (the first GPU) or "cuda:N".
    public init(parsing text: String) throws(Fault) {
        switch text {
        case "auto": self = .auto
        case "cpu": self = .cpu
        case "cuda": self = .cuda(0)
        default:
            guard text.hasPrefix("cuda:"), let index: Int = PlainNumber.integer(String(text.dropFirst(5))),
                (0..<128).contains(index)
            else { throw Fault(.usage, "unknown device", found: text, expected: "auto, cpu, cuda or cuda:N") }
            self = .cuda(index)
        }
    }

    public var text: String {
        switch self {
        case .auto: "auto"
        case .cpu: "cpu"
        case .cuda(let index): "cuda:\(index)"
        }
    }
}
