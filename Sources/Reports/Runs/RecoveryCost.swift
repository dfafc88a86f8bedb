import Faults
import JSONText

/// What a recovery took: in the document that `recover --json` prints and `recover --results` writes. The published
/// `recovery.json` says nothing of it, since two runs of one recipe give the same bytes.
public struct RecoveryCost: Equatable, Sendable {
    /// Of the steps, also of those before an interruption.
    public var trainingSeconds: Double
    /// Of the run, as far as the process that ended it goes.
    public var seconds: Double
    public var peakMemoryBytes: Int
    /// Nil without a GPU.
    public var peakDeviceMemoryBytes: Int?
    /// Where it ran; nil in a document without it.
    public var environment: JSONObject?

    /// The name under which a report looks for the document in a folder.
    public static let fileName = "recovery-cost.json"

    /// - Throws: `badData` for a document without them.
    public init(_ object: JSONObject, file: String) throws(Fault) {
        func fault(_ key: String) -> Fault {
            Fault(
                .badData, "the document of the recovery lacks a key", file: file, expected: key,
                advice: "write it with `espalier recover … --results FILE`")
        }
        func seconds(_ key: String) throws(Fault) -> Double {
            guard let value = object[key]?.doubleValue, (0...1e10).contains(value) else { throw fault(key) }
            return value
        }
        func bytes(_ key: String) throws(Fault) -> Int {
            guard let value = object[key]?.integerValue, (0...1 << 52).contains(value) else { throw fault(key) }
            return value
        }
        trainingSeconds = try seconds("training_seconds")
        self.seconds = try seconds("seconds")
        peakMemoryBytes = try bytes("peak_memory_bytes")
        let device = "peak_device_memory_bytes"
        peakDeviceMemoryBytes = object[device] == nil ? nil : try bytes(device)
        environment = object["environment"]?.objectValue
    }
}
