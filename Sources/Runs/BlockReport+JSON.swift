import JSONText
import Records

extension BlockReport {
    /// For results and reports; `timed` adds the seconds, which a published folder does not hold, so that the same run
    /// gives the same bytes.
    public func json(timed: Bool) -> JSONValue {
        var object = JSONObject()
        object[.index] = .integer(index)
        object[.errorBefore] = errorBefore.map(JSONValue.double) ?? .null
        object[.errorAfter] = errorAfter.map(JSONValue.double) ?? .null
        if timed { object[.seconds] = seconds.map(JSONValue.double) ?? .null }
        object[.sparsity] = .object(JSONObject(sparsity.map { ($0.linear, .double($0.fraction)) }))
        if !asked.isEmpty { object[.asked] = .object(JSONObject(asked.map { ($0.linear, .double($0.fraction)) })) }
        if !linearErrors.isEmpty {
            object[.linearErrors] = .object(JSONObject(linearErrors.map { ($0.linear, .double($0.error)) }))
        }
        object[.removed] = .integer(removed)
        object[.weights] = .integer(weights)
        if !losses.isEmpty { object[.losses] = .array(losses.map(JSONValue.double)) }
        if restored { object[.restored] = .bool(true) }
        if let loweredRate { object[.loweredRate] = .double(loweredRate) }
        return .object(object)
    }

    /// What a journal line or a report says of a block; nil for one that this program did not write.
    public init?(json: JSONValue) {
        guard let object = json.objectValue, let index = object[.index]?.integerValue,
            let removed = object[.removed]?.integerValue, let weights = object[.weights]?.integerValue
        else { return nil }
        self.init(index: index)
        errorBefore = object[.errorBefore]?.doubleValue
        errorAfter = object[.errorAfter]?.doubleValue
        func byLinear(_ key: ReportKey) -> [(String, Double)] {
            (object[key]?.objectValue?.members ?? []).map { ($0.key, $0.value.doubleValue ?? .nan) }
        }
        linearErrors = byLinear(.linearErrors).map { (linear: $0.0, error: $0.1) }
        sparsity = byLinear(.sparsity).map { (linear: $0.0, fraction: $0.1) }
        asked = byLinear(.asked).map { (linear: $0.0, fraction: $0.1) }
        (self.removed, self.weights) = (removed, weights)
        losses = (object[.losses]?.arrayValue ?? []).compactMap(\.doubleValue)
        restored = object[.restored]?.boolValue ?? false
        loweredRate = object[.loweredRate]?.doubleValue
    }
}
