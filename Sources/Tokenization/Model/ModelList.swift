import Faults
import JSONText

/// One of the long lists of a tokenizer's model: read, or left as text that is read an element at a time.
enum ModelList {
    case values([JSONValue])
    case text(JSONTextList)

    /// - Parameters:
    ///   - text: the list where it was left as text.
    ///   - component: what holds it otherwise, at `key`.
    init(_ text: JSONTextList?, or component: Component, _ key: String) throws(Fault) {
        if let text { self = .text(text) } else { self = .values(try component.array(key)) }
    }

    var count: Int {
        switch self {
        case .values(let values): values.count
        case .text(let list): list.count
        }
    }

    /// Hands out the elements with their places.
    func forEach(_ take: (Int, JSONValue) throws(Fault) -> Void) throws(Fault) {
        switch self {
        case .values(let values):
            for (place, value) in values.enumerated() { try take(place, value) }
        case .text(let list):
            var place = 0
            try list.forEach { (value) throws(Fault) in
                try take(place, value)
                place += 1
            }
        }
    }
}
