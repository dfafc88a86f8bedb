import Faults

/// A number of bytes, at least one.
public struct ByteSize: OptionValue, Hashable {
    public let bytes: Int

    private static let units: [(suffix: String, bytes: Int)] = [
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000),
    ]

    /// - Throws: `Fault` of kind `usage` below one byte.
    public init(bytes: Int) throws(Fault) {
        guard bytes > 0 else { throw ByteSize.malformed("\(bytes)") }
        self.bytes = bytes
    }

    private init(unchecked bytes: Int) { self.bytes = bytes }

    /// The size of a shard in the model hub's own tools.
    public static let fiveGigabytes = ByteSize(unchecked: 5_000_000_000)

    /// Reads a whole number of bytes, or one with KB, MB, GB (powers of 1000) or KiB, MiB, GiB (powers of 1024).
    public init(parsing text: String) throws(Fault) {
        let unit = ByteSize.units.first { text.hasSuffix($0.suffix) }
        let digits = text.dropLast(unit?.suffix.count ?? 0)
        guard let count: Int = PlainNumber.integer(String(digits)), count > 0 else { throw ByteSize.malformed(text) }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: unit?.bytes ?? 1)
        guard !overflow else { throw ByteSize.malformed(text) }
        self.bytes = bytes
    }

    public var text: String {
        for unit in ByteSize.units.sorted(by: { $0.bytes > $1.bytes }) where bytes.isMultiple(of: unit.bytes) {
            return "\(bytes / unit.bytes)\(unit.suffix)"
        }
        return "\(bytes)"
    }

    private static func malformed(_ text: String) -> Fault {
        Fault(.usage, "not a size", found: text, expected: "a positive number of bytes such as 500MB, 5GB or 2GiB")
    }
}
