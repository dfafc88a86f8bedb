import Faults
import Files

/// Reads a GGUF header from its beginning, never past the end of the file, through a window of limited size.
struct GGUFCursor {
    let file: InputFile
    /// Bytes from the beginning of the file to the next unread byte.
    private(set) var offset = 0
    private var window: [UInt8] = []
    private var windowStart = 0

    /// A header that is longer is refused even in a larger file; those of real models have some 10 MB.
    static let lengthLimit: UInt64 = 1 << 29

    init(_ file: InputFile) { self.file = file }

    var remaining: Int { file.size - offset }

    mutating func bytes(_ count: Int, _ what: String) throws(Fault) -> ArraySlice<UInt8> {
        try check(count, what)
        if offset + count > windowStart + window.count {
            window = try file.bytes(at: offset, count: min(max(count, 1 << 20), remaining))
            windowStart = offset
        }
        defer { offset += count }
        return window[offset - windowStart..<offset - windowStart + count]
    }

    /// Bytes that are kept, read without a copy in the window.
    mutating func wholeBytes(_ count: Int, _ what: String) throws(Fault) -> [UInt8] {
        guard count > 1 << 20 else { return Array(try bytes(count, what)) }
        try check(count, what)
        defer { offset += count }
        return try file.bytes(at: offset, count: count)
    }

    private func check(_ count: Int, _ what: String) throws(Fault) {
        guard count <= remaining else { throw truncated(what, needed: count) }
        guard UInt64(offset + count) <= GGUFCursor.lengthLimit else {
            throw Fault(
                .badData, "the header of the GGUF file is too long", file: file.path, place: "byte \(offset), \(what)",
                found: "at least \(offset + count) bytes", expected: "at most \(GGUFCursor.lengthLimit)",
                advice: "the file is damaged or malicious; download it again from a source that you trust")
        }
    }

    private func truncated(_ what: String, needed: Int) -> Fault {
        Fault(
            .badData, "the GGUF file ends inside its header; was the download cut off?", file: file.path,
            place: "byte \(offset), \(what)", found: "\(remaining) bytes left", expected: "at least \(needed)",
            advice: "download the file again and compare its size with the source's")
    }

    mutating func uint32(_ what: String) throws(Fault) -> UInt32 {
        try bytes(4, what).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }

    mutating func uint64(_ what: String) throws(Fault) -> UInt64 {
        try bytes(8, what).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }

    /// A number of things of at least `size` bytes each, which must fit into the rest of the file.
    mutating func count(_ what: String, size: Int, limit: UInt64 = lengthLimit) throws(Fault) -> Int {
        let start = offset
        let count = try uint64(what)
        guard count <= limit, count <= UInt64(remaining / size) else {
            throw Fault(
                .badData, "a length in the GGUF header is impossible", file: file.path, place: "byte \(start), \(what)",
                found: "\(count)", expected: "at most \(min(limit, UInt64(remaining / size)))",
                advice: "the file is damaged or malicious; download it again from a source that you trust")
        }
        return Int(count)
    }

    mutating func string(_ what: String) throws(Fault) -> String {
        let length = try count(what, size: 1)
        let start = offset
        guard let string = String(validating: try bytes(length, what), as: UTF8.self) else {
            throw notUTF8(start, what)
        }
        return string
    }

    func notUTF8(_ start: Int, _ what: String) -> Fault {
        Fault(.badData, "a string of the GGUF header is not UTF-8", file: file.path, place: "byte \(start), \(what)")
    }
}
