/// Where the keys of an object's members stand: a hash table of four bytes a slot, for objects of many members.
struct JSONKeyTable: Sendable {
    /// Up to so many, looking through the keys is as fast as a table of them.
    private static let few = 8

    /// What the table takes for each member at most.
    static let bytesOfMember = 11

    /// Open addressing: a member's position plus one, or 0. Empty for few members.
    private var slots: [UInt32] = []

    func position(_ key: String, in members: [(key: String, value: JSONValue)]) -> Int? {
        guard !slots.isEmpty else {
            return members.firstIndex { $0.key.utf8.elementsEqual(key.utf8) }
        }
        var slot = JSONKeyTable.hash(key) & (slots.count - 1)
        while slots[slot] != 0 {
            let position = Int(slots[slot]) - 1
            if members[position].key.utf8.elementsEqual(key.utf8) { return position }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// Takes up the last member, whose key is new.
    mutating func noteLast(_ members: [(key: String, value: JSONValue)]) {
        guard members.count > JSONKeyTable.few else { return }
        if members.count * 4 > slots.count * 3 { rebuild(members) } else { insert(members.count - 1, members) }
    }

    mutating func rebuild(_ members: [(key: String, value: JSONValue)]) {
        guard members.count > JSONKeyTable.few else {
            slots = []
            return
        }
        var count = 16
        while count * 3 < members.count * 4 { count *= 2 }
        slots = []
        slots = [UInt32](repeating: 0, count: count)
        for position in members.indices { insert(position, members) }
    }

    private mutating func insert(_ position: Int, _ members: [(key: String, value: JSONValue)]) {
        var slot = JSONKeyTable.hash(members[position].key) & (slots.count - 1)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = UInt32(position + 1)
    }

    /// Seeded anew in every process: a hostile file cannot aim at collisions.
    private static func hash(_ key: String) -> Int { ExactText(key).hashValue }
}
