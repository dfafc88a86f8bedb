import ArgumentParser
import Faults
import Pruning
import Recipes

/// What help says of the methods, as they say it of themselves.
enum MethodHelp {
    private static let methods = MethodRegistry.standard.declared

    /// "wanda++, wanda or tyr", the standard one first.
    static var names: String {
        let others = methods.all.map(\.name).filter { $0 != standard }
        return others.isEmpty
            ? standard : ([standard] + others.dropLast()).joined(separator: ", ") + " or " + (others.last ?? "")
    }

    static var standard: String { methods.standard.name }

    /// Names of the methods that remove whole units.
    static var removingUnits: String { unitMethods.joined(separator: ", ") }

    /// One of them, for an example.
    static var removingUnitsExample: String { unitMethods.first ?? standard }

    /// "blocks with wanda++": the methods whose channels change places.
    static var moves: String {
        methods.all.compactMap { method in method.moves[.default].map { "\($0.text) with \(method.name)" } }
            .joined(separator: ", ")
    }

    private static var unitMethods: [String] { methods.all.filter { $0.removes == .units }.map(\.name) }

    /// "3e-2, with tyr 1e-2": what a setting within a block is where nobody names it, the standard method's first.
    static func value(_ preset: Preset, _ read: (PruneSettings.RegionalSettings) -> Double?) -> String {
        let all = methods.all.compactMap { method in
            method.regional[preset].flatMap(read).map { (name: method.name, value: $0) }
        }
        let first = all.first { $0.name == standard } ?? all.first
        guard let first else { return "none" }
        let others = all.filter { $0.value != first.value }.map { ", with \($0.name) \(number($0.value))" }
        return number(first.value) + others.joined()
    }

    /// 100, 0.5 or 3e-7.
    private static func number(_ value: Double) -> String {
        if let whole = Int(exactly: value) { return "\(whole)" }
        guard value > 0, value < 0.1 else { return "\(value)" }
        for digits in 2...15 {
            let mantissa = value * power(digits)
            if abs(mantissa - mantissa.rounded()) < 1e-9, mantissa.rounded() > 0 {
                return "\(Int(mantissa.rounded()))e-\(digits)"
            }
        }
        return "\(value)"
    }

    /// 10 to a whole number.
    private static func power(_ exponent: Int) -> Double { (0..<exponent).reduce(1.0) { power, _ in power * 10 } }
}

/// The name of a method from a flag.
@Sendable func methodName(_ text: String) throws -> String {
    do throws(Fault) { return try MethodRegistry.standard.declared.named(text).name } catch {
        throw ValidationError(error.asFlagValue)
    }
}
