import Faults
import Settings

/// Selection stages of an evolutionary search, "16:2048,4:16384,1:131072": in each, so many candidates survive what
/// they are measured on, in tokens. The last leaves one.
public struct SelectionStages: OptionValue, Hashable {
    public struct Stage: Hashable, Sendable {
        public var survivors: Int
        public var tokens: Int
    }

    public let stages: [Stage]

    public init(parsing text: String) throws(Fault) {
        func fault(_ summary: String, _ found: String) -> Fault {
            Fault(
                .usage, summary, found: found, expected: "survivors:tokens,… such as 16:2048,4:16384,1:131072",
                advice: "fewer survivors on more tokens from stage to stage, one in the last")
        }
        var list: [Stage] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let numbers = part.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard numbers.count == 2, let survivors: Int = PlainNumber.integer(numbers[0]),
                let tokens: Int = PlainNumber.integer(numbers[1]), survivors > 0, tokens > 0
            else { throw fault("the selection stages are invalid", String(part)) }
            if let last = list.last, survivors >= last.survivors || tokens < last.tokens {
                throw fault("a selection stage does not follow from the one before", String(part))
            }
            list.append(Stage(survivors: survivors, tokens: tokens))
        }
        guard list.last?.survivors == 1 else { throw fault("the last selection stage leaves more than one", text) }
        stages = list
    }

    public var text: String { stages.map { "\($0.survivors):\($0.tokens)" }.joined(separator: ",") }
}
