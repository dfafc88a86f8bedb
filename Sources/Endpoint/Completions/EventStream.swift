import Faults

/// Server-sent events, put together from the parts in which they arrive: of each the data, without comments and names.
struct EventStream {
    private var line: [UInt8] = []
    private var data: [UInt8] = []
    private var hasData = false
    private var endedWithReturn = false

    /// The most bytes of an event.
    static let largestEvent = 4 << 20

    /// - Parameter take: given the data of each event that is whole.
    /// - Throws: `badData` for an event that is too large; what `take` throws.
    mutating func append(
        _ part: UnsafeRawBufferPointer, take: ([UInt8]) throws(Fault) -> Void
    ) throws(Fault) {
        for byte in part {
            // A line ends with LF, CR or both.
            if byte == 0x0A, endedWithReturn {
                endedWithReturn = false
                continue
            }
            endedWithReturn = byte == 0x0D
            if byte == 0x0A || byte == 0x0D { try endLine(take) } else { line.append(byte) }
            guard line.count + data.count <= EventStream.largestEvent else {
                throw Fault(
                    .badData, "an event of the server's stream is too large",
                    found: "more than \(EventStream.largestEvent) bytes")
            }
        }
    }

    /// Whether the stream ended within an event.
    var isWithinEvent: Bool { hasData || !line.isEmpty }

    private mutating func endLine(_ take: ([UInt8]) throws(Fault) -> Void) throws(Fault) {
        defer { line.removeAll(keepingCapacity: true) }
        guard !line.isEmpty else {
            guard hasData else { return }
            let whole = data
            data.removeAll(keepingCapacity: true)
            hasData = false
            return try take(whole)
        }
        guard line.starts(with: "data:".utf8) else { return }
        if hasData { data.append(0x0A) }
        var value = line.dropFirst("data:".utf8.count)
        if value.first == 0x20 { value = value.dropFirst() }
        data += value
        hasData = true
    }
}
