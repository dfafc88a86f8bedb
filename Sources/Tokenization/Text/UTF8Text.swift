/// UTF-8 text in memory owned by someone else. It is valid UTF-8 wherever this type appears: the entry points check.
typealias UTF8Text = UnsafeBufferPointer<UInt8>

extension UnsafeBufferPointer<UInt8> {
    /// A part of the text, counted from 0.
    @inline(__always)
    func part(_ range: Range<Int>) -> UTF8Text { UTF8Text(rebasing: self[range]) }

    /// The scalar that starts at `index` and its length in bytes.
    @inline(__always)
    func scalar(at index: Int) -> (value: UInt32, length: Int) {
        let first = self[index]
        if first < 0x80 { return (UInt32(first), 1) }
        if first < 0xE0 { return (UInt32(first & 0x1F) << 6 | tail(index + 1), 2) }
        if first < 0xF0 { return (UInt32(first & 0x0F) << 12 | tail(index + 1) << 6 | tail(index + 2), 3) }
        return (UInt32(first & 0x07) << 18 | tail(index + 1) << 12 | tail(index + 2) << 6 | tail(index + 3), 4)
    }

    /// The start of the scalar that ends before `index`, which is above 0.
    @inline(__always)
    func start(ofScalarBefore index: Int) -> Int {
        var start = index - 1
        while start > 0, self[start] & 0xC0 == 0x80 { start -= 1 }
        return start
    }

    /// Whether `other` stands at `index`.
    @inline(__always)
    func has(_ other: [UInt8], at index: Int) -> Bool {
        guard count - index >= other.count else { return false }
        for offset in 0..<other.count where self[index + offset] != other[offset] { return false }
        return true
    }

    @inline(__always)
    private func tail(_ index: Int) -> UInt32 { UInt32(self[index] & 0x3F) }
}

extension UnsafeBufferPointer<UInt8> {
    /// The places where `pattern` stands, from the left, not overlapping.
    func occurrences(of pattern: [UInt8]) -> [Range<Int>] {
        var found: [Range<Int>] = []
        eachOccurrence(of: pattern) { found.append($0) }
        return found
    }

    /// The same, one after another: of a long text there are so many that a list of them is larger than it.
    func eachOccurrence(of pattern: [UInt8], _ body: (Range<Int>) -> Void) {
        guard let first = pattern.first else { return }
        var at = 0
        while at + pattern.count <= count {
            if self[at] == first, has(pattern, at: at) {
                body(at..<at + pattern.count)
                at += pattern.count
            } else {
                at += 1
            }
        }
    }

    /// The places of the scalars that a rule picks, each on its own.
    func scalars(where isPicked: (UInt32) -> Bool) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var at = 0
        while at < count {
            let (value, length) = scalar(at: at)
            if isPicked(value) { found.append(at..<at + length) }
            at += length
        }
        return found
    }

    /// The text with every occurrence of `pattern` replaced, after what is to stand before it.
    func replacingOccurrences(
        of pattern: [UInt8], with content: [UInt8], after prefix: [UInt8] = []
    ) -> [UInt8] {
        var occurrences = 0
        if content.count > pattern.count { eachOccurrence(of: pattern) { _ in occurrences += 1 } }
        var output: [UInt8] = []
        output.reserveCapacity(prefix.count + count + occurrences * (content.count - pattern.count))
        output.append(contentsOf: prefix)
        var end = 0
        eachOccurrence(of: pattern) { range in
            output.append(contentsOf: self[end..<range.lowerBound])
            output.append(contentsOf: content)
            end = range.upperBound
        }
        output.append(contentsOf: self[end...])
        return output
    }

    /// The text with parts of it replaced, which are in order and do not overlap.
    func replacing(_ ranges: [Range<Int>], with content: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(count)
        var end = 0
        for range in ranges {
            output.append(contentsOf: self[end..<range.lowerBound])
            output.append(contentsOf: content)
            end = range.upperBound
        }
        output.append(contentsOf: self[end...])
        return output
    }
}
