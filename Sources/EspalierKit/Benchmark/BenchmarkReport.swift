import Evaluation
import Faults
import JSONText

/// What `benchmark` found.
public struct BenchmarkReport {
    /// One of the two models.
    public struct Model {
        /// Of its folder or file; its name on a server.
        public var path: String
        /// Of all tensors; nil on a server.
        public var parameters: Int?
        /// Of the weight files; nil on a server.
        public var bytes: Int?
        /// The server that answered; nil where Espalier's own engine computed.
        public var endpoint: JSONValue?
        /// With this model alone in memory; nil where the system cannot tell.
        public var peakMemoryBytes: Int?
        private var samples: [SpeedCase: [SpeedSample]] = [:]

        init(_ opened: OpenedModel) {
            path = opened.checkpoint.path
            parameters = opened.checkpoint.parameterCount
            bytes = opened.checkpoint.weightFiles.reduce(0) { $0 + $1.bytes }
        }

        /// Of a server, which does not tell how large its models are.
        init(served name: String, by endpoint: JSONValue) {
            path = name
            self.endpoint = endpoint
        }

        mutating func add(_ sample: SpeedSample, to speedCase: SpeedCase) {
            samples[speedCase, default: []].append(sample)
        }

        /// - Returns: nil for a case that was not measured.
        public func timeToFirstToken(_ speedCase: SpeedCase) -> Spread? {
            samples[speedCase].map { Spread($0.map(\.timeToFirstToken)) }
        }

        /// New tokens of all sequences per second, after the first.
        public func decodeTokensPerSecond(_ speedCase: SpeedCase) -> Spread? {
            samples[speedCase].map { Spread($0.map(\.decodeTokensPerSecond)) }
        }
    }

    /// The one that is measured.
    public var model: Model
    /// The one that it was made from.
    public var against: Model?
    /// Every prompt length with every batch.
    public var cases: [SpeedCase]
    /// Number of measurements of each case.
    public var repeats: Int
    /// What the figures depend on besides the models.
    public var environment: JSONValue
    /// Whether servers were clocked, and not Espalier's own engine.
    public var isServed = false

    /// Without what only the runs themselves find.
    init(model: Model, against: Model?, cases: [SpeedCase], repeats: Int, environment: JSONValue) {
        self.model = model
        self.against = against
        self.cases = cases
        self.repeats = repeats
        self.environment = environment
    }

    /// What `benchmark --json` prints.
    public var json: JSONValue {
        var object = document(model)
        if let against {
            object["against"] = .object(document(against))
            object["ratios"] = .array(
                cases.compactMap { speedCase in
                    guard let ratio = ratio(speedCase, against) else { return nil }
                    return .object([
                        "prompt": .integer(speedCase.prompt), "batch": .integer(speedCase.batch),
                        "time_to_first_token": .double(ratio.first), "decode_tokens_per_second": .double(ratio.decode),
                    ])
                })
            if let bytes = model.bytes, let dense = against.bytes {
                object["size_ratio"] = .double(Double(bytes) / Double(max(1, dense)))
            }
        }
        object["repeats"] = .integer(repeats)
        object["environment"] = environment
        return .object(object)
    }

    /// How many times as fast the model is as the other.
    package func ratio(_ speedCase: SpeedCase, _ other: Model) -> (first: Double, decode: Double)? {
        guard let first = model.timeToFirstToken(speedCase), let otherFirst = other.timeToFirstToken(speedCase),
            let decode = model.decodeTokensPerSecond(speedCase),
            let otherDecode = other.decodeTokensPerSecond(speedCase)
        else { return nil }
        return (otherFirst.median / first.median, decode.median / otherDecode.median)
    }

    private func document(_ model: Model) -> JSONObject {
        func spread(_ spread: Spread?) -> JSONValue {
            guard let spread else { return .null }
            return .object([
                "median": .double(spread.median), "least": .double(spread.least), "most": .double(spread.most),
            ])
        }
        var object = JSONObject()
        object["model"] = .string(model.path)
        if let endpoint = model.endpoint { object["endpoint"] = endpoint }
        object["parameters"] = model.parameters.map { .integer($0) } ?? .null
        object["bytes"] = model.bytes.map { .integer($0) } ?? .null
        object["peak_memory_bytes"] = model.peakMemoryBytes.map { .integer($0) } ?? .null
        object["runs"] = .array(
            cases.map { speedCase in
                .object([
                    "prompt": .integer(speedCase.prompt), "batch": .integer(speedCase.batch),
                    "new_tokens": .integer(speedCase.newTokens),
                    "time_to_first_token": spread(model.timeToFirstToken(speedCase)),
                    "decode_tokens_per_second": spread(model.decodeTokensPerSecond(speedCase)),
                ])
            })
        return object
    }

}
