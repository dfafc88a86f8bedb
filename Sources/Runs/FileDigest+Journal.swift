import Checkpoints
import Faults
import Files
import JSONText
import Publishing

extension FileDigest {
    /// The journal's line that a file is on the disk.
    func line(kind: String, _ more: [(String, JSONValue)] = []) -> JSONValue {
        var object = JSONObject()
        object["kind"] = .string(kind)
        object["file"] = .string(name)
        object["sha256"] = .string(sha256)
        object["bytes"] = .integer(bytes)
        for (key, value) in more { object[key] = value }
        return .object(object)
    }

    /// The files that lines of a kind tell of.
    static func digests(_ lines: [JSONValue], kind: String) -> [FileDigest] {
        lines.compactMap { line in
            guard let object = line.objectValue, object["kind"]?.stringValue == kind,
                let name = object["file"]?.stringValue, let sha256 = object["sha256"]?.stringValue,
                let bytes = object["bytes"]?.integerValue
            else { return nil }
            return FileDigest(name: name, sha256: sha256, bytes: bytes)
        }
    }
}

extension StagingFolder {
    /// The names of the files that lines of a kind tell of, all of them as they were written.
    ///
    /// - Throws: `badData` for one that is not.
    func committed(_ lines: [JSONValue], kind: String) throws(Fault) -> Set<String> {
        var names: Set<String> = []
        for digest in FileDigest.digests(lines, kind: kind) {
            try check(digest)
            names.insert(digest.name)
        }
        return names
    }
}
