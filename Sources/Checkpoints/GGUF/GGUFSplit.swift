import Faults
import Files

/// What one part of a split GGUF model says about itself.
struct GGUFSplit {
    /// From 0.
    var index: Int
    var count: Int
    /// Tensors of all parts together.
    var tensors: Int?

    static let indexKey = "split.no"
    static let countKey = "split.count"
    static let tensorsKey = "split.tensors.count"
    static let advice = "download all parts of the model again, from one source, into one folder"

    /// The file names count with five digits.
    private static let most = 99_999

    /// Nil for a file that is a whole model.
    init?(_ file: GGUFFile) throws(Fault) {
        let metadata = file.metadata
        func natural(_ key: String, below limit: Int) throws(Fault) -> Int? {
            guard let value = try metadata.integer(key) else { return nil }
            guard (0..<limit).contains(value) else {
                throw Fault(
                    .badData, "a part of a split GGUF model has a wrong number", file: file.path, place: "key '\(key)'",
                    found: "\(value)", expected: "a number from 0 to \(limit - 1)", advice: GGUFSplit.advice)
            }
            return value
        }
        guard let count = try natural(GGUFSplit.countKey, below: GGUFSplit.most + 1), count > 1 else { return nil }
        self.count = count
        index = try metadata.required(GGUFSplit.indexKey, try natural(GGUFSplit.indexKey, below: count))
        tensors = try natural(GGUFSplit.tensorsKey, below: Int(Int32.max))
    }

    /// The end of the name that a part of a split model has.
    static func ending(_ index: Int, of count: Int) -> String {
        func digits(_ number: Int) -> String { String(String(100_000 + number).dropFirst()) }
        return "-\(digits(index + 1))-of-\(digits(count)).gguf"
    }

    /// The paths of all parts, from the name of this one.
    func names(_ file: GGUFFile) throws(Fault) -> [String] {
        let ending = GGUFSplit.ending(index, of: count)
        guard file.path.hasSuffix(ending) else {
            throw Fault(
                .badData, "the name of a part of a split GGUF model does not match its metadata", file: file.path,
                place: "keys '\(GGUFSplit.indexKey)' and '\(GGUFSplit.countKey)'", found: FileSystem.last(file.path),
                expected: "a name that ends in \(ending)", advice: "give the parts their own names again")
        }
        let start = file.path.dropLast(ending.count)
        return (0..<count).map { start + GGUFSplit.ending($0, of: count) }
    }

    /// - Throws: `badData` when a file is not the part of the same model that its name says.
    func check(_ part: GGUFFile, index: Int, against named: GGUFFile) throws(Fault) {
        func foreign(_ key: String, found: String, expected: String) -> Fault {
            Fault(
                .badData, "a part of the split GGUF model belongs to another model or place", file: part.path,
                place: "key '\(key)'", found: found, expected: "\(expected), as in \(FileSystem.last(named.path))",
                advice: GGUFSplit.advice)
        }
        let found = try GGUFSplit(part)
        guard let found, found.count == count else {
            throw foreign(
                GGUFSplit.countKey, found: found.map { "\($0.count) parts" } ?? "no split model",
                expected: "\(count) parts")
        }
        guard found.index == index else {
            throw foreign(GGUFSplit.indexKey, found: "part \(found.index)", expected: "part \(index)")
        }
        guard found.tensors == tensors else {
            throw foreign(
                GGUFSplit.tensorsKey, found: found.tensors.map(String.init) ?? "nothing",
                expected: tensors.map(String.init) ?? "nothing")
        }
        // Usually the first part alone has metadata; where others repeat it, it must say the same.
        for key in ["general.architecture", "general.name"] {
            let (other, own) = (try part.metadata.string(key), try named.metadata.string(key))
            if let other, let own, other != own { throw foreign(key, found: other, expected: own) }
        }
    }
}
