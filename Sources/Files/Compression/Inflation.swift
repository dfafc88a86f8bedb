import Faults

/// DEFLATE (RFC 1951): what stands in one compressed stream, given out part by part.
struct Inflation {
    /// As far as a match can lie behind.
    private static let window = 1 << 15
    private static let partSize = 1 << 20

    private static let lengthBases = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227,
        258,
    ]
    private static let lengthBits = [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
    ]
    private static let distanceBases = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
        6145,
        8193, 12289, 16385, 24577,
    ]
    private static let distanceBits = [
        0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
    ]
    /// The order in which the lengths of the lengths' own code are written.
    private static let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

    private let file: String
    /// The last 32 KiB that were given out, and what was not yet.
    private var out: [UInt8] = []
    private var given = 0

    init(file: String) {
        self.file = file
        out.reserveCapacity(Inflation.window + Inflation.partSize + 65_536)
    }

    /// - Parameter take: given the bytes in their order, at most a little more than a MiB at a time.
    /// - Throws: `badData` for a stream that is not well formed, and what `take` throws.
    mutating func run(
        _ bits: inout BitReader, _ take: (ArraySlice<UInt8>) throws(Fault) -> Void
    ) throws(Fault) {
        var isLast = false
        while !isLast {
            isLast = try bits.take(1) == 1
            switch try bits.take(2) {
            case 0: try stored(&bits, take)
            case 1: try block(&bits, try fixed(bits), take)
            case 2: try block(&bits, try dynamic(&bits), take)
            default: throw malformed(bits, "a block of an unknown kind")
            }
        }
        try take(out[given...])
        out = []
    }

    private struct Codes {
        var literals: HuffmanTable
        var distances: HuffmanTable
    }

    private mutating func stored(
        _ bits: inout BitReader, _ take: (ArraySlice<UInt8>) throws(Fault) -> Void
    ) throws(Fault) {
        bits.align()
        var words = [0, 0]
        for index in 0...1 {
            let low = Int(try bits.byte())
            words[index] = low | Int(try bits.byte()) << 8
        }
        guard words[0] == words[1] ^ 0xFFFF else { throw malformed(bits, "a length that its copy contradicts") }
        for _ in 0..<words[0] { out.append(try bits.byte()) }
        try giveOut(take)
    }

    private func fixed(_ bits: BitReader) throws(Fault) -> Codes {
        let lengths = (0..<288).map { UInt8($0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8) }
        return try codes(bits, lengths[...], [UInt8](repeating: 5, count: 32)[...])
    }

    private func dynamic(_ bits: inout BitReader) throws(Fault) -> Codes {
        let literals = try bits.take(5) + 257
        let distances = try bits.take(5) + 1
        let count = try bits.take(4) + 4
        guard literals <= 286, distances <= 30 else { throw malformed(bits, "too many symbols") }
        var lengths = [UInt8](repeating: 0, count: 19)
        for index in 0..<count { lengths[Inflation.order[index]] = UInt8(try bits.take(3)) }
        guard let table = HuffmanTable(lengths: lengths) else { throw malformed(bits, "an invalid code") }
        lengths = []
        while lengths.count < literals + distances {
            let symbol = try self.symbol(&bits, table)
            switch symbol {
            case 0..<16: lengths.append(UInt8(symbol))
            case 16:
                guard let last = lengths.last else { throw malformed(bits, "a repetition of nothing") }
                lengths += Array(repeating: last, count: try bits.take(2) + 3)
            case 17: lengths += Array(repeating: 0, count: try bits.take(3) + 3)
            default: lengths += Array(repeating: 0, count: try bits.take(7) + 11)
            }
        }
        // A block without its end would have none.
        guard lengths.count == literals + distances, lengths[256] > 0 else {
            throw malformed(bits, "a list of lengths that does not fit")
        }
        return try codes(bits, lengths[..<literals], lengths[literals...])
    }

    private func codes(
        _ bits: BitReader, _ literals: ArraySlice<UInt8>, _ distances: ArraySlice<UInt8>
    ) throws(Fault) -> Codes {
        guard let literals = HuffmanTable(lengths: literals), let distances = HuffmanTable(lengths: distances) else {
            throw malformed(bits, "an invalid code")
        }
        return Codes(literals: literals, distances: distances)
    }

    private func symbol(_ bits: inout BitReader, _ table: HuffmanTable) throws(Fault) -> Int {
        let (symbol, length) = table.symbol(try bits.peek(table.width))
        guard length > 0 else { throw malformed(bits, "bits that are not in the code") }
        try bits.skip(length)
        return symbol
    }

    private mutating func block(
        _ bits: inout BitReader, _ codes: Codes, _ take: (ArraySlice<UInt8>) throws(Fault) -> Void
    ) throws(Fault) {
        while true {
            let symbol = try self.symbol(&bits, codes.literals)
            if symbol < 256 {
                out.append(UInt8(symbol))
            } else if symbol == 256 {
                return
            } else {
                guard symbol - 257 < Inflation.lengthBases.count else { throw malformed(bits, "an unknown length") }
                let length =
                    Inflation.lengthBases[symbol - 257] + (try bits.take(Inflation.lengthBits[symbol - 257]))
                let code = try self.symbol(&bits, codes.distances)
                guard code < Inflation.distanceBases.count else { throw malformed(bits, "an unknown distance") }
                let distance = Inflation.distanceBases[code] + (try bits.take(Inflation.distanceBits[code]))
                guard distance <= out.count else { throw malformed(bits, "a distance beyond the beginning") }
                // A match may reach into itself.
                let start = out.count - distance
                for index in start..<start + length { out.append(out[index]) }
            }
            if out.count - given >= Inflation.partSize { try giveOut(take) }
        }
    }

    /// Gives out what there is, and keeps what matches can reach.
    private mutating func giveOut(_ take: (ArraySlice<UInt8>) throws(Fault) -> Void) throws(Fault) {
        guard out.count - given >= Inflation.partSize else { return }
        try take(out[given...])
        out.removeFirst(max(0, out.count - Inflation.window))
        given = out.count
    }

    private func malformed(_ bits: BitReader, _ found: String) -> Fault {
        Fault(
            .badData, "the compressed data is damaged", file: file, place: "byte \(bits.position)", found: found,
            advice: "download or copy the file again")
    }
}
