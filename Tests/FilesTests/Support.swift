import Faults
import Testing

/// The fault that `body` throws; another error or none fails the test.
func fault<Value>(
    _ kind: Fault.Kind, _ words: String..., at location: SourceLocation = #_sourceLocation,
    from body: () throws -> Value
) {
    do {
        _ = try body()
        Issue.record("nothing was thrown", sourceLocation: location)
    } catch let fault as Fault {
        #expect(fault.kind == kind, "\(fault)", sourceLocation: location)
        for word in words {
            #expect(fault.description.contains(word), "no '\(word)' in: \(fault)", sourceLocation: location)
        }
    } catch {
        Issue.record("not a Fault: \(error)", sourceLocation: location)
    }
}
