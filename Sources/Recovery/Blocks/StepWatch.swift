import Torch

/// Clocks the parts of an optimizer's step that changes nothing.
struct StepWatch {
    private(set) var seconds = 0.0

    mutating func measure<Value, Failure>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
        let start = ContinuousClock.now
        defer { seconds += start.duration(to: .now) / .seconds(1) }
        return try body()
    }

    /// Moves a parameter, and puts master, moments and leaf back to the bit.
    mutating func rehearse(_ parameter: TrainedParameter, _ gradient: Tensor, _ optimizer: AdamW) {
        let state = [parameter.master.detached(), parameter.first, parameter.second]
        let kept = state.map { $0.clone() }
        measure {
            _ = parameter.squareSum(of: gradient)
            optimizer.move(parameter, gradient: gradient, factor: 1, rate: 1e-6, step: 1)
        }
        for (values, before) in zip(state, kept) { values.copy(from: before) }
        parameter.refresh()
    }
}
