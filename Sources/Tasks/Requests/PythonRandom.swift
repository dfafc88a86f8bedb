/// Python's `random.Random`: the Mersenne Twister MT19937 (Matsumoto and Nishimura 1998), seeded by a whole number.
///
/// lm-evaluation-harness draws its examples with it, so the same seed has to draw the same ones here.
struct PythonRandom {
    private var state: [UInt32]
    private var index = 624

    init(seed: UInt32) {
        state = [UInt32](repeating: 0, count: 624)
        state[0] = 19_650_218
        for i in 1..<624 { state[i] = 1_812_433_253 &* (state[i - 1] ^ (state[i - 1] >> 30)) &+ UInt32(i) }
        // The seed is a key of one word.
        var i = 1
        for _ in 0..<624 {
            state[i] = (state[i] ^ ((state[i - 1] ^ (state[i - 1] >> 30)) &* 1_664_525)) &+ seed
            i += 1
            if i == 624 {
                state[0] = state[623]
                i = 1
            }
        }
        for _ in 0..<623 {
            state[i] = (state[i] ^ ((state[i - 1] ^ (state[i - 1] >> 30)) &* 1_566_083_941)) &- UInt32(i)
            i += 1
            if i == 624 {
                state[0] = state[623]
                i = 1
            }
        }
        state[0] = 0x8000_0000
    }

    mutating func next() -> UInt32 {
        if index == 624 { twist() }
        var y = state[index]
        index += 1
        y ^= y >> 11
        y ^= (y << 7) & 0x9D2C_5680
        y ^= (y << 15) & 0xEFC6_0000
        return y ^ (y >> 18)
    }

    private mutating func twist() {
        state.withUnsafeMutableBufferPointer { state in
            func mixed(_ high: UInt32, _ low: UInt32) -> UInt32 {
                let y = (high & 0x8000_0000) | (low & 0x7FFF_FFFF)
                return (y >> 1) ^ (y & 1 == 0 ? 0 : 0x9908_B0DF)
            }
            for i in 0..<227 { state[i] = state[i + 397] ^ mixed(state[i], state[i + 1]) }
            for i in 227..<623 { state[i] = state[i - 227] ^ mixed(state[i], state[i + 1]) }
            state[623] = state[396] ^ mixed(state[623], state[0])
        }
        index = 0
    }

    /// `random()`: 53 bits in [0, 1).
    mutating func unit() -> Double {
        let high = Double(next() >> 5)
        let low = Double(next() >> 6)
        return (high * 67_108_864 + low) / 9_007_199_254_740_992
    }

    /// A number below `limit`, at least 1.
    private mutating func below(_ limit: Int) -> Int {
        let bits = Int.bitWidth - limit.leadingZeroBitCount
        while true {
            let value = Int(next() >> (32 - UInt32(bits)))
            if value < limit { return value }
        }
    }

    /// `sample(range(population), count)`, for populations below 2³² and at most that many.
    mutating func sample(_ population: Int, _ count: Int) -> [Int] {
        // Small populations are shuffled, large ones drawn from until enough different numbers came.
        var pooled = 21
        if count > 5 {
            var power = 1
            while power < count * 3 { power *= 4 }
            pooled += power
        }
        if population <= pooled {
            var pool = Array(0..<population)
            return (0..<count).map { drawn in
                let choice = below(population - drawn)
                defer { pool[choice] = pool[population - drawn - 1] }
                return pool[choice]
            }
        }
        var chosen = Set<Int>()
        return (0..<count).map { _ in
            var choice = below(population)
            while !chosen.insert(choice).inserted { choice = below(population) }
            return choice
        }
    }
}
