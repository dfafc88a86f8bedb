import JSONText

/// Keys of `report.json`, which a run writes and which the page, the gate, `verify` and `evaluate` read.
///
/// The file is an object with `method`, `preset`, `pattern`, `sparsity` {`asked`, `achieved`}, where channels
/// changed places `permute`, for a structural run
/// `structure` {`plain`, `budget` {`of`, `before`, `after`}, `latency`, `layers`}, `search` [{`step`, `kl`}],
/// `parameters` {`before`, `after`}, `blocks`, `linears`, for a GGUF source `source_types` and, where there was
/// calibration text, `calibration`. A name that stands at several places is one key.
public enum ReportKey: String, Sendable {
    // The run.
    case output, method, preset, pattern, permute, sparsity, asked, achieved, parameters, before, after, blocks, linears
    case seconds
    case opensIn = "opens_in"
    case memoryLimitBytes = "memory_limit_bytes"
    case peakMemoryBytes = "peak_memory_bytes"
    case peakDeviceMemoryBytes = "peak_device_memory_bytes"
    /// `Q4_K_M` and the like, of a GGUF source: what an export goes back to.
    case sourceTypes = "source_types"
    // What a structural run tells, and a search: its KL after every step.
    case structure, plain, budget, latency, layers, search, step, kl
    case of
    // A block; `sparsity` and `asked` are by linear here.
    case index, removed, weights, losses, restored
    case errorBefore = "error_before"
    case errorAfter = "error_after"
    case linearErrors = "linear_errors"
    case loweredRate = "lowered_rate"
    // The calibration text.
    case calibration, sources, samples, bos, seed, overlap, sketch
    case samplesAsked = "samples_asked"
    case sequenceLength = "sequence_length"
    case tokensDigest = "tokens_sha256"
    // A source of it.
    case file, kind, weight, documents, duplicates, empty, tokens
    case digest = "sha256"
    case skippedLines = "skipped_lines"
    case documentsUsed = "documents_used"
    case countedPositions = "counted_positions"
    case samplesLeftOut = "samples_left_out"

    /// Keys from the outside to the inside, for messages: "sparsity.asked".
    public static func path(_ keys: ReportKey...) -> String { path(keys) }
    /// The same for a list.
    public static func path(_ keys: [ReportKey]) -> String { keys.map(\.rawValue).joined(separator: ".") }
}

extension JSONObject {
    /// The value of a report's key.
    public subscript(key: ReportKey) -> JSONValue? {
        get { self[key.rawValue] }
        set { self[key.rawValue] = newValue }
    }
}

extension JSONValue {
    /// An object with a report's keys, in this order.
    public static func report(_ members: KeyValuePairs<ReportKey, JSONValue>) -> JSONValue {
        .object(JSONObject(members.map { ($0.key.rawValue, $0.value) }))
    }
}
