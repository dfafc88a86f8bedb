import JSONText

extension BlockReport {
    /// For results and reports; `timed` adds the seconds, which a published folder does not hold, so that the same run
    /// gives the same bytes.
    public func json(timed: Bool) -> JSONValue {
        var object = JSONObject()
        object["index"] = .integer(index)
        object["error_before"] = errorBefore.map(JSONValue.double) ?? .null
        object["error_after"] = errorAfter.map(JSONValue.double) ?? .null
        if timed { object["seconds"] = seconds.map(JSONValue.double) ?? .null }
        var linears = JSONObject()
        for (linear, fraction) in sparsity { linears[linear] = .double(fraction) }
        object["sparsity"] = .object(linears)
        object["removed"] = .integer(removed)
        object["weights"] = .integer(weights)
        if !losses.isEmpty { object["losses"] = .array(losses.map(JSONValue.double)) }
        if restored { object["restored"] = .bool(true) }
        return .object(object)
    }

    /// What a journal line says of a block; nil for a line that this program did not write.
    init?(json: JSONValue) {
        guard let object = json.objectValue, let index = object["index"]?.integerValue,
            let removed = object["removed"]?.integerValue, let weights = object["weights"]?.integerValue
        else { return nil }
        self.init(
            index: index, errorBefore: object["error_before"]?.doubleValue,
            errorAfter: object["error_after"]?.doubleValue, seconds: nil,
            sparsity: (object["sparsity"]?.objectValue?.members ?? []).map {
                (linear: $0.key, fraction: $0.value.doubleValue ?? 0)
            },
            removed: removed, weights: weights,
            losses: (object["losses"]?.arrayValue ?? []).compactMap(\.doubleValue),
            restored: object["restored"]?.boolValue ?? false)
    }
}
