import JSONText

/// What one call of `watch` measured: a line of the history.
public struct WatchInterval: Equatable, Sendable {
    public static let version = 1

    /// Prompts that users sent in the interval.
    public struct Logged: Equatable, Sendable {
        public var prompts: Int
        public var tokens: Int
        /// Mean negative log-likelihood, in nats for each scored token; not a number where the predictions were not.
        public var meanLoss: Double

        public init(prompts: Int, tokens: Int, meanLoss: Double) {
            self.prompts = prompts
            self.tokens = tokens
            self.meanLoss = meanLoss
        }
    }

    /// Golden prompts that the model answered.
    public struct Golden: Equatable, Sendable {
        /// A prompt whose answer is not the expected one.
        public struct Failed: Equatable, Sendable {
            /// Its place in the file, from 1.
            public var number: Int
            public var name: String

            public init(number: Int, name: String) {
                self.number = number
                self.name = name
            }
        }

        /// Of the prompts, what was expected of them, and the length of the answers.
        public var digest: String
        public var prompts: Int
        /// In the order of the file.
        public var failed: [Failed]

        public init(digest: String, prompts: Int, failed: [Failed]) {
            self.digest = digest
            self.prompts = prompts
            self.failed = failed
        }

        /// Answers that are as expected.
        public var held: Int { prompts - failed.count }
    }

    /// ISO 8601, UTC.
    public var time: String
    public var model: String
    /// Tells the model's files from others; nil in lines of older versions.
    public var fingerprint: String?
    /// SHA-256 of the reference file.
    public var reference: String
    /// Number type of the matrix products; for a server what was asked of it, `ServedMeasure`.
    public var dtype: String
    /// Positions of the reference.
    public var positions: Int
    /// In nats; not a number where the predictions were not.
    public var kl: Double
    public var topAgreement: Double
    public var logged: Logged?
    public var golden: Golden?
    /// Whether the history's baseline begins anew with this interval.
    public var isNewBaseline: Bool

    public init(
        time: String, model: String, fingerprint: String? = nil, reference: String, dtype: String, positions: Int,
        kl: Double,
        topAgreement: Double, logged: Logged? = nil, golden: Golden? = nil, isNewBaseline: Bool = false
    ) {
        self.time = time
        self.model = model
        self.fingerprint = fingerprint
        self.reference = reference
        self.dtype = dtype
        self.positions = positions
        self.kl = kl
        self.topAgreement = topAgreement
        self.logged = logged
        self.golden = golden
        self.isNewBaseline = isNewBaseline
    }

    public var json: JSONObject {
        var object = JSONObject()
        object["version"] = .integer(WatchInterval.version)
        object["time"] = .string(time)
        object["model"] = .string(model)
        if let fingerprint { object["model_fingerprint"] = .string(fingerprint) }
        object["reference_sha256"] = .string(reference)
        object["dtype"] = .string(dtype)
        object["positions"] = .integer(positions)
        object["kl"] = .double(kl)
        object["top1_agreement"] = .double(topAgreement)
        if let logged {
            object["logged"] = .object([
                "prompts": .integer(logged.prompts), "tokens": .integer(logged.tokens),
                "mean_loss": .double(logged.meanLoss),
            ])
        }
        if let golden {
            object["golden"] = .object([
                "sha256": .string(golden.digest), "prompts": .integer(golden.prompts), "held": .integer(golden.held),
                "failed": .array(
                    golden.failed.map { .object(["prompt": .integer($0.number), "name": .string($0.name)]) }),
            ])
        }
        if isNewBaseline { object["new_baseline"] = .bool(true) }
        return object
    }

    /// nil for what is no line of a history of this version.
    ///
    /// - Parameter earlier: the interval before; texts that are the same are in memory once.
    init?(_ value: JSONValue, after earlier: WatchInterval? = nil) {
        func shared(_ text: String, _ known: String?) -> String {
            known.flatMap { $0.utf8.elementsEqual(text.utf8) ? $0 : nil } ?? text
        }
        guard let object = value.objectValue, object["version"]?.integerValue == WatchInterval.version,
            let time = object["time"]?.stringValue, let model = object["model"]?.stringValue,
            let reference = object["reference_sha256"]?.stringValue, let dtype = object["dtype"]?.stringValue,
            let positions = object["positions"]?.integerValue, let kl = WatchInterval.number(object["kl"]),
            let agreement = WatchInterval.number(object["top1_agreement"])
        else { return nil }
        self.init(
            time: time, model: shared(model, earlier?.model),
            fingerprint: object["model_fingerprint"]?.stringValue.map { shared($0, earlier?.fingerprint) },
            reference: shared(reference, earlier?.reference), dtype: shared(dtype, earlier?.dtype),
            positions: positions, kl: kl, topAgreement: agreement,
            isNewBaseline: object["new_baseline"]?.boolValue ?? false)
        if let value = object["logged"] {
            guard let logged = value.objectValue, let prompts = logged["prompts"]?.integerValue,
                let tokens = logged["tokens"]?.integerValue, let loss = WatchInterval.number(logged["mean_loss"])
            else { return nil }
            self.logged = Logged(prompts: prompts, tokens: tokens, meanLoss: loss)
        }
        if let value = object["golden"] {
            guard let golden = WatchInterval.golden(value.objectValue, after: earlier?.golden) else { return nil }
            self.golden = golden
        }
    }

    private static func golden(_ object: JSONObject?, after earlier: Golden?) -> Golden? {
        guard let object, let digest = object["sha256"]?.stringValue, let prompts = object["prompts"]?.integerValue,
            let list = object["failed"]?.arrayValue, prompts > 0
        else { return nil }
        var failed: [Golden.Failed] = []
        for entry in list {
            guard let entry = entry.objectValue, let number = entry["prompt"]?.integerValue,
                let name = entry["name"]?.stringValue, number > failed.last?.number ?? 0, number <= prompts
            else { return nil }
            failed.append(.init(number: number, name: name))
        }
        if let earlier, earlier.digest.utf8.elementsEqual(digest.utf8), earlier.failed == failed { return earlier }
        return Golden(digest: digest, prompts: prompts, failed: failed)
    }

    /// A number, or null, which stands for NaN and infinity.
    private static func number(_ value: JSONValue?) -> Double? {
        value.flatMap { $0.isNull ? .nan : $0.doubleValue }
    }
}
