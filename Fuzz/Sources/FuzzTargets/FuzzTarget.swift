import Faults
import Foundation
import Mutation

/// A reader of the product with the form of what it reads.
///
/// An execution ends well when the reader gives a value or throws a fault whose message is fit for a terminal. A trap,
/// an endless loop, and memory or time beyond the limits of the driver are findings.
public struct FuzzTarget {
    public let name: String
    public let format: Format
    /// The longest input that makes sense, in bytes.
    public let longest: Int
    /// Inputs to begin with that are made at run time, because they hold paths or digests.
    let madeSeeds: () throws -> [[UInt8]]
    private let body: ([UInt8], Scratch) throws -> Void

    init(
        _ name: String, _ format: Format, longest: Int = 1 << 15, seeds: @escaping () throws -> [[UInt8]] = { [] },
        _ body: @escaping ([UInt8], Scratch) throws -> Void
    ) {
        self.name = name
        self.format = format
        self.longest = longest
        madeSeeds = seeds
        self.body = body
    }

    /// All targets, by name.
    nonisolated(unsafe) public static let all: [FuzzTarget] =
        checkpointTargets + textTargets + gateTargets + recordTargets + endpointTargets + journalTargets

    public static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }

    /// The folder of this package's inputs: `ESPALIER_FUZZ_HOME`, or the working folder.
    static var home: String { ProcessInfo.processInfo.environment["ESPALIER_FUZZ_HOME"] ?? "." }

    /// The committed inputs and those that are made at run time.
    public func seeds() throws -> [[UInt8]] {
        let folder = FuzzTarget.home + "/Corpus/" + name
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
        return try madeSeeds() + names.map { Array(try Data(contentsOf: URL(fileURLWithPath: folder + "/" + $0))) }
    }

    /// Runs the reader once.
    public func execute(_ bytes: [UInt8]) {
        do {
            try body(bytes, Scratch.shared)
        } catch let fault as Fault {
            FuzzTarget.check(fault)
        } catch {
            fatalError("an error that is no fault: \(error)")
        }
    }

    /// A message is short and cannot move a terminal's cursor.
    static func check(_ fault: Fault) {
        let text = fault.description
        precondition(text.utf8.count < 20_000, "a message of \(text.utf8.count) bytes: \(text.prefix(2000))")
        for scalar in text.unicodeScalars where scalar != "\n" {
            precondition(
                scalar.properties.generalCategory != .control && !(0x202A...0x202E).contains(scalar.value)
                    && !(0x2066...0x2069).contains(scalar.value),
                "a control character in a message: \(text.debugDescription.prefix(2000))")
        }
        precondition(text.split(separator: "\n").count <= 8, "a message of many lines: \(text.prefix(2000))")
    }
}
