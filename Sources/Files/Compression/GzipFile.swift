import Faults

/// gzip (RFC 1952): one compressed stream after another, each with its check sum.
package struct GzipFile {
    /// Text is packed into a fifth, logs into a twentieth; what unpacks to more than this is a trap, or nothing to
    /// calibrate on.
    package static let mostGrowth = 250
    /// What anything may unpack to.
    package static let always = 64 << 20

    private let file: InputFile
    /// The most bytes that it may unpack to.
    private let limit: Int

    /// - Parameters:
    ///   - mostGrowth: times its size that the file may unpack to.
    ///   - always: bytes that any file may unpack to.
    package init(
        _ file: InputFile, mostGrowth: Int = GzipFile.mostGrowth, always: Int = GzipFile.always
    ) {
        self.file = file
        let (product, overflow) = file.size.multipliedReportingOverflow(by: mostGrowth)
        limit = overflow ? .max : max(always, product)
    }

    package static func isName(_ path: String) -> Bool {
        FileSystem.hasEnding(path, ".gz") || FileSystem.hasEnding(path, ".GZ")
    }

    /// Unpacks all streams.
    ///
    /// - Parameter take: given the bytes in their order, at most a little more than a MiB at a time.
    /// - Throws: `badData` for what is no gzip, is damaged or unpacks to far more than its size, and what `take`
    ///   throws.
    package func unpack(_ take: (ArraySlice<UInt8>) throws(Fault) -> Void) throws(Fault) {
        var bits = BitReader(file)
        var total = 0
        repeat {
            try header(&bits, isFirst: total == 0)
            var sum = CRC32()
            var count = 0
            var inflation = Inflation(file: file.path)
            try inflation.run(&bits) { (part) throws(Fault) in
                total += part.count
                guard total <= limit else { throw tooLarge }
                count += part.count
                sum.add(part)
                try take(part)
            }
            bits.align()
            let stored = try number(&bits)
            let size = try number(&bits)
            guard stored == sum.value, size == UInt32(truncatingIfNeeded: count) else {
                throw Fault(
                    .badData, "the compressed data is damaged", file: file.path, place: "byte \(bits.position)",
                    found: "a check sum or a size that is not that of the text",
                    advice: "download or copy the file again")
            }
        } while try !isOver(&bits)
    }

    /// Tapes and block devices leave zeros behind.
    private func isOver(_ bits: inout BitReader) throws(Fault) -> Bool {
        while try !bits.isAtEnd() {
            guard try bits.peek(8) == 0 else { return false }
            try bits.skip(8)
        }
        return true
    }

    private func number(_ bits: inout BitReader) throws(Fault) -> UInt32 {
        var value: UInt32 = 0
        for shift in stride(from: UInt32(0), to: 32, by: 8) { value |= UInt32(try bits.byte()) << shift }
        return value
    }

    private func header(_ bits: inout BitReader, isFirst: Bool) throws(Fault) {
        var start: [UInt8] = []
        while start.count < 10, try !bits.isAtEnd() { start.append(try bits.byte()) }
        guard start.count == 10, start.starts(with: [0x1F, 0x8B, 8]), start[3] & 0xE0 == 0 else {
            throw Fault(
                .badData,
                isFirst ? "the file is not gzip, although its name says so" : "something else follows the gzip data",
                file: file.path, place: "byte \(max(0, bits.position - start.count))", expected: "gzip data",
                advice: isFirst ? "rename it to match its content" : "download or copy the file again")
        }
        let flags = start[3]
        if flags & 4 != 0 {
            let low = Int(try bits.byte())
            for _ in 0..<(low | Int(try bits.byte()) << 8) { _ = try bits.byte() }
        }
        // A name and a comment, each ended by a zero.
        for flag in [UInt8(8), 16] where flags & flag != 0 { while try bits.byte() != 0 {} }
        if flags & 2 != 0 { for _ in 0..<2 { _ = try bits.byte() } }
    }

    private var tooLarge: Fault {
        Fault(
            .badData, "the file unpacks to far more than its size, like a decompression bomb", file: file.path,
            found: "more than \(CountText.of(limit, "byte")) of \(CountText.of(file.size))",
            advice: "if you trust it, unpack it yourself: gzip -dk \(ShellWord.quoted(file.path))")
    }
}
