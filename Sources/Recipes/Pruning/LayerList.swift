import Faults
import Settings

/// Layers by number, "0,1,-1": from 0 on, or from the end as −1, −2, ….
public struct LayerList: OptionValue, Hashable {
    public let numbers: [Int]

    public init(parsing text: String) throws(Fault) {
        var list: [Int] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let number: Int = PlainNumber.integer(String(part)), part != "-0" else {
                throw Fault(
                    .usage, "the list of layers is invalid", found: String(part),
                    expected: "numbers such as 0,1,-1: from 0 on, or from the end as -1")
            }
            list.append(number)
        }
        numbers = list
    }

    public var text: String { numbers.map(String.init).joined(separator: ",") }

    /// Their numbers from 0 on in a model of so many layers.
    ///
    /// - Throws: `usage` for a layer that is not there.
    public func layers(of count: Int) throws(Fault) -> Set<Int> {
        for number in numbers where !(-count..<count).contains(number) {
            throw Fault(
                .usage, "the model has no such layer", place: "--skip-layers", found: "\(number)",
                expected: "a number from \(-count) to \(count - 1)")
        }
        return Set(numbers.map { $0 < 0 ? count + $0 : $0 })
    }
}
