import Faults

/// The bits of a compressed stream, lowest first in each byte, read from a file part by part.
struct BitReader {
    private let file: InputFile
    private var part: [UInt8] = []
    private var at = 0
    /// Bytes of the file that were taken into `part` so far.
    private var taken = 0
    private var bits: UInt64 = 0
    private var bitCount = 0

    private static let readAtOnce = 1 << 18

    init(_ file: InputFile) { self.file = file }

    /// Bytes of the file that are used up, the one that is begun among them.
    var position: Int { taken - (part.count - at) - bitCount / 8 }

    /// Fills up the bits as far as there is more.
    private mutating func fill() throws(Fault) {
        while bitCount <= 56 {
            if at == part.count {
                let count = min(BitReader.readAtOnce, file.size - taken)
                guard count > 0 else { return }
                part = try file.bytes(at: taken, count: count)
                taken += count
                at = 0
            }
            bits |= UInt64(part[at]) << UInt64(bitCount)
            at += 1
            bitCount += 8
        }
    }

    /// The next bits without taking them, zeros after the end of the file; at most 15.
    mutating func peek(_ count: Int) throws(Fault) -> Int {
        if bitCount < count { try fill() }
        return Int(bits & ((1 << UInt64(count)) - 1))
    }

    /// Takes bits that were looked at.
    ///
    /// - Throws: `badData` where the file has not so many.
    mutating func skip(_ count: Int) throws(Fault) {
        guard bitCount >= count else { throw ended }
        bits >>= UInt64(count)
        bitCount -= count
    }

    mutating func take(_ count: Int) throws(Fault) -> Int {
        let value = try peek(count)
        try skip(count)
        return value
    }

    mutating func byte() throws(Fault) -> UInt8 { UInt8(try take(8)) }

    /// Goes on at the next whole byte.
    mutating func align() {
        let rest = bitCount % 8
        bits >>= UInt64(rest)
        bitCount -= rest
    }

    /// Whether all is taken.
    mutating func isAtEnd() throws(Fault) -> Bool {
        if bitCount == 0 { try fill() }
        return bitCount == 0
    }

    private var ended: Fault {
        Fault(
            .badData, "the compressed file ends early", file: file.path, place: "byte \(file.size)",
            advice: "download or copy it again")
    }
}
