import Faults
import Files
import JSONText

/// Small JSON files, read whole. Their values take several times the text's memory, which the limits hold small.
package enum JSONFile {
    /// Configurations have some kilobytes; those with a name for each of many thousand labels, a megabyte.
    package static let sizeLimit = 16 << 20

    /// - Parameters:
    ///   - acceptsNonFinite: whether NaN and Infinity are read, as Python writes them.
    ///   - sizeLimit: bytes that the file may have.
    package static func object(
        _ path: String, acceptsNonFinite: Bool = false, sizeLimit: Int = sizeLimit
    ) throws(Fault) -> JSONObject {
        let bytes = try InputFile(path).contents(limit: sizeLimit)
        if let disguised = DisguisedContent.fault(Array(bytes.prefix(256)), file: path) { throw disguised }
        let value: JSONValue
        do throws(Fault) {
            value = try JSONValue(parsing: bytes, limits: JSONLimits(acceptsNonFinite: acceptsNonFinite))
        } catch { throw error.inFile(path) }
        guard let object = value.objectValue else {
            throw Fault(
                .badData, "the file is not a JSON object", file: path, place: "line 1, column 1", found: value.kindName,
                expected: "an object")
        }
        return object
    }
}
