import Faults

/// What is wrong with the fault that `body` throws, in words: nothing where it is of the kind and says the words.
public func faultMistakes<Value>(_ kind: Fault.Kind, _ words: [String], from body: () throws -> Value) -> [String] {
    do {
        _ = try body()
        return ["nothing was thrown"]
    } catch let fault as Fault {
        let missing = words.filter { !fault.description.contains($0) }.map { "no '\($0)' in: \(fault)" }
        return (fault.kind == kind ? [] : ["\(fault.kind) instead of \(kind): \(fault)"]) + missing
    } catch {
        return ["not a Fault: \(error)"]
    }
}
