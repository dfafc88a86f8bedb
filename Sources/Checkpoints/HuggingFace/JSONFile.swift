import Faults
import Files
import JSONText

/// Small JSON files, read whole. Their values take several times the text's memory, which the limits hold small.
package enum JSONFile {
    /// Configurations have some kilobytes; those with a name for each of many thousand labels, a megabyte.
    package static let sizeLimit = 4 << 20
    /// Of their values.
    private static let memory = 8 << 20

    /// - Parameter acceptsNonFinite: whether NaN and Infinity are read, as Python writes them.
    package static func object(_ path: String, acceptsNonFinite: Bool = false) throws(Fault) -> JSONObject {
        let bytes = try bytes(path, sizeLimit: sizeLimit)
        let value: JSONValue
        do throws(Fault) {
            value = try JSONValue(
                parsing: bytes, limits: JSONLimits(acceptsNonFinite: acceptsNonFinite, memory: memory))
        } catch { throw error.inFile(path) }
        guard let object = value.objectValue else {
            throw Fault(
                .badData, "the file is not a JSON object", file: path, place: "line 1, column 1", found: value.kindName,
                expected: "an object")
        }
        return object
    }

    /// The text of a file that is to be JSON.
    ///
    /// - Parameter sizeLimit: bytes that the file may have.
    static func bytes(_ path: String, sizeLimit: Int) throws(Fault) -> [UInt8] {
        let bytes = try InputFile(path).contents(limit: sizeLimit)
        if let disguised = DisguisedContent.fault(Array(bytes.prefix(256)), file: path) { throw disguised }
        return bytes
    }
}
