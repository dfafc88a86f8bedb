import Faults
import Files

/// Names of models on a hub, which people give where a path is wanted.
package struct HubName: Equatable {
    package let owner: String
    package let name: String

    /// "owner/name", or an address that ends in it. Nil for what looks like a path: one that begins with a dot, a
    /// tilde or a slash, has another number of parts, ends as a file of weights does, or whose first folder is there.
    package init?(_ path: String) {
        var parts = FileSystem.components(path)
        if parts.count >= 4, path.contains("://") {
            // The scheme and the host; what follows the two names is a page of the model's.
            parts = Array(parts[2..<4])
        } else if path.hasPrefix("/") {
            return nil
        }
        guard parts.count == 2, parts.allSatisfy(HubName.isName),
            !parts[1].hasSuffix(".gguf"), !parts[1].hasSuffix(".safetensors"), FileSystem.kind(parts[0]) == nil
        else { return nil }
        (owner, name) = (parts[0], parts[1])
    }

    private static func isName(_ text: String) -> Bool {
        func isLetter(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: false
            }
        }
        return text.utf8.count <= 96 && text.utf8.first.map(isLetter) == true
            && text.utf8.allSatisfy { isLetter($0) || "-_.".utf8.contains($0) }
    }

    /// What to do where there is no such path.
    ///
    /// - Parameter path: of a model that is not there.
    package static func advice(_ path: String) -> String {
        guard let hub = HubName(path) else { return "check the path" }
        return "download it, then pass its folder: hf download \(hub.owner)/\(hub.name) --local-dir \(hub.name)"
    }

    /// What the path looks like; nil where it looks like a path.
    package static func found(_ path: String) -> String? {
        HubName(path).map { _ in "the name of a model on a hub, but no such folder; nothing is downloaded automatically"
        }
    }
}
