import Testing

@testable import Checkpoints

struct FloatConversionTests {
    /// Every float16 but the NaNs survives the way to float32 and back.
    @Test func everyHalfSurvivesTheRoundTrip() {
        var wrong = 0
        for bits in UInt16.min...UInt16.max where bits & 0x7FFF <= 0x7C00 {
            if FloatConversion.half(FloatConversion.float(half: bits)) != bits { wrong += 1 }
        }
        #expect(wrong == 0)
        #expect(FloatConversion.float(half: 0x3C00) == 1)
        #expect(FloatConversion.float(half: 0x0001) == 0x1p-24)
        #expect(FloatConversion.float(half: 0xFC00) == -.infinity)
        #expect(FloatConversion.float(half: 0x7E00).isNaN)
    }

    @Test func roundingIsToNearestEven() {
        #expect(FloatConversion.half(1 + 0x1p-11) == 0x3C00)
        #expect(FloatConversion.half(1 + 3 * 0x1p-11) == 0x3C02)
        #expect(FloatConversion.half(65519) == 0x7BFF)
        #expect(FloatConversion.half(65520) == 0x7C00)
        #expect(FloatConversion.half(0x1p-25) == 0)
        #expect(FloatConversion.half(0x1.8p-25) == 1)
        #expect(FloatConversion.half(-.nan) & 0x7E00 == 0x7E00)
        #expect(FloatConversion.brain(1 + 0x1p-8) == 0x3F80)
        #expect(FloatConversion.brain(1 + 3 * 0x1p-8) == 0x3F82)
        #expect(FloatConversion.brain(.nan) & 0x7FC0 == 0x7FC0)
    }

    @Test func overflowsAreCounted() throws {
        let narrowed = try #require(FloatConversion.narrow([1, 70000, -1e9, .infinity], to: .f16))
        #expect(narrowed.overflows == 2)
        #expect(narrowed.bytes == [0x00, 0x3C, 0x00, 0x7C, 0x00, 0xFC, 0x00, 0x7C])
        #expect(FloatConversion.narrow([1], to: .i32) == nil)
    }
}
