import Crypto
import Faults
import Foundation
import JSONText

/// The lines of a text file, one after another, checked to be clean UTF-8; memory holds one line and one buffer.
///
/// Lines end at LF or CRLF; a byte-order mark at the beginning is skipped.
public struct LineReader {
    public struct Line {
        /// From 1.
        public var number: Int
        /// Bytes from the beginning of the file.
        public var offset: Int
        /// Without the line's end.
        public var bytes: [UInt8]

        public var isBlank: Bool { bytes.allSatisfy { $0 == 32 || (9...13).contains($0) } }
    }

    /// The longest line that is read: 64 MiB.
    public static let longestLine = 1 << 26

    private static let readAtOnce = 1 << 20

    private let file: ByteFile
    private let longestLine: Int
    private var hash = SHA256()
    private var buffer: [UInt8] = []
    /// Where in the file the buffer begins, and where in the buffer the next line does.
    private var bufferOffset = 0
    private var at = 0
    private var number = 0

    public init(_ file: ByteFile, longestLine: Int = LineReader.longestLine) throws(Fault) {
        self.file = file
        self.longestLine = longestLine
        try fill()
        if let fault = BinaryContent.fault(buffer, file: file.path) { throw fault }
        if buffer.starts(with: [0xEF, 0xBB, 0xBF]) { at = 3 }
    }

    /// Bytes after it are still to be read: after an error, at the line after the wrong one; or at the wrong one
    /// itself, where that never ended.
    var offset: Int { bufferOffset + at }

    /// SHA-256 of what has been read; after the last line, of the file.
    public var digest: String { HexText.of(hash.finalize()) }

    /// - Throws: `Fault` of kind `badData` for a line that is too long, not UTF-8 or holds NUL.
    public mutating func next() throws(Fault) -> Line? {
        var end = at
        while true {
            if let newline = buffer[end...].firstIndex(of: 10) {
                return try line(to: newline, next: newline + 1)
            }
            end = buffer.count
            guard end - at <= longestLine else {
                throw fault(
                    number + 1, "a line is too long", found: "more than \(longestLine) bytes",
                    expected: "at most \(longestLine) bytes per line")
            }
            let kept = buffer.count - at
            guard try fill() else {
                return kept == 0 ? nil : try line(to: buffer.count, next: buffer.count)
            }
            end = kept
        }
    }

    private mutating func line(to end: Int, next: Int) throws(Fault) -> Line {
        number += 1
        let start = at
        at = next
        guard end - start <= longestLine else {
            throw fault(
                number, "a line is too long", found: "\(end - start) bytes",
                expected: "at most \(longestLine) bytes per line")
        }
        let offset = bufferOffset + start
        var bytes: [UInt8]
        if end - start > LineReader.readAtOnce {
            // A long line takes the buffer with it, so that it is in memory once.
            bytes = Array(buffer[next...])
            swap(&bytes, &buffer)
            bufferOffset += next
            at = 0
            bytes.removeSubrange(end...)
            bytes.removeFirst(start)
        } else {
            bytes = Array(buffer[start..<end])
        }
        if bytes.last == 13 { bytes.removeLast() }
        let line = Line(number: number, offset: offset, bytes: bytes)
        if bytes.contains(0) {
            throw fault(
                number, "the file looks like UTF-16: it contains a NUL byte",
                found: "byte \(line.offset + (bytes.firstIndex(of: 0) ?? 0))",
                expected: "text without NUL", advice: "convert it to UTF-8, or check that it is a text file")
        }
        guard UTF8Check.isValid(bytes) else {
            throw fault(
                number, "the line is not UTF-8", found: nil, expected: "UTF-8", advice: "convert the file to UTF-8")
        }
        return line
    }

    /// Drops what has been used and reads on; false at the end of the file.
    @discardableResult
    private mutating func fill() throws(Fault) -> Bool {
        bufferOffset += at
        buffer.removeFirst(at)
        at = 0
        let more = try file.bytes(at: bufferOffset + buffer.count, count: LineReader.readAtOnce)
        hash.update(data: more)
        if buffer.count + more.count > buffer.capacity {
            // By less than the double, which a long line would reach.
            buffer.reserveCapacity(max(buffer.count + more.count, buffer.count + buffer.count / 4))
        }
        buffer.append(contentsOf: more)
        return !more.isEmpty
    }

    private func fault(
        _ line: Int, _ summary: String, found: String?, expected: String, advice: String? = nil
    ) -> Fault {
        Fault(
            .badData, summary, file: file.path, place: "line \(line)", found: found, expected: expected, advice: advice)
    }
}
