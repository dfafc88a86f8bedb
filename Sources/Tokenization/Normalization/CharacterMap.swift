import Faults
import Foundation

/// SentencePiece's table of characters (`Precompiled`): a trie over UTF-8, in an array of units with offsets, whose
/// leaves are places in a text of replacements.
struct CharacterMap: Sendable {
    private let units: [UInt32]
    private let replacements: [UInt8]
    /// The most bytes that one byte of a text can become.
    let growth: Double

    /// - Throws: `badData` for what is not such a table.
    init(base64: String, place: String) throws(Fault) {
        guard let data = Data(base64Encoded: base64).map(Array.init), data.count >= 4 else {
            throw CharacterMap.broken(place, "no bytes in base 64")
        }
        let size = CharacterMap.unit(data, 0)
        guard size % 4 == 0, size > 0, Int(size) <= data.count - 4 else {
            throw CharacterMap.broken(place, "a trie of \(size) bytes in \(data.count)")
        }
        units = (0..<Int(size) / 4).map { CharacterMap.unit(data, 4 + 4 * $0) }
        replacements = Array(data[(4 + Int(size))...])
        guard String(validating: replacements, as: UTF8.self) != nil else {
            throw CharacterMap.broken(place, "replacements that are not UTF-8")
        }
        growth = CharacterMap.growth(units, replacements)
    }

    /// The most that an entry makes of a byte, over all entries that a look-up can reach.
    ///
    /// A unit is the child of every node whose offset leads to it, so the fewest bytes that lead anywhere are found by
    /// going over all units once for every byte that a look-up takes.
    private static func growth(_ units: [UInt32], _ replacements: [UInt8]) -> Double {
        // How many bytes of replacement start at every place.
        var lengths = [Int32](repeating: 0, count: replacements.count + 1)
        for at in replacements.indices.reversed() where replacements[at] != 0 { lengths[at] = lengths[at + 1] + 1 }
        guard let root = units.first else { return 1 }
        var most = 1.0
        // A label is below 256 and changes the low bits alone, so what lies within the units may be reached from above.
        var depths = [UInt8](repeating: .max, count: (units.count | 0xFF) + 1)
        guard depths.indices.contains(offset(root)) else { return 1 }
        depths[offset(root)] = 0
        for depth in 1...UInt8(longestKey) {
            for (index, unit) in units.enumerated() where unit & 0x8000_0000 == 0 && unit & 0xFF != 0 {
                guard depths[index ^ Int(unit & 0xFF)] == depth - 1 else { continue }
                let node = index ^ offset(unit)
                if unit & 0x100 != 0, units.indices.contains(node) {
                    let place = Int(units[node] & 0x7FFF_FFFF)
                    if place < lengths.count { most = max(most, Double(lengths[place]) / Double(depth)) }
                } else if depths.indices.contains(node), depths[node] > depth {
                    depths[node] = depth
                }
            }
        }
        return most
    }

    /// A character of up to so many bytes is looked up as a whole.
    private static let longestKey = 5

    /// Each character whose table entry says so is replaced; a character of up to five bytes is looked up as a whole
    /// first, as the reference does, which then takes the entry of its first scalars for all of it.
    func apply(to text: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(text.count)
        for character in String(decoding: text, as: UTF8.self) {
            let bytes = Array(character.utf8)
            if bytes.count <= CharacterMap.longestKey, let replacement = replacement(for: bytes[...]) {
                output += replacement
                continue
            }
            bytes.forEachScalar { scalar in
                if let replacement = replacement(for: scalar) { output += replacement } else { output += scalar }
            }
        }
        return output
    }

    /// The replacement of the shortest entry that the bytes start with.
    private func replacement(for bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let root = unit(0) else { return nil }
        var node = CharacterMap.offset(root)
        for byte in bytes where byte != 0 {
            node ^= Int(byte)
            guard let found = unit(node), found & 0x8000_00FF == UInt32(byte) else { return nil }
            node ^= CharacterMap.offset(found)
            guard found & 0x100 != 0 else { continue }
            guard let leaf = unit(node), Int(leaf & 0x7FFF_FFFF) <= replacements.count else { return nil }
            return replacements[Int(leaf & 0x7FFF_FFFF)...].prefix { $0 != 0 }
        }
        return nil
    }

    private func unit(_ index: Int) -> UInt32? { units.indices.contains(index) ? units[index] : nil }

    private static func offset(_ unit: UInt32) -> Int { Int(unit >> 10) << Int((unit & 0x200) >> 6) }

    private static func unit(_ data: [UInt8], _ at: Int) -> UInt32 {
        data[at..<at + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }

    private static func broken(_ place: String, _ found: String) -> Fault {
        Fault(
            .badData, "the tokenizer's table of characters is invalid", place: "\(place).precompiled_charsmap",
            found: found, expected: "a SentencePiece table in base 64")
    }
}

extension [UInt8] {
    /// Calls with every scalar of valid UTF-8.
    fileprivate func forEachScalar(_ body: (ArraySlice<UInt8>) -> Void) {
        var at = 0
        while at < count {
            let length = self[at] < 0x80 ? 1 : self[at] < 0xE0 ? 2 : self[at] < 0xF0 ? 3 : 4
            body(self[at..<Swift.min(at + length, count)])
            at += length
        }
    }
}
