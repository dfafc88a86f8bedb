import Testing

@testable import Calibration

@Suite("Shares")
struct ApportionmentTests {
    @Test("shares add up to the whole and follow the weights")
    func shares() {
        #expect(Apportionment.shares(of: 10, weights: [1, 1, 1]) == [4, 3, 3])
        #expect(Apportionment.shares(of: 128, weights: [0.5, 0.25, 0.25]) == [64, 32, 32])
        #expect(Apportionment.shares(of: 2, weights: [1, 1000]) == [0, 2])
        for total in 0..<50 {
            #expect(Apportionment.shares(of: total, weights: [0.1, 2.7, 1e-3, 33]).reduce(0, +) == total)
        }
    }
}
