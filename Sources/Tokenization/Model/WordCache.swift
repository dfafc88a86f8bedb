/// Words already encoded: text → ids. Bounded; when full it starts anew.
struct WordCache {
    /// Longer words are rare and not worth a place.
    static let longestWord = 64

    private struct Slot {
        var hash: UInt64 = 0
        var key: Int32 = 0
        var ids: Int32 = 0
        var keyCount: UInt8 = 0
        var idCount: UInt8 = 0
    }

    private static let mostSlots = 1 << 17
    private static let probes = 8

    private var slots = [Slot](repeating: Slot(), count: 1 << 10)
    private var used = 0
    private var keys: [UInt8] = []
    private var ids: [Int32] = []

    /// Appends the ids of a word to `output` if it is known.
    @inline(__always)
    func append(_ word: UTF8Text, hash: UInt64, to output: inout [Int32]) -> Bool {
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        for _ in 0..<WordCache.probes {
            let found = slots[slot]
            if found.keyCount == 0 { return false }
            if found.hash == hash, Int(found.keyCount) == word.count, isKey(found, word) {
                let start = Int(found.ids)
                for index in start..<start + Int(found.idCount) { output.append(ids[index]) }
                return true
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return false
    }

    /// Remembers a word of 1 to `longestWord` bytes.
    mutating func insert(_ word: UTF8Text, hash: UInt64, ids new: ArraySlice<Int32>) {
        guard new.count <= Int(UInt8.max) else { return }
        if used * 2 >= slots.count { grow() }
        let slot = Slot(
            hash: hash, key: Int32(keys.count), ids: Int32(ids.count), keyCount: UInt8(word.count),
            idCount: UInt8(new.count))
        guard place(slot) else { return }
        keys.append(contentsOf: word)
        ids.append(contentsOf: new)
        used += 1
    }

    static func hash(_ word: UTF8Text) -> UInt64 {
        let raw = UnsafeRawBufferPointer(word)
        var state = 0x9E37_79B9_7F4A_7C15 ^ UInt64(truncatingIfNeeded: word.count)
        var at = 0
        while at + 8 <= raw.count {
            state = mixed(state ^ raw.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            at += 8
        }
        var rest: UInt64 = 0
        while at < raw.count {
            rest = rest << 8 | UInt64(raw[at])
            at += 1
        }
        return mixed(state ^ rest)
    }

    @inline(__always)
    private static func mixed(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
        return product.high ^ product.low
    }

    @inline(__always)
    private func isKey(_ slot: Slot, _ word: UTF8Text) -> Bool {
        let start = Int(slot.key)
        for offset in 0..<word.count where keys[start + offset] != word[offset] { return false }
        return true
    }

    /// False where too many neighbours are taken: texts that aim at collisions lose the cache, not the time.
    private mutating func place(_ new: Slot) -> Bool {
        var slot = Int(truncatingIfNeeded: new.hash) & (slots.count - 1)
        for _ in 0..<WordCache.probes {
            if slots[slot].keyCount == 0 {
                slots[slot] = new
                return true
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return false
    }

    private mutating func grow() {
        if slots.count >= WordCache.mostSlots {
            slots = Array(repeating: Slot(), count: slots.count)
            keys.removeAll(keepingCapacity: true)
            ids.removeAll(keepingCapacity: true)
            used = 0
            return
        }
        let old = slots
        slots = Array(repeating: Slot(), count: old.count * 4)
        used = 0
        for slot in old where slot.keyCount > 0 && place(slot) { used += 1 }
    }
}
