import JSONText

/// Parts of Vega-Lite specifications.
enum Specification {
    static let schema = JSONValue.string("https://vega.github.io/schema/vega-lite/v5.json")

    enum Kind: String {
        case quantitative
        case ordinal
        case nominal
    }

    static func axis(_ field: String, _ kind: Kind, title: String? = nil, fromZero: Bool? = nil) -> JSONValue {
        var object = JSONObject()
        object["field"] = .string(field)
        object["type"] = .string(kind.rawValue)
        // In the order of the values, as the page has them.
        if kind == .nominal { object["sort"] = .null }
        if let title { object["title"] = .string(title) }
        if let fromZero { object["scale"] = .object(["zero": .bool(fromZero)]) }
        return .object(object)
    }

    /// One layer, or a picture when `values` are given.
    ///
    /// - Parameter field: values without it are left out.
    static func view(
        _ mark: String, values: [JSONValue]? = nil, with field: String? = nil, _ encoding: [(String, JSONValue)]
    ) -> JSONValue {
        var object = JSONObject()
        if let values {
            object["$schema"] = schema
            object["data"] = .object(["values": .array(values)])
        }
        if let field { object["transform"] = .array([.object(["filter": .string("isValid(datum.\(field))")])]) }
        object["mark"] = .object(["type": .string(mark), "tooltip": .bool(true)])
        var channels = JSONObject()
        for (name, channel) in encoding { channels[name] = channel }
        object["encoding"] = .object(channels)
        return .object(object)
    }

    /// Several views of the same values: `layer` on each other, `vconcat` under each other.
    static func composed(_ how: String, values: [JSONValue], _ views: [JSONValue]) -> JSONValue {
        .object(["$schema": schema, "data": .object(["values": .array(values)]), how: .array(views)])
    }
}
