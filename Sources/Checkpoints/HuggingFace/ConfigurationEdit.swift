import Faults
import JSONText

/// One change of a configuration.
public struct ConfigurationEdit: Sendable {
    /// Keys from the outermost object inwards; missing objects are made.
    public var path: [String]
    /// Nil removes the key.
    public var value: JSONValue?

    public init(_ path: String..., value: JSONValue?) {
        self.path = path
        self.value = value
    }
}

extension JSONObject {
    /// The object with the edits made and everything else as it was: unknown keys, the order of keys, the text of
    /// numbers. New keys are appended.
    public func edited(_ edits: [ConfigurationEdit]) -> JSONObject {
        edits.reduce(self) { object, edit in object.edited(edit.path[...], edit.value) }
    }

    private func edited(_ path: ArraySlice<String>, _ value: JSONValue?) -> JSONObject {
        guard let key = path.first else { return self }
        var copy = self
        if path.count == 1 {
            copy[key] = value
        } else if value != nil || copy[key]?.objectValue != nil {
            copy[key] = .object((copy[key]?.objectValue ?? JSONObject()).edited(path.dropFirst(), value))
        }
        return copy
    }

    /// The text of `config.json`: two spaces of indentation and a final newline.
    public var configurationBytes: [UInt8] { Array((JSONValue.object(self).text() + "\n").utf8) }
}
