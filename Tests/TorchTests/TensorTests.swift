import Faults
import Testing

@testable import Torch

/// Statistics, gradients on and off, and what the engine refuses.
struct TensorTests {
    @Test(arguments: [DType.float32, .bfloat16, .float16])
    func columnSquaresAddUpOverAllRowsAndCalls(_ type: DType) {
        var draws = Draws(1)
        let sums = Tensor.full([70], 2)
        var expected = [Double](repeating: 2, count: 70)
        for _ in 0..<2 {
            let x = draws.tensor([3, 5, 70]).to(type)
            sums.addColumnSquares(x)
            for (index, value) in x.floats().enumerated() { expected[index % 70] += Double(value) * Double(value) }
        }
        #expect(relativeError(sums.floats(), expected) < 1e-6)
    }

    /// Our own loops use the threads of the matrix products, all of them.
    @Test func aLongLoopIsDividedAmongTheThreads() {
        #expect(Engine.loopRanges == Engine.threads)
    }

    @Test func aColumnSquareOfATransposedViewIsThatOfItsColumns() {
        let x = Tensor([1.0, 2, 3, 4, 5, 6], shape: [2, 3]).transposed(0, 1)
        let sums = Tensor.zeros([2])
        sums.addColumnSquares(x)
        #expect(sums.floats() == [14, 77])
    }

    /// Narrow ones in one product, wide ones by blocks of their upper triangle; added to what is there, twice.
    @Test(arguments: [3, 512, 1027])
    func aGramMatrixIsTheSumOfOuterProducts(_ width: Int) {
        var draws = Draws(2)
        let x = draws.tensor([2, 2, width])
        let gram = Tensor.zeros([width, width])
        for _ in 0..<2 { gram.addGram(x, alpha: 0.25) }
        let values = x.floats().map(Double.init)
        var expected = [Double](repeating: 0, count: width * width)
        for row in stride(from: 0, to: values.count, by: width) {
            for a in 0..<width {
                let factor = 0.5 * values[row + a]
                for b in 0..<width { expected[a * width + b] += factor * values[row + b] }
            }
        }
        #expect(relativeError(gram.floats(), expected) < 1e-6)
    }

    @Test func nothingIsRecordedWithoutGradient() {
        let x = Tensor([3.0])
        x.requireGradient()
        Engine.withGradient(true) {
            // Taken as a constant: only the factor outside is differentiated.
            let constant = Engine.withoutGradient { x * x }
            (x * constant).sum().backward()
        }
        #expect(x.takeGradient().floats() == [9])
    }

    @Test func theGradientSwitchIsPutBackWhenTheBodyThrows() {
        let x = Tensor([3.0])
        x.requireGradient()
        Engine.withGradient(true) {
            do throws(Fault) {
                try Engine.withoutGradient { () throws(Fault) in throw Fault(.badData, "stop") }
            } catch {
                #expect(error.kind == .badData)
            }
            (x * x).sum().backward()
        }
        #expect(x.takeGradient().floats() == [6])
    }

    @Test func aTakenGradientIsGone() {
        let x = Tensor([2.0])
        x.requireGradient()
        for _ in 0..<2 {
            Engine.withGradient(true) { (x * x).sum().backward() }
            // It would be 8 the second time if the first had stayed.
            #expect(x.takeGradient().floats() == [4])
        }
    }

    @Test func aMatrixThatIsNotPositiveDefiniteHasNoFactor() throws {
        #expect(Tensor([1.0, 2, 2, 1], shape: [2, 2]).cholesky() == nil)
        let matrix = Tensor([4.0, 2, 2, 3], shape: [2, 2])
        let inverse = try #require(matrix.cholesky()).choleskyInverse()
        #expect(relativeError(inverse.matmul(matrix).floats(), [1.0, 0, 0, 1]) < 1e-6)
    }

    @Test func theLoadedLibraryIsTheOneBuiltFor() throws {
        try Engine.checkVersion()
        #expect(Engine.loadedVersion == Engine.version)
    }

    @Test func aDeviceThatIsNotThereIsAFaultWithAdvice() {
        // Far beyond what any machine has, so that the test holds on machines with GPUs too.
        #expect {
            try Engine.loadCUDA(index: 120)
        } throws: { error in
            guard let fault = error as? Fault else { return false }
            return fault.kind == .deviceUnavailable && fault.advice != nil
        }
    }

    @Test func nonFiniteValuesAreNoticed() {
        #expect(Tensor([1.0, -2]).allFinite())
        #expect(!Tensor([1, .nan]).allFinite())
        #expect(!Tensor([1, -.infinity]).to(.bfloat16).allFinite())
    }
}
